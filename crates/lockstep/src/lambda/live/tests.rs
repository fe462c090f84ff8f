use serde_json::json;

use super::{LastUpdate, LiveAlias, LiveFunction, PackageType, State};
use crate::lambda::testing::answer;

#[test]
fn an_answer_of_get_function_is_read() {
    let live = LiveFunction::parse(&answer("abc="));
    assert_eq!(live.name, "shop-api");
    assert_eq!(live.version, "$LATEST");
    assert_eq!(
        (live.number(), live.version_label()),
        (None, "$LATEST".to_owned())
    );
    assert_eq!(
        (live.state.clone(), live.last_update.clone()),
        (State::Active, LastUpdate::Successful)
    );
    assert_eq!((live.code_sha256.as_str(), live.code_size), ("abc=", 1000));
    assert_eq!(
        (live.package, live.architecture.as_str()),
        (PackageType::Zip, "arm64")
    );
    assert_eq!(live.tags.get("team").map(String::as_str), Some("shop"));
    assert_eq!(live.location.as_deref(), Some("https://example.com/code"));
    assert!(!format!("{live:?}").contains("hunter2"));
}

#[test]
fn an_item_of_a_list_tells_nothing_of_states_and_counts_as_in_order() {
    let item = json!({"Configuration": {
        "FunctionName": "f", "FunctionArn": "arn:aws:lambda:r:1:function:f:7", "Version": "7", "CodeSha256": "x",
    }});
    let live = LiveFunction::parse(&item);
    assert_eq!(
        (live.state.clone(), live.last_update.clone()),
        (State::Active, LastUpdate::Successful)
    );
    assert_eq!(
        (live.number(), live.version_label()),
        (Some(7), "version 7".to_owned())
    );
    assert_eq!(live.arn, "arn:aws:lambda:r:1:function:f");
}

#[test]
fn the_code_of_an_image_is_its_digest() {
    let hex = "ab".repeat(32);
    let mut image = answer("");
    image["Configuration"]["PackageType"] = "Image".into();
    image["Configuration"]["CodeSha256"] = "whatever".into();
    image["Code"] =
        json!({"ResolvedImageUri": format!("1.dkr.ecr.r.amazonaws.com/shop@sha256:{hex}")});
    let live = LiveFunction::parse(&image);
    assert_eq!((live.package, live.code_sha256), (PackageType::Image, hex));
}

#[test]
fn failures_come_in_words() {
    let mut failed = answer("");
    failed["Configuration"]["State"] = "Failed".into();
    failed["Configuration"]["StateReasonCode"] = "ImageDeleted".into();
    failed["Configuration"]["LastUpdateStatus"] = "Failed".into();
    failed["Configuration"]["LastUpdateStatusReason"] = "Something.".into();
    let live = LiveFunction::parse(&failed);
    assert!(
        matches!(&live.state, State::Failed(why) if why.contains("push it again")),
        "{live:?}"
    );
    assert_eq!(live.last_update, LastUpdate::Failed("Something".into()));
}

#[test]
fn an_alias_is_read_with_its_weights() {
    let alias = json!({
        "FunctionVersion": "5", "RevisionId": "a1",
        "RoutingConfig": {"AdditionalVersionWeights": {"6": 0.1, "7": 0.0}},
    });
    let alias = LiveAlias::parse(&alias);
    assert_eq!(
        (alias.version.as_str(), alias.revision_id.as_str()),
        ("5", "a1")
    );
    assert_eq!(alias.weights, [("6".to_owned(), 0.1)].into());
    assert!(
        LiveAlias::parse(&json!({"FunctionVersion": "5"}))
            .weights
            .is_empty()
    );
}
