//! Stacks that never were created to the end.

use aws_sdk_cloudformation::types::{ChangeSetType, OnFailure};
use lockstep_cli::local::gateway::ResourceAction;
use lockstep_tests::{World, run, shared};

use crate::patient::{Patient, WHY, note};

/// A stack whose creation failed, and was not rolled back.
async fn unfinished<'w>(world: &'w World, name: &str) -> Patient<'w> {
    let patient = Patient::new(world, name).await;
    patient.lockstep("apply").await;
    let fault = patient.fault("Second", ResourceAction::Create);
    patient.hit(&[fault.fails(WHY).times(1)]).await;
    let create = patient.clients().create_stack().stack_name(patient.stack());
    let create = create.on_failure(OnFailure::DoNothing);
    let create = create.template_body(patient.template());
    create.parameters(note("theirs")).send().await.unwrap();
    patient.becomes("CREATE_FAILED").await;
    assert_eq!(patient.values().await, ["theirs", ""]);
    patient
}

#[test]
fn a_creation_that_failed_is_begun_anew_by_a_deployment() {
    run(async {
        let Some(world) = shared("doctor").await else {
            return;
        };
        let patient = unfinished(world, "unfinished").await;
        patient.deploys("", "wanted").await;
        assert_eq!(patient.status().await, "CREATE_COMPLETE");
    });
}

#[test]
fn a_creation_that_failed_is_told_and_cleared_away_by_the_doctor() {
    run(async {
        let Some(world) = shared("doctor").await else {
            return;
        };
        let patient = unfinished(world, "cleared").await;
        let told = patient.told().await;
        assert_eq!(
            (&told["state"], &told["status"]),
            (&"curable".into(), &"CREATE_FAILED".into())
        );
        assert!(told["cause"].as_str().unwrap().contains(WHY), "{told}");
        assert_eq!(patient.treated("--heal").await, "DELETE_COMPLETE");
        assert_eq!(patient.values().await, ["", ""]);
        patient.deploys("", "wanted").await;
    });
}

#[test]
fn a_creation_that_could_not_even_be_rolled_back_is_begun_anew() {
    run(async {
        let Some(world) = shared("doctor").await else {
            return;
        };
        let patient = Patient::new(world, "unmakeable").await;
        patient.lockstep("apply").await;
        let faults = [
            patient
                .fault("Second", ResourceAction::Create)
                .fails(WHY)
                .times(1),
            patient
                .fault("First", ResourceAction::Delete)
                .fails("Still in use")
                .times(1),
        ];
        patient.hit(&faults).await;
        let create = patient.clients().create_stack().stack_name(patient.stack());
        let create = create.template_body(patient.template());
        create.parameters(note("theirs")).send().await.unwrap();
        patient.becomes("ROLLBACK_FAILED").await;
        assert_eq!(patient.told().await["state"], "curable");
        patient.deploys("", "wanted").await;
    });
}

/// A name that a change set made which nobody executed.
async fn shell<'w>(world: &'w World, name: &str) -> Patient<'w> {
    let patient = Patient::new(world, name).await;
    patient.lockstep("apply").await;
    let create = patient.clients().create_change_set();
    let create = create.stack_name(patient.stack()).change_set_name("theirs");
    let create = create.change_set_type(ChangeSetType::Create);
    let create = create.template_body(patient.template());
    create.parameters(note("theirs")).send().await.unwrap();
    patient.becomes("REVIEW_IN_PROGRESS").await;
    patient
}

#[test]
fn a_name_without_a_stack_is_no_obstacle_to_a_deployment() {
    run(async {
        let Some(world) = shared("doctor").await else {
            return;
        };
        let patient = shell(world, "shell").await;
        patient.deploys("", "wanted").await;
        assert_eq!(patient.status().await, "CREATE_COMPLETE");
    });
}

#[test]
fn a_name_without_a_stack_is_told_and_removed_by_the_doctor() {
    run(async {
        let Some(world) = shared("doctor").await else {
            return;
        };
        let patient = shell(world, "husk").await;
        let told = patient.told().await;
        assert_eq!(
            (&told["state"], &told["status"]),
            (&"curable".into(), &"REVIEW_IN_PROGRESS".into())
        );
        assert_eq!(patient.treated("--heal").await, "DELETE_COMPLETE");
        assert_eq!(patient.told().await["state"], "absent");
    });
}
