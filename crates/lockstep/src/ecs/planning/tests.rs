#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{ServiceInputs, plan_service};
use crate::DeploymentId;
use crate::ecs::definition::{Revision, tag};
use crate::ecs::live::LiveService;
use crate::ecs::step::ServiceStep;
use crate::ecs::testing::{DIGEST, arn, at, definition, deployment, quiet, service};
use crate::ecs::{Check, DEPLOYMENT_TAG};
use crate::manifest::{ResolvedService, Rollout};
use crate::record::DeploymentRef;
use crate::release::{Artifacts, ImageArtifact};

const ID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

fn resolved() -> ResolvedService {
    ResolvedService {
        cluster: "quiz".into(),
        service: "web".into(),
        containers: BTreeMap::from([("web".into(), "quiz/web".into())]),
        task_definition: None,
        rollout: Rollout::default(),
    }
}

fn artifacts(digest: &str) -> Artifacts {
    let image = ImageArtifact {
        repository: "quiz/web".into(),
        digest: digest.into(),
        tag: Some("v2".into()),
        pushed_at: at(-60),
    };
    BTreeMap::from([("web/web".into(), image.into())])
}

fn running(image: &str) -> Revision {
    let mut live = definition(image);
    live["taskDefinitionArn"] = arn(7).into();
    live["status"] = "ACTIVE".into();
    Revision {
        arn: arn(7),
        definition: live,
        tags: vec![tag("team", "quiz"), tag(DEPLOYMENT_TAG, "older")],
    }
}

fn plan(
    resolved: &ResolvedService,
    artifacts: &Artifacts,
    live: &Value,
    revision: &Revision,
) -> Result<Option<ServiceStep>, Vec<Check>> {
    let deployment = DeploymentRef {
        id: DeploymentId::parse(ID).unwrap(),
        application: "quiz".into(),
        environment: "development".into(),
    };
    plan_service(&ServiceInputs {
        deployment: &deployment,
        component: "web",
        resolved,
        artifacts,
        live: &LiveService::parse(live),
        revision,
        now: at(0),
    })
}

#[test]
fn a_new_digest_is_a_step_with_everything_in_it() {
    let step = plan(
        &resolved(),
        &artifacts(DIGEST),
        &quiet(),
        &running("quiz/web:v1"),
    )
    .unwrap()
    .unwrap();
    let wanted = &step.after.task_definition;
    assert_eq!(
        wanted["containerDefinitions"][0]["image"],
        format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/quiz/web@{DIGEST}")
    );
    assert_eq!(
        wanted["tags"],
        json!([
            tag("team", "quiz"),
            tag(DEPLOYMENT_TAG, ID),
            tag("lockstep:application", "quiz"),
            tag("lockstep:environment", "development")
        ])
    );
    assert_eq!(
        (wanted.get("taskDefinitionArn"), wanted.get("status")),
        (None, None)
    );
    assert_eq!(
        (step.before.task_definition.as_str(), step.before.serving),
        (arn(7).as_str(), true)
    );
    assert_eq!(step.before_label(), "web:7 (quiz/web:v1)");
    assert_eq!(
        step.after_label(),
        "new revision of web (quiz/web@aaaaaaaaaaaa)"
    );
    assert_eq!(
        (step.family(), step.floor(), step.timeout_seconds),
        ("web", 7, 1800)
    );
}

#[test]
fn the_step_survives_being_stored() {
    let step = plan(
        &resolved(),
        &artifacts(DIGEST),
        &quiet(),
        &running("quiz/web:v1"),
    )
    .unwrap()
    .unwrap();
    let stored = serde_json::to_string(&step).unwrap();
    assert_eq!(serde_json::from_str::<ServiceStep>(&stored).unwrap(), step);
}

#[test]
fn the_same_digest_is_no_step_even_with_other_rollout_settings() {
    let image = format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/quiz/web@{DIGEST}");
    assert_eq!(
        plan(&resolved(), &artifacts(DIGEST), &quiet(), &running(&image)),
        Ok(None)
    );
}

#[test]
fn a_release_without_this_service_is_no_step() {
    assert_eq!(
        plan(
            &resolved(),
            &Artifacts::new(),
            &quiet(),
            &running("quiz/web:v1")
        ),
        Ok(None)
    );
}

#[test]
fn a_rollout_that_ecs_gave_up_on_is_tried_again() {
    let live = service(&[deployment("PRIMARY", 7, "FAILED", 0)]);
    let image = format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/quiz/web@{DIGEST}");
    let step = plan(&resolved(), &artifacts(DIGEST), &live, &running(&image))
        .unwrap()
        .unwrap();
    assert!(!step.before.serving);
}

#[test]
fn the_manifests_file_takes_the_place_of_the_live_definition() {
    let mut file = definition("placeholder");
    file["cpu"] = "512".into();
    file.as_object_mut().unwrap().remove("family");
    let resolved = ResolvedService {
        task_definition: Some(file),
        ..resolved()
    };
    let step = plan(
        &resolved,
        &Artifacts::new(),
        &quiet(),
        &running("quiz/web:v1"),
    )
    .unwrap()
    .unwrap();
    let wanted = &step.after.task_definition;
    assert_eq!(
        (&wanted["cpu"], &wanted["family"]),
        (&json!("512"), &json!("web"))
    );
    assert_eq!(wanted["containerDefinitions"][0]["image"], "quiz/web:v1");
}

#[test]
fn every_failed_check_is_listed() {
    let mut live = service(&[
        deployment("PRIMARY", 8, "IN_PROGRESS", 1),
        deployment("ACTIVE", 7, "COMPLETED", 2),
    ]);
    live["deploymentController"] = json!({"type": "CODE_DEPLOY"});
    live["deploymentConfiguration"]["strategy"] = "BLUE_GREEN".into();
    let mut resolved = resolved();
    resolved
        .containers
        .insert("proxi".into(), "quiz/proxy".into());
    let failed = plan(
        &resolved,
        &artifacts(DIGEST),
        &live,
        &running("quiz/web:v1"),
    )
    .unwrap_err();
    let listed: Vec<_> = failed.iter().map(Check::to_string).collect();
    assert_eq!(
        listed,
        [
            "task definition web:7: container: found web, expected proxi; correct the container's name in lockstep.yaml and apply it",
            "service quiz/web: deployment controller: found CODE_DEPLOY, expected ECS; recreate the service with deployment controller ECS; \
             UpdateService cannot deploy to this one",
            "service quiz/web: deployment strategy: found BLUE_GREEN, expected ROLLING; set the service's deploymentConfiguration.strategy to ROLLING",
            "service quiz/web: other deployments: found ecs-svc/8 in progress to web:8, 1 of 2 tasks running, expected none in progress; \
             wait until it is finished, or stop it, then deploy again",
        ]
    );
}

#[test]
fn a_deleted_service_is_one_failed_check() {
    let mut live = quiet();
    live["status"] = "INACTIVE".into();
    let failed = plan(
        &resolved(),
        &artifacts(DIGEST),
        &live,
        &running("quiz/web:v1"),
    )
    .unwrap_err();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].found, "INACTIVE");
}
