#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use lockstep::build::BuildStatus;
use lockstep::build::identity::Purpose;
use serde_json::{Value, json};

use crate::world::{World, source, step};

#[tokio::test]
async fn a_build_gets_what_the_contract_says() {
    let world = World::default();
    let (builds, _) = world.parts();
    let (step, source) = (step(), source("aa"));
    let begun = builds.start(&step, Purpose::UndoApply, "shop-old", &source);
    assert_eq!(begun.await.unwrap(), None);
    let (operation, sent) = world.asked.lock().unwrap().remove(0);
    assert_eq!(operation, "StartBuild");
    assert_eq!(sent["projectName"], "shop-old");
    assert_eq!(
        sent["sourceLocationOverride"],
        "releases/sources/shop/aa.zip"
    );
    assert_eq!(
        sent["idempotencyToken"],
        "lockstep-01JD5Q6Z8G0000000000000000-undo-apply-platform"
    );
    let variables = sent["environmentVariablesOverride"].as_array().unwrap();
    let told: Vec<_> = variables
        .iter()
        .map(|it| format!("{}={}", it["name"], it["value"]).replace('"', ""))
        .collect();
    assert_eq!(
        told,
        [
            "LOCKSTEP_APPLICATION=shop",
            "LOCKSTEP_COMPONENT=platform",
            "LOCKSTEP_DEPLOYMENT=01JD5Q6Z8G0000000000000000",
            "LOCKSTEP_ENVIRONMENT=production",
            "LOCKSTEP_VERB=apply",
            "LOCKSTEP_WORK=s3://releases/infrastructure/shop/production/01JD5Q6Z8G0000000000000000/platform/undo",
            "LOCKSTEP_BUILD=lockstep-01JD5Q6Z8G0000000000000000-undo-apply-platform",
        ]
    );
}

#[tokio::test]
async fn builds_are_found_in_the_projects_that_ran_them() {
    let world = World::default();
    let (builds, _) = world.parts();
    let step = step();
    let all = Purpose::ALL;
    assert!(builds.find(&step, &all, &[]).await.unwrap().is_empty());
    for (purpose, project) in [
        (Purpose::Plan, "shop-plan"),
        (Purpose::Apply, "shop-apply"),
        (Purpose::UndoPlan, "shop-old"),
    ] {
        builds
            .start(&step, purpose, project, &step.source)
            .await
            .unwrap();
    }
    let mut other = step.clone();
    other.component = "network".into();
    builds
        .start(&other, Purpose::UndoApply, "shop-old", &step.source)
        .await
        .unwrap();
    let found = builds.find(&step, &all, &[]).await.unwrap();
    let ids: Vec<_> = found.values().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, ["shop-plan:0", "shop-apply:1", "shop-old:2"]);
}

#[tokio::test]
async fn of_a_failed_build_all_is_told_that_a_person_needs() {
    let world = World::default();
    let (builds, _) = world.parts();
    let step = step();
    let plan = [Purpose::Plan];
    let begun = builds.start(&step, Purpose::Plan, "shop-plan", &step.source);
    begun.await.unwrap();
    let fail = |shown: &mut Value| {
        shown["buildStatus"] = json!("FAILED");
        shown["currentPhase"] = json!("COMPLETED");
        shown["phases"] = json!([{
            "phaseType": "BUILD", "phaseStatus": "FAILED",
            "contexts": [{"statusCode": "COMMAND_EXECUTION_ERROR", "message": "Error. Reason: exit status 1"}],
        }]);
    };
    fail(&mut world.builds.lock().unwrap()[0]);
    let quiet = builds.find(&step, &plan, &[]).await.unwrap();
    assert!(quiet[&Purpose::Plan].log.is_empty());
    let found = builds.find(&step, &plan, &plan).await.unwrap();
    let build = &found[&Purpose::Plan];
    assert_eq!(build.status, BuildStatus::Failed);
    assert_eq!(build.phase, "BUILD");
    assert!(build.context.ends_with("exit status 1"), "{build:?}");
    assert_eq!(build.log, ["no such class"]);
    assert_eq!(build.link, "https://console");
}
