#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use serde_json::{Value, json};

use super::{differing, environment_is_readable, hash, request, restoring, with};
use crate::lambda::testing::{answer, settings};
use crate::manifest::FunctionConfiguration;

fn configuration() -> Value {
    answer("code")["Configuration"].clone()
}

fn changed(pointer: &str, value: impl Into<Value>) -> Value {
    let mut configuration = configuration();
    *configuration.pointer_mut(pointer).unwrap() = value.into();
    configuration
}

fn of(configuration: &Value) -> String {
    hash("shop-api", configuration)
}

#[test]
fn every_setting_counts() {
    let before = of(&configuration());
    for (pointer, value) in [
        ("/Role", json!("other")),
        ("/Handler", json!("other")),
        ("/Runtime", json!("python3.13")),
        ("/Timeout", json!(4)),
        ("/MemorySize", json!(256)),
        ("/Environment/Variables/SECRET", json!("hunter3")),
        ("/TracingConfig/Mode", json!("Active")),
        ("/EphemeralStorage/Size", json!(1024)),
    ] {
        assert_ne!(of(&changed(pointer, value)), before, "{pointer}");
    }
    let mut more = configuration();
    for (key, value) in [
        ("Layers", json!([{"Arn": "layer:1", "CodeSize": 1}])),
        (
            "VpcConfig",
            json!({"SubnetIds": ["a"], "SecurityGroupIds": ["b"], "VpcId": "c"}),
        ),
        ("DeadLetterConfig", json!({"TargetArn": "queue"})),
        ("KMSKeyArn", json!("key")),
        ("SnapStart", json!({"ApplyOn": "PublishedVersions"})),
        ("LoggingConfig", json!({"LogFormat": "JSON"})),
        (
            "ImageConfigResponse",
            json!({"ImageConfig": {"Command": ["x"]}}),
        ),
    ] {
        let before = of(&more);
        more[key] = value;
        assert_ne!(of(&more), before, "{key}");
    }
}

#[test]
fn what_differs_between_a_function_and_its_version_does_not_count() {
    let before = of(&configuration());
    let mut version = configuration();
    for (key, value) in [
        ("Version", json!("7")),
        ("Description", json!("published by someone")),
        ("RevisionId", json!("other")),
        ("CodeSha256", json!("other")),
        ("CodeSize", json!(7)),
        ("LastModified", json!("2026-11-20")),
        ("State", json!("Pending")),
        ("LastUpdateStatus", json!("InProgress")),
        (
            "VpcConfig",
            json!({"SubnetIds": [], "SecurityGroupIds": [], "VpcId": ""}),
        ),
        (
            "SnapStart",
            json!({"ApplyOn": "None", "OptimizationStatus": "On"}),
        ),
        (
            "LoggingConfig",
            json!({"LogFormat": "Text", "LogGroup": "/aws/lambda/shop-api"}),
        ),
        ("DeadLetterConfig", Value::Null),
        ("KMSKeyArn", json!("")),
        ("Layers", json!([])),
    ] {
        version[key] = value;
    }
    for key in ["TracingConfig", "EphemeralStorage"] {
        version.as_object_mut().unwrap().remove(key);
    }
    assert_eq!(of(&version), before);
}

#[test]
fn order_counts_only_where_it_means_something() {
    let with = |key: &str, value: Value| {
        let mut configuration = configuration();
        configuration[key] = value;
        of(&configuration)
    };
    let vpc = |ids: [&str; 2]| with("VpcConfig", json!({"SubnetIds": ids}));
    assert_eq!(vpc(["a", "b"]), vpc(["b", "a"]));
    let layers = |ids: [&str; 2]| with("Layers", ids.iter().map(|id| json!({"Arn": id})).collect());
    assert_ne!(layers(["a", "b"]), layers(["b", "a"]));
    let variables = changed(
        "/Environment/Variables",
        json!({"LOG_LEVEL": "warn", "SECRET": "hunter2"}),
    );
    assert_eq!(of(&variables), of(&configuration()));
}

#[test]
fn the_hash_is_salted_with_the_name_and_shows_no_value() {
    let hash_of = |name| hash(name, &configuration());
    assert_ne!(hash_of("shop-api"), hash_of("shop-worker"));
    assert!(hash_of("shop-api").chars().all(|c| c.is_ascii_hexdigit()) && hash_of("a").len() == 64);
}

#[test]
fn only_what_differs_is_set() {
    let there = configuration();
    assert_eq!(differing(&settings(), &there), settings());
    assert!(differing(&settings(), &with(&there, &settings())).is_empty());
    let same = FunctionConfiguration {
        timeout_seconds: Some(3),
        handler: Some("index.handler".into()),
        ..FunctionConfiguration::default()
    };
    assert!(differing(&same, &there).is_empty());
}

#[test]
fn variables_that_the_manifest_does_not_name_are_never_wiped() {
    let request = request(&configuration(), &settings(), "r1");
    assert_eq!(
        *request.as_value(),
        json!({
            "MemorySize": 512,
            "Environment": {"Variables": {"LOG_LEVEL": "info", "SECRET": "hunter2"}},
            "RevisionId": "r1",
        })
    );
    assert!(!format!("{request:?}").contains("hunter2"));
    let memory = FunctionConfiguration {
        environment: [].into(),
        ..settings()
    };
    assert_eq!(
        *super::request(&configuration(), &memory, "r1").as_value(),
        json!({"MemorySize": 512, "RevisionId": "r1"})
    );
}

#[test]
fn what_was_changed_is_restored_and_nothing_else() {
    let request = restoring(&configuration(), &settings(), "r2");
    assert_eq!(
        *request.as_value(),
        json!({
            "MemorySize": 128,
            "Environment": {"Variables": {"LOG_LEVEL": "warn", "SECRET": "hunter2"}},
            "RevisionId": "r2",
        })
    );
    let without = changed("/Environment", Value::Null);
    assert_eq!(
        restoring(&without, &settings(), "r2").as_value()["Environment"],
        json!({"Variables": {}})
    );
}

#[test]
fn variables_that_cannot_be_decrypted_are_told_apart() {
    assert!(environment_is_readable(&configuration()));
    assert!(environment_is_readable(&json!({})));
    let refused = json!({"Error": {"ErrorCode": "AccessDeniedException", "Message": "no"}});
    assert!(!environment_is_readable(&changed(
        "/Environment",
        refused.clone()
    )));
    assert_ne!(
        of(&changed("/Environment", refused)),
        of(&changed("/Environment", json!({})))
    );
}
