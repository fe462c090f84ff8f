#![allow(clippy::unwrap_used)]

use lockstep::PhaseError;
use serde_json::{Value, json};

use crate::testing::{asked, build, codebuild, error};
use crate::{BuildRequest, Source, Started, Status};

fn request() -> BuildRequest {
    BuildRequest {
        project: "shop".into(),
        identity: "mine".into(),
        token: "token".into(),
        source: Some(Source {
            bucket: "b".into(),
            key: "sources/1.zip".into(),
        }),
        source_version: None,
        variables: [("LOCKSTEP_VERB".to_owned(), "plan".to_owned())].into(),
        timeout_minutes: Some(60),
    }
}

#[tokio::test]
async fn a_build_is_asked_for_by_its_token_and_told_who_it_is() {
    let answer = json!({"build": build(7, Some("mine"), "IN_PROGRESS")});
    let (codebuild, http) = codebuild(&[(200, answer)]);
    let Started::Build(started) = codebuild.start(&request()).await.unwrap() else {
        unreachable!("it was started")
    };
    assert_eq!(started.identity.as_deref(), Some("mine"));
    let variable =
        |name: &str, value: &str| json!({"name": name, "value": value, "type": "PLAINTEXT"});
    let sent = json!({
        "projectName": "shop",
        "idempotencyToken": "token",
        "sourceTypeOverride": "S3",
        "sourceLocationOverride": "b/sources/1.zip",
        "environmentVariablesOverride": [variable("LOCKSTEP_VERB", "plan"), variable("LOCKSTEP_BUILD", "mine")],
        "timeoutInMinutesOverride": 60,
        "queuedTimeoutInMinutesOverride": 60,
    });
    assert_eq!(asked(&http), [("StartBuild".to_owned(), sent)]);
}

#[tokio::test]
async fn the_projects_own_source_and_time_stay_unless_others_are_given() {
    let answer = json!({"build": build(7, Some("mine"), "IN_PROGRESS")});
    let answers = [(200, answer.clone()), (200, answer)];
    let (codebuild, http) = codebuild(&answers);
    let mut request = BuildRequest {
        source: None,
        timeout_minutes: None,
        ..request()
    };
    codebuild.start(&request).await.unwrap();
    request.timeout_minutes = Some(1);
    request.source_version = Some("3f2a9c1".into());
    codebuild.start(&request).await.unwrap();
    let asked = asked(&http);
    for name in [
        "sourceTypeOverride",
        "sourceLocationOverride",
        "timeoutInMinutesOverride",
        "queuedTimeoutInMinutesOverride",
    ] {
        assert_eq!(asked[0].1.get(name), None);
    }
    assert_eq!(asked[0].1.get("sourceVersion"), None);
    assert_eq!(asked[1].1["sourceVersion"], "3f2a9c1");
    assert_eq!(asked[1].1["timeoutInMinutesOverride"], Value::from(5));
}

#[tokio::test]
async fn a_full_queue_is_waited_for() {
    let text = "Cannot have more than 1 builds in queue for the account";
    let (codebuild, _http) = codebuild(&[error("AccountLimitExceededException", text)]);
    let started = codebuild.start(&request()).await.unwrap();
    assert_eq!(started, Started::NoRoom(text.to_owned()));
}

#[tokio::test]
async fn a_project_that_is_missing_is_named() {
    let (codebuild, _http) = codebuild(&[error(
        "ResourceNotFoundException",
        "Project cannot be found: arn:x",
    )]);
    let told = codebuild.start(&request()).await.unwrap_err();
    assert_eq!(
        told.to_string(),
        "CodeBuild project shop: codebuild:StartBuild refused: ResourceNotFoundException: Project cannot be found: arn:x; \
         create the project, or correct its name in lockstep.yaml and apply it, then deploy again"
    );
}

#[tokio::test]
async fn a_build_that_ended_needs_no_stop() {
    let running = json!({"build": build(7, Some("mine"), "IN_PROGRESS")});
    let answers = [
        (200, running),
        (200, json!({"build": build(7, Some("mine"), "STOPPED")})),
        error("InvalidInputException", "Cannot stop a build that is over"),
        error("AccessDeniedException", "not authorized"),
    ];
    let (codebuild, http) = codebuild(&answers);
    let Started::Build(build) = codebuild.start(&request()).await.unwrap() else {
        unreachable!("it was started")
    };
    assert_eq!(build.status, Status::InProgress);
    codebuild.stop(&build).await.unwrap();
    codebuild.stop(&build).await.unwrap();
    let denied = codebuild.stop(&build).await.unwrap_err();
    assert!(matches!(denied, PhaseError::Rejected { .. }), "{denied}");
    assert_eq!(
        asked(&http)[1],
        ("StopBuild".to_owned(), json!({"id": "shop:7"}))
    );
}
