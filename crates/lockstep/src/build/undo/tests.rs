#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use jiff::{SignedDuration, Timestamp};

use super::undo_next;
use crate::build::identity::Purpose;
use crate::build::testing::{applied, build, change, id, looked, step, texts};
use crate::build::{Action, BuildRecord, BuildStatus, BuildStep, Do, Looked, Next};

fn done(step: &BuildStep, looked: &Looked) -> String {
    match undo_next(step, looked).unwrap() {
        Next::Done { summary } => summary,
        other => format!("{other:?}"),
    }
}

fn start(purpose: Purpose) -> Next {
    Next::Act(Do::Start(purpose))
}

#[test]
fn what_was_never_applied_needs_nothing() {
    let step = step();
    let mut looked = looked(&step);
    assert_eq!(done(&step, &looked), "nothing had been changed");
    looked.plan = Some(build("1", BuildStatus::InProgress));
    assert!(matches!(
        undo_next(&step, &looked).unwrap(),
        Next::Wait { .. }
    ));
}

#[test]
fn a_build_that_may_have_been_started_is_given_time_to_be_seen() {
    let step = step();
    let mut looked = looked(&step);
    looked.record = step.before.begun_by(&id(), Timestamp::UNIX_EPOCH);
    assert!(matches!(
        undo_next(&step, &looked).unwrap(),
        Next::Wait { .. }
    ));
    looked.now = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(60);
    let back = Next::Act(Do::Record(Box::new(step.before.clone())));
    assert_eq!(undo_next(&step, &looked).unwrap(), back);
    looked.record = step.before.clone();
    assert_eq!(done(&step, &looked), "nothing had been changed");
}

#[test]
fn a_build_without_a_command_changed_nothing() {
    let step = step();
    let mut looked = looked(&step);
    let mut apply = build("2", BuildStatus::Failed);
    apply.phase = "DOWNLOAD_SOURCE".into();
    looked.apply = Some(apply);
    assert_eq!(done(&step, &looked), "nothing had been changed");
}

/// The apply build has ended.
fn ended(step: &BuildStep, status: BuildStatus) -> Looked {
    let mut looked = looked(step);
    looked.record = step.before.begun_by(&id(), Timestamp::UNIX_EPOCH);
    looked.apply = Some(build("2", status));
    looked
}

#[test]
fn what_was_applied_before_is_applied_again() {
    let step = step();
    for status in [
        BuildStatus::Succeeded,
        BuildStatus::Failed,
        BuildStatus::Stopped,
    ] {
        let mut looked = ended(&step, status);
        assert_eq!(undo_next(&step, &looked).unwrap(), start(Purpose::UndoPlan));
        looked.undo_plan = Some(build("3", BuildStatus::InProgress));
        assert!(matches!(
            undo_next(&step, &looked).unwrap(),
            Next::Wait { .. }
        ));
        looked.undo_plan = Some(build("3", BuildStatus::Succeeded));
        looked.undo_changes = Some(Ok(vec![change("aws_vpc.main", "aws_vpc", Action::Update)]));
        assert_eq!(
            undo_next(&step, &looked).unwrap(),
            start(Purpose::UndoApply)
        );
        looked.undo_apply = Some(build("4", BuildStatus::Succeeded));
        looked.undo_outputs = Some(Ok(texts(&[("url", "again")])));
        let Next::Act(Do::Record(record)) = undo_next(&step, &looked).unwrap() else {
            unreachable!("the ledger is not told");
        };
        let back = record.certain().unwrap();
        assert_eq!(
            (&back.source, &back.outputs),
            (&applied().source, &texts(&[("url", "again")]))
        );
        looked.record = *record;
        assert_eq!(done(&step, &looked), "source aa applied again: 1 changed");
    }
}

#[test]
fn an_apply_build_is_never_killed() {
    let step = step();
    let looked = ended(&step, BuildStatus::InProgress);
    assert!(matches!(
        undo_next(&step, &looked).unwrap(),
        Next::Wait { .. }
    ));
}

#[test]
fn what_is_as_before_is_not_applied_again() {
    let step = step();
    let mut looked = ended(&step, BuildStatus::Failed);
    looked.undo_plan = Some(build("3", BuildStatus::Succeeded));
    looked.undo_changes = Some(Ok(vec![]));
    assert!(matches!(
        undo_next(&step, &looked).unwrap(),
        Next::Act(Do::Record(_))
    ));
    looked.record = step.before.clone();
    assert_eq!(done(&step, &looked), "it is as before");
}

#[test]
fn going_back_never_destroys_data_whatever_was_approved() {
    let mut step = step();
    step.approved.insert("aws_db_instance.main".to_owned());
    let mut looked = ended(&step, BuildStatus::Succeeded);
    looked.undo_plan = Some(build("3", BuildStatus::Succeeded));
    looked.undo_changes = Some(Ok(vec![change(
        "aws_db_instance.main",
        "aws_db_instance",
        Action::Delete,
    )]));
    let error = undo_next(&step, &looked).unwrap_err().to_string();
    assert!(
        error.contains("going back would destroy data") && error.contains("platform/undo/plan/"),
        "{error}"
    );
    // What was begun all the same, is not asked again.
    looked.undo_apply = Some(build("4", BuildStatus::Failed));
    let error = undo_next(&step, &looked).unwrap_err().to_string();
    assert!(error.contains("shop-apply:4 failed"), "{error}");
}

fn first(changes: Vec<crate::build::InfrastructureChange>) -> (BuildStep, Looked) {
    let mut step = step();
    step.before = BuildRecord::default();
    step.planned.as_mut().unwrap().changes = changes;
    let looked = ended(&step, BuildStatus::Failed);
    (step, looked)
}

#[test]
fn what_the_first_time_only_created_stays() {
    let (step, looked) = first(vec![change("aws_vpc.main", "aws_vpc", Action::Create)]);
    let summary = done(&step, &looked);
    assert!(
        summary.starts_with("what it created stays (+ aws_vpc.main)"),
        "{summary}"
    );
    let (step, looked) = first(vec![]);
    assert_eq!(done(&step, &looked), "there was nothing to change");
}

#[test]
fn what_the_first_time_changed_needs_a_person() {
    let (step, looked) = first(vec![change("aws_vpc.main", "aws_vpc", Action::Update)]);
    let error = undo_next(&step, &looked).unwrap_err().to_string();
    assert!(
        error.contains("no earlier source") && error.contains("~ aws_vpc.main"),
        "{error}"
    );
}
