//! A small world for tests: service `quiz/web` on `web:7`, going to a new revision.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::definition::tag;
use super::live::LiveService;
use super::settings::Settings;
use super::step::{After, Before, DEPLOYMENT_TAG, ServiceStep};
use super::task::StoppedTask;
use super::world::ServiceWorld;
use crate::manifest::Rollout;

pub(crate) const DEPLOYMENT: &str = "01JDEPLOYMENT00000000000AA";
pub(crate) const PLANNED: i64 = 1_700_000_000;
pub(crate) const DIGEST: &str =
    "sha256:aaaaaaaaaaaabbbbbbbbbbbbccccccccccccddddddddddddeeeeeeeeeeeeffff";

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(PLANNED + second).unwrap()
}

pub(crate) fn arn(number: u32) -> String {
    format!("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:{number}")
}

pub(crate) fn deployment(status: &str, number: u32, rollout: &str, running: u32) -> Value {
    json!({
        "id": format!("ecs-svc/{number}"), "status": status, "taskDefinition": arn(number), "rolloutState": rollout,
        "desiredCount": 2, "runningCount": running, "createdAt": PLANNED + 10, "updatedAt": PLANNED + 10,
    })
}

pub(crate) fn failed(mut deployment: Value, reason: &str) -> Value {
    deployment["rolloutStateReason"] = reason.into();
    deployment
}

/// The service with these deployments; the primary one names its revision.
pub(crate) fn service(deployments: &[Value]) -> Value {
    let primary = deployments
        .iter()
        .find(|deployment| deployment["status"] == "PRIMARY");
    json!({
        "serviceArn": "arn:aws:ecs:eu-west-1:123456789012:service/quiz/web", "serviceName": "web", "status": "ACTIVE",
        "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/quiz",
        "taskDefinition": primary.map(|primary| primary["taskDefinition"].clone()),
        "desiredCount": 2, "runningCount": 2, "launchType": "FARGATE", "deployments": deployments,
        "deploymentConfiguration": {
            "maximumPercent": 150, "minimumHealthyPercent": 50,
            "deploymentCircuitBreaker": {"enable": false, "rollback": false},
        },
    })
}

/// The service as it was planned with: done, on `web:7`.
pub(crate) fn quiet() -> Value {
    service(&[deployment("PRIMARY", 7, "COMPLETED", 2)])
}

pub(crate) fn definition(image: &str) -> Value {
    json!({
        "family": "web", "requiresCompatibilities": ["FARGATE"],
        "containerDefinitions": [{
            "name": "web", "image": image, "essential": true,
            "logConfiguration": {"logDriver": "awslogs", "options": {
                "awslogs-group": "/quiz/web", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "ecs",
            }},
        }],
    })
}

pub(crate) fn step() -> ServiceStep {
    let live = LiveService::parse(&quiet());
    let settings = Settings::of(&live);
    let mut wanted = definition(&format!(
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/quiz/web@{DIGEST}"
    ));
    wanted["tags"] = json!([tag(DEPLOYMENT_TAG, DEPLOYMENT)]);
    ServiceStep {
        deployment: DEPLOYMENT.into(),
        application: "quiz".into(),
        environment: "development".into(),
        component: "web".into(),
        cluster: "quiz".into(),
        service: "web".into(),
        service_arn: live.arn.clone(),
        after: After {
            task_definition: wanted,
            settings: settings.with(&Rollout::default(), &live),
        },
        before: Before {
            task_definition: arn(7),
            settings,
            serving: true,
            images: json!({"web": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/quiz/web:v1"}),
        },
        stopped_tasks: 2,
        timeout_seconds: 1800,
        planned_at: at(0),
    }
}

/// A world in which these revisions are ours.
pub(crate) fn world(service: &Value, ours: &[u32]) -> ServiceWorld {
    ServiceWorld {
        service: LiveService::parse(service),
        ours: ours.iter().map(|number| arn(*number)).collect(),
        restoring: BTreeSet::new(),
        stopped: Vec::new(),
        past: Vec::new(),
    }
}

/// A task of a revision whose container exited.
pub(crate) fn crashed(number: u32, code: i64, second: i64) -> StoppedTask {
    StoppedTask::parse(&json!({
        "taskArn": format!("arn:aws:ecs:eu-west-1:123456789012:task/quiz/task{second}"),
        "taskDefinitionArn": arn(number), "stopCode": "EssentialContainerExited", "stoppedAt": PLANNED + second,
        "containers": [{"name": "web", "exitCode": code}],
    }))
}

/// The service with the settings that the step brings.
pub(crate) fn with_new_settings(mut service: Value) -> Value {
    service["deploymentConfiguration"] = step().after.settings.deployment_configuration;
    service
}
