#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use crate::testing::{asked, ecs, error, operations};

const TASK: &str = "arn:aws:ecs:eu-west-1:1:task/shop/0123";

fn definition() -> Value {
    json!({
        "family": "api-migration-schema",
        "containerDefinitions": [{"name": "api", "image": "i"}],
        "tags": [{"key": "lockstep:deployment", "value": "d"}],
    })
}

fn revision(number: u64, deployment: &str) -> Value {
    let mut described = definition();
    described["taskDefinitionArn"] =
        format!("arn:aws:ecs:eu-west-1:1:task-definition/api-migration-schema:{number}").into();
    described["status"] = "ACTIVE".into();
    json!({"taskDefinition": described, "tags": [{"key": "lockstep:deployment", "value": deployment}]})
}

fn input() -> Value {
    json!({"cluster": "shop", "taskDefinition": "arn:x:task-definition/api:1", "clientToken": "t", "fieldOfTomorrow": 1})
}

#[tokio::test]
async fn the_first_revision_of_the_deployment_is_taken() {
    let (ecs, http) = ecs(&[
        (200, revision(9, "d")),
        (200, revision(8, "d")),
        (200, revision(7, "other")),
    ]);
    let found = ecs.one_shot_revision(&definition()).await.unwrap();
    assert!(found.ends_with(":8"), "{found}");
    assert!(!operations(&http).contains(&"RegisterTaskDefinition".to_owned()));
}

#[tokio::test]
async fn one_is_registered_where_there_is_none() {
    let (ecs, http) = ecs(&[
        (200, revision(7, "other")),
        (200, revision(8, "d")),
        (200, revision(8, "d")),
        (200, revision(7, "other")),
    ]);
    let found = ecs.one_shot_revision(&definition()).await.unwrap();
    assert!(found.ends_with(":8"), "{found}");
    assert_eq!(operations(&http)[1], "RegisterTaskDefinition");
}

#[tokio::test]
async fn a_task_is_started_with_all_fields() {
    let (ecs, http) = ecs(&[(200, json!({"tasks": [{"taskArn": TASK}], "failures": []}))]);
    assert_eq!(ecs.run_task(&input()).await.unwrap().as_deref(), Some(TASK));
    assert_eq!(asked(&http), [("RunTask".to_owned(), input())]);
}

#[tokio::test]
async fn a_known_token_is_no_failure_and_a_full_cluster_passes() {
    let (busy, _) = ecs(&[error(400, "ConflictException", "token")]);
    assert_eq!(busy.run_task(&input()).await, Ok(None));
    let failures = |reason: &str| (200, json!({"tasks": [], "failures": [{"reason": reason}]}));
    let (full, _) = ecs(&[failures("RESOURCE:MEMORY"), failures("MISSING")]);
    assert!(full.run_task(&input()).await.unwrap_err().is_transient());
    assert_eq!(
        full.run_task(&input()).await.unwrap_err().to_string(),
        "task api:1: ecs:RunTask started no task: MISSING"
    );
}

#[tokio::test]
async fn only_tasks_of_ours_are_found() {
    let tasks = json!({"tasks": [
        {"taskArn": TASK, "startedBy": "me", "lastStatus": "STOPPED"},
        {"taskArn": "other", "startedBy": "you", "lastStatus": "STOPPED"},
    ]});
    let (ecs, http) = ecs(&[
        (200, json!({"taskArns": []})),
        (200, json!({"taskArns": [TASK, "other"]})),
        (200, tasks),
    ]);
    let found = ecs.started_tasks("shop", "api", "me").await.unwrap();
    assert_eq!(found.len(), 1);
    assert!(found[0].is_over() && found[0].arn() == TASK);
    let listed = asked(&http);
    assert!(listed[0].1.get("startedBy").is_none() && listed[0].1["family"] == "api");
}

#[tokio::test]
async fn a_task_that_is_gone_needs_no_stop() {
    let (ecs, _) = ecs(&[error(
        400,
        "InvalidParameterException",
        "The referenced task was not found.",
    )]);
    assert_eq!(ecs.stop_task("shop", TASK, "why").await, Ok(()));
}
