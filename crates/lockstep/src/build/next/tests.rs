#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use jiff::{SignedDuration, Timestamp};

use super::{Do, Next, next};
use crate::build::identity::Purpose;
use crate::build::testing::{applied, build, change, id, looked, step, texts};
use crate::build::{Action, BuildRecord, BuildStatus, Looked};

fn start(purpose: Purpose) -> Next {
    Next::Act(Do::Start(purpose))
}

fn record(record: BuildRecord) -> Next {
    Next::Act(Do::Record(Box::new(record)))
}

#[test]
fn a_planned_change_is_noted_applied_and_recorded() {
    let step = step();
    let mut looked = looked(&step);
    let begun = step.before.begun_by(&id(), Timestamp::UNIX_EPOCH);
    assert_eq!(next(&step, &looked).unwrap(), record(begun.clone()));
    looked.record = begun;
    assert_eq!(next(&step, &looked).unwrap(), start(Purpose::Apply));
    looked.apply = Some(build("2", BuildStatus::InProgress));
    assert!(matches!(next(&step, &looked).unwrap(), Next::Wait { .. }));
    looked.apply = Some(build("2", BuildStatus::Succeeded));
    looked.outputs = Some(Ok(texts(&[("url", "new")])));
    let after = step.after(texts(&[("size", "large")]), texts(&[("url", "new")]));
    assert_eq!(next(&step, &looked).unwrap(), record(after.clone()));
    assert_eq!(after.applied.as_ref().unwrap().deployment, id());
    looked.record = after;
    let summary = "applied: 1 changed; outputs url=new".to_owned();
    assert_eq!(next(&step, &looked).unwrap(), Next::Done { summary });
}

fn unplanned() -> (crate::build::BuildStep, Looked) {
    let mut step = step();
    step.planned = None;
    let looked = looked(&step);
    (step, looked)
}

#[test]
fn what_could_not_be_planned_before_is_planned_first_and_guarded() {
    let (mut step, mut looked) = unplanned();
    assert_eq!(next(&step, &looked).unwrap(), start(Purpose::Plan));
    looked.plan = Some(build("1", BuildStatus::InProgress));
    assert!(matches!(next(&step, &looked).unwrap(), Next::Wait { .. }));
    looked.plan = Some(build("1", BuildStatus::Succeeded));
    looked.changes = Some(Ok(vec![change(
        "aws_db_instance.main",
        "aws_db_instance",
        Action::Replace,
    )]));
    let error = next(&step, &looked).unwrap_err().to_string();
    assert!(
        error.contains("-/+ aws_db_instance.main may hold data"),
        "{error}"
    );
    step.approved.insert("aws_db_instance.main".to_owned());
    assert!(matches!(
        next(&step, &looked).unwrap(),
        Next::Act(Do::Record(_))
    ));
}

#[test]
fn where_nothing_changes_nothing_is_applied() {
    let (step, mut looked) = unplanned();
    looked.plan = Some(build("1", BuildStatus::Succeeded));
    looked.changes = Some(Ok(vec![]));
    // The outputs stay as they were, unless the build says others.
    let same = step.after(looked.variables.clone(), applied().outputs);
    assert_eq!(next(&step, &looked).unwrap(), record(same.clone()));
    looked.outputs = Some(Ok(texts(&[("url", "told")])));
    let told = step.after(looked.variables.clone(), texts(&[("url", "told")]));
    assert_eq!(next(&step, &looked).unwrap(), record(told.clone()));
    looked.record = told;
    assert!(matches!(next(&step, &looked).unwrap(), Next::Done { .. }));
}

#[test]
fn outputs_that_nobody_knows_are_told_by_applying_nothing() {
    let (mut step, mut looked) = unplanned();
    step.before = BuildRecord::default();
    looked.record = BuildRecord::default();
    looked.plan = Some(build("1", BuildStatus::Succeeded));
    looked.changes = Some(Ok(vec![]));
    let at = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(5);
    looked.now = at;
    assert_eq!(
        next(&step, &looked).unwrap(),
        record(BuildRecord::default().begun_by(&id(), at))
    );
}

#[test]
fn every_failure_of_a_build_is_told() {
    let step = step();
    for (status, words) in [
        (BuildStatus::Failed, "failed"),
        (BuildStatus::Fault, "could not be run by CodeBuild"),
        (BuildStatus::TimedOut, "took too long"),
        (BuildStatus::Stopped, "was stopped"),
    ] {
        let mut looked = looked(&step);
        looked.apply = Some(build("2", status));
        let error = next(&step, &looked).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("infrastructure platform: the build shop-apply:2 {words}")
        );
    }
    let mut looked = looked(&step);
    looked.apply = Some(build("2", BuildStatus::Succeeded));
    looked.outputs = Some(Err("there is none".into()));
    let error = next(&step, &looked).unwrap_err().to_string();
    assert!(
        error.contains("platform/outputs.json cannot be read: there is none"),
        "{error}"
    );
}
