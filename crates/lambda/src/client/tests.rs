use lockstep::PhaseError;
use lockstep::lambda::LastUpdate;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::testing::{asked, error, function, lambda, ok};

#[tokio::test]
async fn a_look_is_one_get_function_with_its_qualifier() {
    let answers = [ok(function("$LATEST", "abc")), ok(function("7", "abc"))];
    let (lambda, http) = lambda(&answers);
    let latest = lambda.function("shop-api", None).await.unwrap().unwrap();
    assert_eq!(
        (latest.name.as_str(), latest.last_update),
        ("shop-api", LastUpdate::Successful)
    );
    let live = lambda.function("shop-api", Some("live")).await.unwrap();
    assert_eq!(live.unwrap().version, "7");
    assert_eq!(
        asked(&http),
        [
            ("GET /2015-03-31/functions/shop-api".to_owned(), Value::Null),
            (
                "GET /2015-03-31/functions/shop-api?Qualifier=live".to_owned(),
                Value::Null
            ),
        ]
    );
}

#[tokio::test]
async fn an_alias_is_read_with_its_weights() {
    let answer = json!({
        "Name": "live", "FunctionVersion": "7", "RevisionId": "r2",
        "RoutingConfig": {"AdditionalVersionWeights": {"6": 0.25}},
    });
    let (lambda, http) = lambda(&[ok(answer)]);
    let alias = lambda.alias("shop-api", "live").await.unwrap().unwrap();
    assert_eq!(
        (alias.version.as_str(), alias.revision_id.as_str()),
        ("7", "r2")
    );
    assert_eq!(alias.weights, [("6".to_owned(), 0.25)].into());
    assert_eq!(
        asked(&http)[0].0,
        "GET /2015-03-31/functions/shop-api/aliases/live"
    );
}

#[tokio::test]
async fn what_is_not_there_is_not_an_error() {
    let missing = || error(404, "ResourceNotFoundException", "Function not found: f");
    let (lambda, _http) = lambda(&[missing(), missing()]);
    assert_eq!(lambda.function("f", Some("9")).await.unwrap(), None);
    assert_eq!(lambda.alias("f", "live").await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_look_is_repeated_by_the_sdk_and_then_transient() {
    let throttled = || error(429, "TooManyRequestsException", "Rate exceeded");
    let (lambda, http) = lambda(&[throttled(), throttled(), throttled()]);
    let failed = lambda.function("shop-api", None).await.unwrap_err();
    assert!(failed.is_transient(), "{failed}");
    assert_eq!(http.actual_requests().count(), 3);
}

#[tokio::test]
async fn what_the_role_may_not_do_is_told_with_the_action() {
    let denied = error(403, "AccessDeniedException", "not authorized");
    let (lambda, _http) = lambda(&[denied]);
    let failed = lambda.function("shop-api", Some("live")).await.unwrap_err();
    assert_eq!(
        failed,
        PhaseError::Rejected {
            resource: "function shop-api:live".into(),
            reason: "the phase's role may not call lambda:GetFunction: not authorized; \
                     allow it in template.yaml or in the resource's policy"
                .into(),
        }
    );
}

#[tokio::test]
async fn tags_that_matter_and_may_not_be_read_are_an_error() {
    let mut denied = function("$LATEST", "abc");
    denied["Tags"] = Value::Null;
    denied["TagsError"] = json!({"ErrorCode": "AccessDeniedException", "Message": "no."});
    let answers = [
        ok(function("$LATEST", "abc")),
        ok(denied.clone()),
        ok(denied),
    ];
    let (lambda, _http) = lambda(&answers);
    let tagged = lambda.tagged("shop-api").await.unwrap().unwrap();
    assert_eq!(tagged.tags, [("team".to_owned(), "shop".to_owned())].into());
    assert_eq!(
        lambda.tagged("shop-api").await.unwrap_err().to_string(),
        "function shop-api: its tags cannot be read: AccessDeniedException: no; \
         the phase's role needs lambda:ListTags"
    );
    assert!(lambda.function("shop-api", None).await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn looks_have_a_budget_of_their_own() {
    let answers = vec![ok(function("$LATEST", "abc")); 53];
    let (lambda, _http) = lambda(&answers);
    let lambda = lambda.paced(10, None);
    let start = Instant::now();
    for _ in 0..53 {
        lambda.function("shop-api", None).await.unwrap();
    }
    let took = start.elapsed().as_millis();
    assert!((990..1020).contains(&took), "{took}");
}

#[tokio::test(start_paused = true)]
async fn a_throttled_call_slows_down_the_calls_to_come() {
    let alias = || ok(json!({"Name": "live", "FunctionVersion": "7", "RevisionId": "r"}));
    let throttled = error(429, "TooManyRequestsException", "Rate exceeded");
    let (lambda, http) = lambda(&[throttled, alias(), alias()]);
    let lambda = lambda.paced(10, None);
    let failed = lambda.alias("shop-api", "live").await.unwrap_err();
    assert!(failed.is_transient());
    assert_eq!(
        http.actual_requests().count(),
        1,
        "the SDK does not repeat it"
    );
    let start = Instant::now();
    lambda.alias("shop-api", "live").await.unwrap();
    lambda.alias("shop-api", "live").await.unwrap();
    assert!(start.elapsed().as_millis() >= 350, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_call_whose_turn_comes_too_late_is_not_made() {
    let (lambda, http) = lambda(&[]);
    let lambda = lambda.paced(1, Some(Instant::now() - std::time::Duration::from_mins(1)));
    assert!(lambda.alias("f", "live").await.unwrap_err().is_transient());
    assert!(lambda.function("f", None).await.unwrap_err().is_transient());
    assert_eq!(http.actual_requests().count(), 0);
}

#[tokio::test]
async fn secrets_are_not_in_what_is_printed() {
    let (lambda, _http) = lambda(&[ok(function("7", "abc"))]);
    let live = lambda.function("shop-api", None).await.unwrap();
    assert!(!format!("{live:?} {lambda:?}").contains("hush"));
}
