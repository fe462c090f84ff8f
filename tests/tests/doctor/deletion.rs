//! A stack that somebody could not delete.

use lockstep_cli::local::gateway::ResourceAction;
use lockstep_tests::{run, shared};

use crate::patient::Patient;

#[test]
fn a_stack_that_could_not_be_deleted_is_told_and_deleted_without_what_is_in_the_way() {
    run(async {
        let Some(world) = shared("doctor").await else {
            return;
        };
        let patient = Patient::new(world, "undeleted").await;
        patient.deploys("", "wanted").await;
        let fault = patient.fault("First", ResourceAction::Delete);
        patient.hit(&[fault.fails("It is still in use")]).await;
        let delete = patient.clients().delete_stack().stack_name(patient.stack());
        delete.send().await.unwrap();
        patient.becomes("DELETE_FAILED").await;

        let (outcome, message) = patient.deploy("").await;
        assert_eq!(outcome, "REJECTED", "{message}");
        for part in [
            "First (AWS::SSM::Parameter)",
            "It is still in use",
            "`lockstep doctor test data --delete --retain First`",
        ] {
            assert!(message.contains(part), "{part}: {message}");
        }
        let told = patient.told().await;
        assert_eq!(
            (&told["state"], &told["status"]),
            (&"stuck".into(), &"DELETE_FAILED".into())
        );

        let again = patient.lockstep("doctor test data --delete --yes").await;
        assert_eq!(again.code, 1, "it is in the way still: {again:?}");
        assert!(
            again.last()["message"]
                .as_str()
                .unwrap()
                .contains("still in use"),
            "{again:?}"
        );
        let other = patient
            .lockstep("doctor test data --delete --retain Second --yes")
            .await;
        assert_eq!(other.code, 2, "{other:?}");
        assert!(other.said.contains("cannot be retained"), "{other:?}");
        let healed = patient.treated("--delete --retain First").await;
        assert_eq!(healed, "DELETE_COMPLETE");
        assert_eq!(patient.values().await, ["wanted", ""], "it was retained");
        assert_eq!(patient.told().await["state"], "absent");

        patient.lose("first").await;
        patient.hit(&[]).await;
        patient.deploys("", "wanted").await;
    });
}
