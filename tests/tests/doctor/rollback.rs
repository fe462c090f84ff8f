//! Updates of somebody else that failed, and whose rollback failed or never was.

use lockstep_cli::local::gateway::{ResourceAction, ResourceFault};
use lockstep_tests::{World, run, shared};

use crate::patient::{Patient, WHY};

/// A stack whose update failed, and whose rollback fails so many times on its first resource.
async fn stuck<'w>(world: &'w World, name: &str, times: usize) -> Patient<'w> {
    let patient = Patient::new(world, name).await;
    patient.lockstep("apply").await;
    patient.create().await;
    let faults = [
        back(&patient).times(times),
        patient
            .fault("Second", ResourceAction::Update)
            .fails("No such value")
            .times(1),
    ];
    patient.hit(&faults).await;
    patient.update(false).await;
    patient.becomes("UPDATE_ROLLBACK_FAILED").await;
    assert_eq!(patient.values().await, ["theirs", "before"]);
    patient
}

/// The first resource is updated, and then fails to be put back.
fn back(patient: &Patient<'_>) -> ResourceFault {
    let fault = patient.fault("First", ResourceAction::Update);
    fault.fails(WHY).after(1)
}

#[test]
fn a_rollback_that_failed_is_continued_by_a_deployment() {
    run(async {
        let Some(world) = shared("doctor").await else {
            return;
        };
        let patient = stuck(world, "continued", 1).await;
        patient.deploys("", "wanted").await;
        assert_eq!(patient.status().await, "UPDATE_COMPLETE");
        assert_eq!(patient.told().await["state"], "healthy");
    });
}

#[test]
fn a_rollback_that_failed_is_told_and_continued_by_the_doctor() {
    run(async {
        let Some(world) = shared("doctor").await else {
            return;
        };
        let patient = stuck(world, "treated", 1).await;
        let told = patient.told().await;
        assert_eq!(told["state"], "curable", "{told}");
        let (cause, words) = (
            told["cause"].as_str().unwrap(),
            told["words"].as_str().unwrap(),
        );
        assert!(
            cause.starts_with("Second (AWS::SSM::Parameter) failed: No such value"),
            "{told}"
        );
        assert!(
            words.contains("First (AWS::SSM::Parameter)") && words.contains(WHY),
            "{told}"
        );
        assert_eq!(patient.treated("--heal").await, "UPDATE_ROLLBACK_COMPLETE");
        assert_eq!(patient.values().await, ["before", "before"]);
        patient.deploys("", "wanted").await;
    });
}

#[test]
fn a_rollback_that_fails_again_is_told_and_ended_by_whoever_lets_it_skip() {
    run(async {
        let Some(world) = shared("doctor").await else {
            return;
        };
        let patient = stuck(world, "skipped", 2).await;
        let (outcome, message) = patient.deploy("").await;
        assert_eq!(outcome, "ROLLED_BACK", "{message}");
        let why = "its rollback was continued and failed again: First (AWS::SSM::Parameter) failed: Too many writes";
        assert!(message.contains(why), "{message}");
        assert!(message.contains("as stuck as before"), "{message}");
        assert_eq!(patient.status().await, "UPDATE_ROLLBACK_FAILED");

        let (outcome, message) = patient.deploy("").await;
        assert_eq!(outcome, "REJECTED", "{message}");
        assert!(message.contains("--approve data/skip:First"), "{message}");
        let told = patient.told().await;
        assert_eq!(told["state"], "stuck", "{told}");

        patient.deploys("--approve data/skip:First", "wanted").await;
    });
}

#[test]
fn a_rollback_that_fails_again_is_ended_by_the_doctor_too() {
    run(async {
        let Some(world) = shared("doctor").await else {
            return;
        };
        let patient = stuck(world, "skipping", 2).await;
        let healed = patient.lockstep("doctor test data --heal --yes").await;
        assert_eq!(healed.code, 1, "{healed:?}");
        let last = healed.last();
        assert_eq!(last["good"], false, "{healed:?}");
        assert_eq!(last["status"], "UPDATE_ROLLBACK_FAILED", "{healed:?}");
        assert!(
            last["message"].as_str().unwrap().contains(WHY),
            "{healed:?}"
        );
        let treated = patient.treated("--heal --skip First").await;
        assert_eq!(treated, "UPDATE_ROLLBACK_COMPLETE");
        assert_eq!(
            patient.values().await,
            ["theirs", "before"],
            "it was skipped"
        );
        patient.deploys("", "wanted").await;
    });
}

/// A stack whose update failed, and was not rolled back, as whoever began it wanted.
async fn halfway<'w>(world: &'w World, name: &str) -> Patient<'w> {
    let patient = Patient::new(world, name).await;
    patient.lockstep("apply").await;
    patient.create().await;
    let fault = patient.fault("Second", ResourceAction::Update);
    patient.hit(&[fault.fails(WHY).times(1)]).await;
    patient.update(true).await;
    patient.becomes("UPDATE_FAILED").await;
    assert_eq!(patient.values().await, ["theirs", "before"]);
    patient
}

#[test]
fn what_was_stuck_is_put_back_when_the_rest_fails() {
    run(async {
        let Some(world) = shared("doctor").await else {
            return;
        };
        let patient = stuck(world, "backagain", 1).await;
        patient.ask_for_too_much("wanted");
        let (outcome, message) = patient.deploy("").await;
        assert_eq!(outcome, "ROLLED_BACK", "{message}");
        assert_eq!(patient.values().await, ["before", "before"]);
        assert!(patient.status().await.ends_with("_COMPLETE"));

        patient.ask_for("wanted", "");
        let fault = patient.fault("Second", ResourceAction::Update);
        patient.hit(&[fault.fails("No such value").times(1)]).await;
        let (outcome, message) = patient.deploy("").await;
        assert_eq!(outcome, "ROLLED_BACK", "{message}");
        assert_eq!(patient.values().await, ["before", "before"]);
    });
}

#[test]
fn an_update_that_was_left_half_done_is_no_deployments_to_roll_back() {
    run(async {
        let Some(world) = shared("doctor").await else {
            return;
        };
        let patient = halfway(world, "halfway").await;
        let (outcome, message) = patient.deploy("").await;
        assert_eq!(outcome, "REJECTED", "{message}");
        for part in [
            "UPDATE_FAILED: Second (AWS::SSM::Parameter): Too many writes",
            "its rollback was disabled",
            "`lockstep doctor test data --heal`",
        ] {
            assert!(message.contains(part), "{part}: {message}");
        }
        assert_eq!(patient.status().await, "UPDATE_FAILED");
        assert_eq!(
            patient.values().await,
            ["theirs", "before"],
            "nothing was done to it"
        );
    });
}

#[test]
fn an_update_that_was_left_half_done_is_rolled_back_by_the_doctor() {
    run(async {
        let Some(world) = shared("doctor").await else {
            return;
        };
        let patient = halfway(world, "halfheld").await;
        let told = patient.told().await;
        assert_eq!(
            (&told["state"], &told["status"]),
            (&"curable".into(), &"UPDATE_FAILED".into())
        );
        assert!(told["cause"].as_str().unwrap().contains(WHY), "{told}");
        assert_eq!(patient.treated("--heal").await, "UPDATE_ROLLBACK_COMPLETE");
        assert_eq!(patient.values().await, ["before", "before"]);
        patient.deploys("", "wanted").await;
    });
}
