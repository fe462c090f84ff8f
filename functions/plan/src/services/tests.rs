use std::collections::BTreeMap;

use aws_sdk_cloudwatchlogs::operation::describe_log_groups::DescribeLogGroupsOutput;
use aws_sdk_ecr::operation::batch_get_image::BatchGetImageOutput;
use aws_sdk_ecr::types::Image;
use aws_sdk_ecs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_iam::error::ErrorMetadata;
use aws_sdk_iam::operation::get_role::GetRoleError;
use aws_sdk_iam::types::error::NoSuchEntityException;
use aws_smithy_http_client::test_util::infallible_client_fn;
use aws_smithy_mocks::{mock, mock_client};
use aws_smithy_types::body::SdkBody;
use jiff::Timestamp;
use lockstep::DeploymentId;
use lockstep::ecs::Check;
use lockstep::manifest::{ResolvedService, Rollout};
use lockstep::record::DeploymentRef;
use lockstep::release::{Artifacts, ImageArtifact};
use lockstep_ecs::Ecs;
use serde_json::{Value, json};

use super::{Planned, Services, Wanted};
use crate::images::Images;
use crate::logs::LogGroups;
use crate::roles::Roles;

/// An ECS that has this service and this task definition.
fn ecs(service: Option<Value>, definition: Value) -> Ecs {
    let http = infallible_client_fn(move |request: http::Request<SdkBody>| {
        let body = match request.headers()["x-amz-target"]
            .to_str()
            .unwrap()
            .rsplit('.')
            .next()
        {
            Some("DescribeServices") => json!({"services": service.iter().collect::<Vec<_>>()}),
            _ => json!({"taskDefinition": definition, "tags": []}),
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

fn services(ecs: Ecs, manifest: Option<Value>) -> Services {
    let image = mock!(aws_sdk_ecr::Client::batch_get_image).then_output(move || {
        let found = manifest.as_ref().map(|manifest| {
            Image::builder()
                .image_manifest(manifest.to_string())
                .build()
        });
        BatchGetImageOutput::builder()
            .set_images(Some(found.into_iter().collect()))
            .build()
    });
    let role = mock!(aws_sdk_iam::Client::get_role).then_error(|| {
        GetRoleError::NoSuchEntityException(
            NoSuchEntityException::builder()
                .meta(ErrorMetadata::builder().code("NoSuchEntity").build())
                .build(),
        )
    });
    let logs = mock!(aws_sdk_cloudwatchlogs::Client::describe_log_groups)
        .then_output(|| DescribeLogGroupsOutput::builder().build());
    Services {
        ecs,
        images: Images::new(mock_client!(aws_sdk_ecr, [&image]), None),
        roles: Roles::new(mock_client!(aws_sdk_iam, [&role])),
        log_groups: LogGroups::new(mock_client!(aws_sdk_cloudwatchlogs, [&logs])),
    }
}

async fn plan(services: &Services, containers: &[&str]) -> Planned {
    let deployment = DeploymentRef {
        id: DeploymentId::parse("01ARZ3NDEKTSV4RRFFQ69G5FAV").unwrap(),
        application: "quiz".into(),
        environment: "development".into(),
    };
    let image = ImageArtifact {
        repository: "quiz/web".into(),
        digest: "sha256:0123456789abcdef".into(),
        tag: None,
        pushed_at: Timestamp::UNIX_EPOCH,
    };
    let artifacts: Artifacts = BTreeMap::from([("web/web".into(), image.into())]);
    let resolved = ResolvedService {
        cluster: "quiz".into(),
        service: "web".into(),
        containers: containers
            .iter()
            .map(|name| ((*name).to_owned(), "quiz/web".to_owned()))
            .collect(),
        task_definition: None,
        rollout: Rollout::default(),
    };
    let wanted = Wanted {
        deployment: &deployment,
        component: "web",
        resolved: &resolved,
        artifacts: &artifacts,
        now: Timestamp::UNIX_EPOCH,
    };
    services.plan(wanted).await.unwrap()
}

fn service(strategy: &str) -> Value {
    let arn = "arn:aws:ecs:eu-west-1:1:task-definition/web:7";
    json!({
        "serviceArn": "arn:aws:ecs:eu-west-1:1:service/quiz/web", "status": "ACTIVE", "taskDefinition": arn,
        "launchType": "FARGATE", "deploymentConfiguration": {"strategy": strategy},
        "deployments": [{"status": "PRIMARY", "taskDefinition": arn, "rolloutState": "COMPLETED"}],
    })
}

fn definition(role: &str) -> Value {
    let log = json!({"logDriver": "awslogs", "options": {"awslogs-group": "/quiz/web"}});
    json!({
        "taskDefinitionArn": "arn:aws:ecs:eu-west-1:1:task-definition/web:7", "family": "web", "executionRoleArn": role,
        "containerDefinitions": [{"name": "web", "image": "quiz/web:v1", "logConfiguration": if role.is_empty() { Value::Null } else { log }}],
    })
}

fn arm() -> Value {
    json!({"manifests": [{"platform": {"os": "linux", "architecture": "arm64"}}]})
}

#[tokio::test]
async fn checks_of_all_kinds_are_listed_together() {
    let services = services(
        ecs(Some(service("CANARY")), definition("role")),
        Some(arm()),
    );
    let Planned { step, failed, .. } = plan(&services, &["web", "proxy"]).await;
    assert_eq!(step, None);
    let listed: Vec<_> = failed
        .iter()
        .map(|Check { what, found, .. }| format!("{what}: {found}"))
        .collect();
    assert_eq!(
        listed,
        [
            "container: web",
            "deployment strategy: CANARY",
            "image platform: linux/arm64",
            "executionRoleArn: none",
            "log group: none"
        ]
    );
}

#[tokio::test]
async fn a_missing_service_does_not_hide_a_missing_image() {
    let services = services(ecs(None, Value::Null), None);
    let Planned { failed, .. } = plan(&services, &["web"]).await;
    let listed: Vec<_> = failed.iter().map(|check| check.what.as_str()).collect();
    assert_eq!(listed, ["service", "image"]);
}

#[tokio::test]
async fn with_nothing_in_the_way_there_is_a_step() {
    let amd = json!({"manifests": [{"platform": {"os": "linux", "architecture": "amd64"}}]});
    let services = services(ecs(Some(service("ROLLING")), definition("")), Some(amd));
    let Planned { step, failed, .. } = plan(&services, &["web"]).await;
    assert_eq!(failed, []);
    assert!(step.is_some_and(|step| step.after_label() == "new revision of web (quiz/web@0123456789ab)"));
}
