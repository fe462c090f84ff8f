//! A stack at which somebody else is at work.

use std::time::Duration;

use lockstep_cli::local::gateway::ResourceAction;
use lockstep_tests::{World, run, shared};

use crate::patient::Patient;

/// A stack that somebody updates, which takes so long.
async fn busy<'w>(world: &'w World, name: &str, pause: Duration) -> Patient<'w> {
    let patient = Patient::new(world, name).await;
    patient.lockstep("apply").await;
    patient.create().await;
    let fault = patient.fault("First", ResourceAction::Update);
    patient.hit(&[fault.takes(pause).times(1)]).await;
    patient.update(false).await;
    patient.becomes("UPDATE_IN_PROGRESS").await;
    patient
}

#[test]
fn somebody_elses_update_is_waited_for() {
    run(async {
        let Some(world) = shared("doctor").await else {
            return;
        };
        let patient = busy(world, "waited", Duration::from_secs(8)).await;
        let told = patient.told().await;
        assert_eq!(
            (&told["state"], &told["status"]),
            (&"busy".into(), &"UPDATE_IN_PROGRESS".into())
        );
        let healed = patient.lockstep("doctor test data --heal --yes").await;
        assert_eq!(
            healed.lines().count(),
            1,
            "nothing is done to it: {healed:?}"
        );
        patient.deploys("", "wanted").await;
        let events = patient.clients().describe_stack_events();
        let events = events.stack_name(patient.stack()).send().await.unwrap();
        let ended = events.stack_events().iter().filter(|event| {
            event.physical_resource_id() == event.stack_id()
                && event
                    .resource_status()
                    .is_some_and(|it| it.as_str() == "UPDATE_COMPLETE")
        });
        assert_eq!(ended.count(), 2, "theirs, then ours");
    });
}

#[test]
fn somebody_elses_deletion_is_waited_for() {
    run(async {
        let Some(world) = shared("doctor").await else {
            return;
        };
        let patient = Patient::new(world, "going").await;
        patient.lockstep("apply").await;
        patient.create().await;
        let fault = patient.fault("First", ResourceAction::Delete);
        let fault = fault.takes(Duration::from_secs(6)).times(1);
        patient.hit(&[fault]).await;
        let delete = patient.clients().delete_stack().stack_name(patient.stack());
        delete.send().await.unwrap();
        patient.becomes("DELETE_IN_PROGRESS").await;
        patient.deploys("", "wanted").await;
        assert_eq!(patient.status().await, "CREATE_COMPLETE");
    });
}

#[test]
fn somebody_elses_update_that_does_not_end_is_told() {
    run(async {
        let Some(world) = shared("doctor").await else {
            return;
        };
        let patient = busy(world, "endless", Duration::from_mins(10)).await;
        patient.ask_for("wanted", "    timeout_minutes: 1\n");
        let (outcome, message) = patient.deploy("").await;
        assert_eq!(outcome, "REJECTED", "{message}");
        for part in [
            "stack endless-test-data",
            "after a minute stack endless-test-data is UPDATE_IN_PROGRESS",
            "see to it in the console",
        ] {
            assert!(message.contains(part), "{part}: {message}");
        }
        patient.hit(&[]).await;
        patient.becomes("UPDATE_COMPLETE").await;
        assert_eq!(
            patient.values().await,
            ["theirs", "theirs"],
            "nothing was done to it"
        );
    });
}
