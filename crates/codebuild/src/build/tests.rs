#![allow(clippy::unwrap_used)]

use jiff::Timestamp;
use serde_json::json;

use crate::testing::{build, codebuild};
use crate::{Build, Status};

async fn read(mut shown: serde_json::Value, more: serde_json::Value) -> Build {
    for (key, value) in more.as_object().unwrap() {
        shown[key] = value.clone();
    }
    let answers = [
        (200, json!({"ids": ["shop:1"]})),
        (200, json!({"builds": [shown]})),
    ];
    let (codebuild, _http) = codebuild(&answers);
    let found = codebuild.find("shop", &["mine"], Timestamp::UNIX_EPOCH);
    found.await.unwrap().remove("mine").unwrap()
}

#[tokio::test]
async fn a_build_tells_who_it_is_and_how() {
    let seen = read(build(7, Some("mine"), "IN_PROGRESS"), json!({})).await;
    assert_eq!(
        (seen.id.as_str(), seen.project.as_str()),
        ("shop:7", "shop")
    );
    assert_eq!(
        (seen.status, seen.phase.as_str()),
        (Status::InProgress, "BUILD")
    );
    assert_eq!(seen.started_at.unwrap().as_second(), 7);
    assert_eq!(seen.log.unwrap().stream, "7");
    assert!(
        seen.link
            .unwrap()
            .starts_with("https://console.aws.amazon.com/")
    );
    assert_eq!((seen.ended_at, seen.failure), (None, None));
}

#[tokio::test]
async fn a_failed_build_tells_what_failed_first() {
    let phases = json!({"phases": [
        {"phaseType": "INSTALL", "phaseStatus": "SUCCEEDED", "contexts": [{"statusCode": "", "message": ""}]},
        {"phaseType": "BUILD", "phaseStatus": "FAILED", "contexts": [{
            "statusCode": "COMMAND_EXECUTION_ERROR",
            "message": "Error while executing command: make. Reason: exit status 2",
        }]},
        {"phaseType": "POST_BUILD", "phaseStatus": "FAILED", "contexts": [{"statusCode": "X", "message": "later"}]},
        {"phaseType": "COMPLETED"},
    ]});
    let seen = read(build(7, Some("mine"), "FAILED"), phases).await;
    assert_eq!(seen.status, Status::Failed);
    assert_eq!(
        seen.failure.unwrap().to_string(),
        "its phase BUILD failed: COMMAND_EXECUTION_ERROR: Error while executing command: make. Reason: exit status 2"
    );
}

#[tokio::test]
async fn an_end_that_codebuild_does_not_explain_is_told_by_its_name() {
    for (status, known) in [
        ("TIMED_OUT", Status::TimedOut),
        ("STOPPED", Status::Stopped),
        ("FAULT", Status::Fault),
    ] {
        let phases = json!({"phases": [{"phaseType": "BUILD", "phaseStatus": status}]});
        let seen = read(build(7, Some("mine"), status), phases).await;
        assert_eq!(seen.status, known);
        assert!(seen.status.is_over());
        assert_eq!(
            seen.failure.unwrap().to_string(),
            format!("its phase BUILD failed: {status}")
        );
    }
}

#[tokio::test]
async fn a_status_of_later_times_is_waited_for() {
    let seen = read(build(7, Some("mine"), "PAUSED"), json!({})).await;
    assert_eq!(seen.status, Status::InProgress);
    let seen = read(
        build(7, Some("mine"), "ABANDONED"),
        json!({"buildComplete": true}),
    );
    assert_eq!(seen.await.status, Status::Failed);
}

#[test]
fn a_script_that_failed_is_told_by_its_beginning_and_its_reason() {
    let script = format!(
        "Error while executing command: if true; then\n  {}\nfi. Reason: exit status 3",
        "echo; ".repeat(100)
    );
    let told = super::short(&script);
    assert!(
        told.starts_with("Error while executing command: if true; then echo; echo;"),
        "{told}"
    );
    assert!(told.ends_with("… Reason: exit status 3"), "{told}");
    assert_eq!(
        super::short(&"x".repeat(301)),
        format!("{}…", "x".repeat(300))
    );
    assert_eq!(super::short(" a\n b "), "a b");
}
