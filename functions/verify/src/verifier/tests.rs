//! Whole looks, with the ledger and ECS answering from memory.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsOutput;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_ecs::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_http_client::test_util::infallible_client_fn;
use aws_smithy_mocks::{RuleMode, mock, mock_client};
use aws_smithy_types::body::SdkBody;
use jiff::Timestamp;
use lockstep::manifest::Manifest;
use lockstep_aws::HttpGet;
use lockstep_ecs::Ecs;
use lockstep_ledger::Ledger;
use serde_json::{Value, json};

use super::Verifier;

const ID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
const MANIFEST: &str = "
application: quiz
services:
  web: { cluster: quiz, containers: { web: quiz/web } }
environments:
  development:
    verify: { settle_seconds: 30 }
";
/// Nothing listens there.
const UNREACHABLE: &str = "
application: quiz
services:
  web: { cluster: quiz, containers: { web: quiz/web } }
environments:
  development:
    verify: { http: [{ url: \"http://127.0.0.1:9/health\", attempts: 1 }] }
";

fn arn(number: u32) -> String {
    format!("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:{number}")
}

fn plan() -> Value {
    let container = json!({"name": "web", "image": "quiz/web@sha256:b"});
    let step = json!({
        "phase": "service", "deployment": ID, "application": "quiz", "environment": "development", "component": "web",
        "cluster": "quiz", "service": "web", "service_arn": "arn:aws:ecs:eu-west-1:123456789012:service/quiz/web",
        "before": {"task_definition": arn(7), "deployment_configuration": {}, "serving": true, "images": {"web": "quiz/web:v1"}},
        "after": {"task_definition": {"family": "web", "containerDefinitions": [container]}, "deployment_configuration": {}},
        "stopped_tasks": 2, "timeout_seconds": 60, "planned_at": "2023-11-14T22:13:20Z",
    });
    json!({
        "release": {"manifest_version": 1, "artifacts": {}},
        "steps": [{"number": 0, "target": "service quiz/web", "before": "v1", "after": "v2", "change": step}],
    })
}

fn item(body: &Value) -> GetItemOutput {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let body = text(&body.to_string());
    let item = HashMap::from([
        ("pk".to_owned(), text("p")),
        ("sk".to_owned(), text("s")),
        ("body".to_owned(), body),
    ]);
    GetItemOutput::builder().set_item(Some(item)).build()
}

fn ledger(manifest: &str) -> Ledger {
    let manifest = Manifest::parse("lockstep.yaml", manifest)
        .unwrap()
        .embed(|_| unreachable!())
        .unwrap();
    let applied = json!({"version": 1, "applied_at": Timestamp::UNIX_EPOCH, "applied_by": "me", "manifest": manifest});
    let lease = mock!(DynamoDb::transact_write_items)
        .then_output(|| TransactWriteItemsOutput::builder().build());
    let planned = mock!(DynamoDb::get_item)
        .match_requests(|request| {
            request.key().and_then(|key| key.get("sk")) == Some(&AttributeValue::S("plan".into()))
        })
        .then_output(|| item(&plan()));
    let stored = mock!(DynamoDb::get_item).then_output(move || item(&applied));
    Ledger::new(
        mock_client!(
            aws_sdk_dynamodb,
            RuleMode::MatchAny,
            [&lease, &planned, &stored]
        ),
        "table",
    )
}

/// An ECS whose service runs revision `number`, with tasks of ours that crashed at these times.
fn ecs(number: u32, crashes: Vec<Timestamp>) -> Ecs {
    let http = infallible_client_fn(move |request: http::Request<SdkBody>| {
        let operation = request.headers()["x-amz-target"]
            .to_str()
            .unwrap()
            .rsplit('.')
            .next()
            .unwrap()
            .to_owned();
        let body = match operation.as_str() {
            "DescribeServices" => {
                let primary = json!({
                    "status": "PRIMARY", "taskDefinition": arn(number), "rolloutState": "COMPLETED", "runningCount": 1,
                });
                json!({"services": [{"status": "ACTIVE", "desiredCount": 1, "deployments": [primary]}]})
            }
            "DescribeTaskDefinition" => json!({
                "taskDefinition": {
                    "taskDefinitionArn": arn(8), "family": "web",
                    "containerDefinitions": [{"name": "web", "image": "quiz/web@sha256:b"}],
                },
                "tags": [{"key": "lockstep:deployment", "value": ID}],
            }),
            "ListTasks" => {
                json!({"taskArns": crashes.iter().map(ToString::to_string).collect::<Vec<_>>()})
            }
            "DescribeTasks" => {
                let tasks = crashes.iter().map(|at| json!({
                    "taskArn": "t", "taskDefinitionArn": arn(8), "stopCode": "EssentialContainerExited",
                    "stoppedAt": at.as_second(), "containers": [{"name": "web", "exitCode": 1}],
                }));
                json!({"tasks": tasks.collect::<Vec<_>>()})
            }
            _ => json!({}),
        };
        http::Response::builder()
            .status(200)
            .body(SdkBody::from(body.to_string()))
            .unwrap()
    });
    let config = aws_sdk_ecs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::for_tests())
        .http_client(http);
    Ecs::new(aws_sdk_ecs::Client::from_conf(config.build()))
}

fn verifier(ecs: Ecs) -> Verifier {
    Verifier {
        ledger: ledger(MANIFEST),
        ecs,
        http: HttpGet::default(),
    }
}

fn payload(target: &str, progress: &Value) -> Value {
    json!({
        "deployment": {"id": ID, "application": "quiz", "environment": "development"},
        "fence": 3, "target": target, "progress": progress,
    })
}

#[tokio::test]
async fn a_release_settles_before_it_is_verified() {
    let verifier = verifier(ecs(8, Vec::new()));
    let first = verifier
        .handle(payload("after", &Value::Null))
        .await
        .unwrap();
    assert_eq!(
        (&first["status"], &first["wait_seconds"]),
        (&json!("running"), &json!(15))
    );
    assert_eq!(first["note"], "all checks passed; 30 s to settle");
    let mut progress = first["progress"].clone();
    progress["settling_since"] = json!(Timestamp::now() - jiff::SignedDuration::from_secs(31));
    let last = verifier.handle(payload("after", &progress)).await.unwrap();
    assert_eq!(
        (&last["status"], &last["note"]),
        (&json!("passed"), &json!("verified"))
    );
}

#[tokio::test]
async fn a_crash_while_settling_fails_the_release() {
    let crashed = Timestamp::now() + jiff::SignedDuration::from_secs(1);
    let verifier = verifier(ecs(8, vec![crashed]));
    let error = verifier
        .handle(payload("after", &Value::Null))
        .await
        .unwrap_err();
    assert_eq!(error.name(), "Unhealthy");
    assert!(
        error
            .to_string()
            .contains("stopped after the rollout was completed: container web exited with code 1"),
        "{error}"
    );
}

#[tokio::test]
async fn what_was_put_back_is_verified_by_what_ran_before() {
    let restored = verifier(ecs(7, Vec::new()))
        .handle(payload("before", &Value::Null))
        .await
        .unwrap();
    assert_eq!(restored["status"], "running");
    let error = verifier(ecs(8, Vec::new()))
        .handle(payload("before", &Value::Null))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "service quiz/web: it still runs web:8");
}

#[tokio::test]
async fn what_somebody_else_rolled_out_meanwhile_is_not_held_against_the_undo() {
    let taken_over = Verifier {
        ledger: ledger(UNREACHABLE),
        ..verifier(ecs(9, Vec::new()))
    };
    let passed = taken_over
        .handle(payload("before", &Value::Null))
        .await
        .unwrap();
    assert_eq!(passed["status"], "passed");
}
