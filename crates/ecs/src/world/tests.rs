use lockstep::ecs::ServiceStep;
use serde_json::{Value, json};

use crate::testing::{Answer, asked, ecs, operations};

const PLANNED: i64 = 1_700_000_000;

fn arn(number: u64) -> String {
    format!("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:{number}")
}

fn step() -> ServiceStep {
    serde_json::from_value(json!({
        "deployment": "01D", "application": "quiz", "environment": "development", "component": "web",
        "cluster": "quiz", "service": "web", "service_arn": "arn:aws:ecs:eu-west-1:123456789012:service/quiz/web",
        "before": {"task_definition": arn(7), "deployment_configuration": {}, "serving": true, "images": {"web": "a"}},
        "after": {
            "task_definition": {"family": "web", "containerDefinitions": [{"name": "web", "image": "b"}]},
            "deployment_configuration": {},
        },
        "stopped_tasks": 2, "timeout_seconds": 60, "planned_at": "2023-11-14T22:13:20Z",
    }))
    .unwrap()
}

fn revision(number: u64, image: &str, tags: &[(&str, &str)]) -> Answer {
    let tags: Vec<_> = tags
        .iter()
        .map(|(key, value)| json!({"key": key, "value": value}))
        .collect();
    let definition = json!({
        "taskDefinitionArn": arn(number), "family": "web", "status": "ACTIVE",
        "containerDefinitions": [{"name": "web", "image": image}],
    });
    (200, json!({"taskDefinition": definition, "tags": tags}))
}

fn ours(number: u64) -> Answer {
    revision(number, "b", &[("lockstep:deployment", "01D")])
}

fn service(number: u64) -> Answer {
    let primary = json!({"id": "ecs-svc/1", "status": "PRIMARY", "taskDefinition": arn(number), "rolloutState": "COMPLETED"});
    (
        200,
        json!({"services": [{"status": "ACTIVE", "deployments": [primary]}]}),
    )
}

fn no_tasks() -> Answer {
    (200, json!({"taskArns": []}))
}

fn references(asked: &[(String, Value)]) -> Vec<String> {
    let described = asked
        .iter()
        .filter(|(operation, _)| operation == "DescribeTaskDefinition");
    described
        .map(|(_, body)| body["taskDefinition"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn before_anything_was_registered_two_calls_tell_all() {
    let (ecs, http) = ecs(&[service(7), revision(7, "a", &[])]);
    let world = ecs.look(&step()).await.unwrap();
    assert!(world.ours.is_empty());
    assert_eq!(
        operations(&http),
        ["DescribeServices", "DescribeTaskDefinition"]
    );
}

#[tokio::test]
async fn a_registered_revision_that_nobody_was_seen_to_use_is_looked_up_in_ecs_memory() {
    let brief = json!({"targetServiceRevisionArn": "sr/1", "status": "ROLLBACK_SUCCESSFUL", "statusReason": "alarm"});
    let (ecs, http) = ecs(&[
        service(7),
        ours(8),
        no_tasks(),
        (200, json!({"serviceDeployments": [brief]})),
        (
            200,
            json!({"serviceRevisions": [{"serviceRevisionArn": "sr/1", "taskDefinition": arn(8)}]}),
        ),
    ]);
    let world = ecs.look(&step()).await.unwrap();
    assert_eq!(
        world
            .our_past()
            .map(|past| (past.status.as_str(), past.reason.as_str())),
        Some(("ROLLBACK_SUCCESSFUL", "alarm"))
    );
    let asked = asked(&http);
    assert_eq!(asked[3].1["createdAt"]["after"], json!(PLANNED));
    assert_eq!(asked[4].0, "DescribeServiceRevisions");
}

#[tokio::test]
async fn where_ecs_has_no_memory_the_revision_was_never_used() {
    let (ecs, _http) = ecs(&[
        service(7),
        ours(8),
        no_tasks(),
        (200, json!({"serviceDeployments": []})),
    ]);
    assert_eq!(ecs.look(&step()).await.unwrap().past, []);
}

#[tokio::test]
async fn stopped_tasks_are_read_page_by_page() {
    let task = |code: &str| json!({"taskArn": "t", "taskDefinitionArn": arn(8), "stopCode": code});
    let (ecs, http) = ecs(&[
        service(8),
        ours(8),
        (200, json!({"taskArns": ["t1"], "nextToken": "more"})),
        (200, json!({"tasks": [task("EssentialContainerExited")]})),
        (200, json!({"taskArns": ["t2"]})),
        (200, json!({"tasks": [task("UserInitiated")]})),
    ]);
    let world = ecs.look(&step()).await.unwrap();
    assert_eq!((world.stopped.len(), world.our_failures().len()), (2, 1));
    let asked = asked(&http);
    assert_eq!(
        asked[2].1,
        json!({"cluster": "quiz", "serviceName": "web", "desiredStatus": "STOPPED"})
    );
    assert_eq!(asked[4].1["nextToken"], json!("more"));
}

#[tokio::test]
async fn a_registration_whose_answer_was_lost_is_found_again() {
    let (ecs, http) = ecs(&[ours(8)]);
    assert_eq!(ecs.find_or_register(&step()).await.unwrap(), arn(8));
    assert_eq!(operations(&http), ["DescribeTaskDefinition"]);
}

#[tokio::test]
async fn a_mark_on_other_images_is_not_ours() {
    let copied = revision(8, "c", &[("lockstep:deployment", "01D")]);
    let (ecs, http) = ecs(&[copied.clone(), ours(9), ours(9), copied]);
    assert_eq!(ecs.find_or_register(&step()).await.unwrap(), arn(9));
    assert_eq!(
        asked(&http)[1],
        (
            "RegisterTaskDefinition".to_owned(),
            step().after.task_definition
        )
    );
}

#[tokio::test]
async fn overlapping_invocations_agree_on_the_first_revision() {
    let (ecs, http) = ecs(&[revision(7, "a", &[]), ours(9), ours(9), ours(8)]);
    assert_eq!(ecs.find_or_register(&step()).await.unwrap(), arn(8));
    assert_eq!(references(&asked(&http)), ["web", "web", "web:8"]);
}

#[tokio::test]
async fn only_the_newest_revisions_above_the_old_one_are_looked_at() {
    let foreign = |number| revision(number, "x", &[]);
    let (ecs, http) = ecs(&[
        foreign(20),
        foreign(19),
        foreign(18),
        foreign(17),
        foreign(16),
        ours(21),
        ours(21),
        foreign(20),
        foreign(19),
        foreign(18),
        foreign(17),
    ]);
    assert_eq!(ecs.find_or_register(&step()).await.unwrap(), arn(21));
    assert_eq!(
        references(&asked(&http))[..5],
        ["web", "web:19", "web:18", "web:17", "web:16"]
    );
}

#[tokio::test]
async fn a_deregistered_revision_is_repeated_to_go_back_to_it() {
    let (_, mut inactive) = revision(7, "a", &[("team", "quiz")]);
    inactive["taskDefinition"]["status"] = json!("INACTIVE");
    let (ecs, http) = ecs(&[
        service(8),
        ours(8),
        no_tasks(),
        (200, inactive),
        revision(9, "a", &[]),
    ]);
    let world = ecs.look(&step()).await.unwrap();
    assert_eq!(ecs.restorable(&step(), &world).await.unwrap(), arn(9));
    let (operation, body) = asked(&http).pop().unwrap();
    assert_eq!(operation, "RegisterTaskDefinition");
    assert_eq!(
        body,
        json!({
            "family": "web", "containerDefinitions": [{"name": "web", "image": "a"}],
            "tags": [
                {"key": "team", "value": "quiz"},
                {"key": "lockstep:deployment", "value": "01D"},
                {"key": "lockstep:restores", "value": arn(7)},
            ],
        })
    );
}
