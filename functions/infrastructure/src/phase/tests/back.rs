//! Putting a stack back.

use lockstep::stack::StackStep;
use lockstep::{Phase, Progress};

use super::world::{Behaviour, FakeCloudFormation, address};
use super::{creation, existing, new_shape, old_shape, phase, put_back, run};

#[tokio::test(start_paused = true)]
async fn an_update_is_taken_back_by_a_change_set_of_its_own() {
    let (fake, step) = existing(Behaviour::Completes);
    let untouched = fake.whole();
    let phase = phase(&fake);
    run(&phase, &step).await.unwrap();
    assert_eq!(fake.shape(), Some(new_shape()));
    assert_eq!(
        put_back(&phase, &step).await.unwrap(),
        "updated back to what it was"
    );
    assert_eq!(fake.whole(), untouched);
    let back = &fake.asked("CreateChangeSet")[1];
    assert_eq!(back["TemplateURL"], address("before"));
    assert_eq!(
        back["Parameters.member.1.UsePreviousValue"], "true",
        "the hidden one"
    );
    // Undo that ran already finds nothing to do.
    put_back(&phase, &step).await.unwrap();
    assert_eq!(fake.count("ExecuteChangeSet"), 2);
}

#[tokio::test(start_paused = true)]
async fn what_cloudformation_put_back_is_only_confirmed() {
    let (fake, step) = existing(Behaviour::Fails);
    let untouched = fake.whole();
    let phase = phase(&fake);
    run(&phase, &step).await.unwrap_err();
    assert_eq!(
        put_back(&phase, &step).await.unwrap(),
        "CloudFormation rolled it back to what it was"
    );
    assert_eq!(fake.whole(), untouched);
    assert_eq!(fake.count("CreateChangeSet"), 1);
}

#[tokio::test(start_paused = true)]
async fn an_update_under_way_is_cancelled() {
    let (fake, step) = existing(Behaviour::TakesForever);
    let untouched = fake.whole();
    let phase = phase(&fake);
    phase_begins(&phase, &step).await;
    put_back(&phase, &step).await.unwrap();
    assert_eq!(fake.whole(), untouched);
    assert_eq!(fake.count("CancelUpdateStack"), 1);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_show_at_once_is_not_asked_for_again_and_again() {
    let (fake, step) = existing(Behaviour::CancelsLate);
    let untouched = fake.whole();
    let phase = phase(&fake);
    phase_begins(&phase, &step).await;
    assert_eq!(
        phase.undo(&step).await.unwrap(),
        Progress::Running {
            note: "CloudFormation was asked; it does not show it yet".into()
        }
    );
    assert_eq!(fake.count("CancelUpdateStack"), 1);
    put_back(&phase, &step).await.unwrap();
    assert_eq!(fake.whole(), untouched);
}

/// Looks and calls until the change is under way.
async fn phase_begins(phase: &super::StackPhase, step: &StackStep) {
    for _ in 0..4 {
        phase.start(step).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_failed_is_continued() {
    let (fake, step) = existing(Behaviour::RollbackFails);
    let untouched = fake.whole();
    let phase = phase(&fake);
    run(&phase, &step).await.unwrap_err();
    put_back(&phase, &step).await.unwrap();
    assert_eq!(fake.whole(), untouched);
    assert_eq!(fake.count("ContinueUpdateRollback"), 1);
    let asked = &fake.asked("ContinueUpdateRollback")[0];
    assert!(!asked.contains_key("ResourcesToSkip.member.1"), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_fails_again_is_told_with_its_cause() {
    let (fake, step) = existing(Behaviour::RollbackFailsAlways);
    let phase = phase(&fake);
    run(&phase, &step).await.unwrap_err();
    let failed = put_back(&phase, &step).await.unwrap_err();
    let told = failed.to_string();
    assert!(
        told.contains("UPDATE_ROLLBACK_FAILED") && told.contains("Limit exceeded for tables"),
        "{told}"
    );
    assert!(told.contains("lockstep doctor production data"), "{told}");
    assert_eq!(fake.count("ContinueUpdateRollback"), 1);
}

#[tokio::test(start_paused = true)]
async fn going_back_never_destroys_data() {
    let (fake, step) = existing(Behaviour::ReplacesOnTheWayBack);
    let phase = phase(&fake);
    run(&phase, &step).await.unwrap();
    let refused = put_back(&phase, &step).await.unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("going back would destroy data"),
        "{refused}"
    );
    assert_eq!(fake.shape(), Some(new_shape()));
    assert_eq!(fake.count("ExecuteChangeSet"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_new_stack_is_deleted_with_its_protection() {
    for behaviour in [
        Behaviour::Completes,
        Behaviour::Fails,
        Behaviour::TakesForever,
    ] {
        let fake = FakeCloudFormation::empty(behaviour);
        let phase = phase(&fake);
        phase_begins_or_fails(&phase).await;
        put_back(&phase, &creation()).await.unwrap();
        assert!(fake.stack().is_none(), "{behaviour:?}");
        put_back(&phase, &creation()).await.unwrap();
        assert_eq!(fake.count("DeleteStack"), 1, "{behaviour:?}");
    }
}

async fn phase_begins_or_fails(phase: &super::StackPhase) {
    for _ in 0..8 {
        let _ = phase.start(&creation()).await;
        let _ = phase.observe(&creation()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_stack_that_holds_data_stays() {
    let fake = FakeCloudFormation::empty(Behaviour::Completes);
    fake.change(|state| state.makes = vec![("Table".into(), "AWS::DynamoDB::Table".into())]);
    let phase = phase(&fake);
    run(&phase, &creation()).await.unwrap();
    let summary = put_back(&phase, &creation()).await.unwrap();
    assert!(
        summary
            .starts_with("the new stack stays (CREATE_COMPLETE), because it may hold data: Table"),
        "{summary}"
    );
    assert!(fake.stack().is_some());
    assert_eq!(fake.count("DeleteStack"), 0);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_did_after_us_is_not_taken_back() {
    let (fake, step) = existing(Behaviour::Completes);
    let phase = phase(&fake);
    run(&phase, &step).await.unwrap();
    fake.change(|state| state.foreign_update("theirs"));
    let theirs = fake.shape();
    assert_eq!(
        put_back(&phase, &step).await.unwrap_err().name(),
        "Diverged"
    );
    assert_eq!(fake.shape(), theirs);
}

#[tokio::test(start_paused = true)]
async fn undo_of_nothing_is_done() {
    let (fake, step) = existing(Behaviour::Completes);
    assert_eq!(
        put_back(&phase(&fake), &step).await.unwrap(),
        "nothing had been changed"
    );
    assert_eq!(fake.shape(), Some(old_shape()));
    let fake = FakeCloudFormation::empty(Behaviour::Completes);
    assert_eq!(
        put_back(&phase(&fake), &creation()).await.unwrap(),
        "there is no such stack, as before"
    );
}
