#![allow(clippy::unwrap_used)]

use super::{Settle, keeps_after, keeps_before};
use crate::ecs::testing::{at, crashed, deployment, quiet, service, step, world};

#[test]
fn all_tasks_of_ours_running_is_steady() {
    let live = service(&[deployment("PRIMARY", 8, "COMPLETED", 2)]);
    assert_eq!(
        keeps_after(&step(), &world(&live, &[8]), at(60)),
        Ok(Settle::Steady)
    );
}

#[test]
fn missing_tasks_are_waited_for() {
    let live = service(&[deployment("PRIMARY", 8, "COMPLETED", 1)]);
    let note = "1 of 2 tasks of web:8 running".to_owned();
    assert_eq!(
        keeps_after(&step(), &world(&live, &[8]), at(60)),
        Ok(Settle::Waiting { note })
    );
}

#[test]
fn one_crash_after_the_rollout_is_a_failure_and_one_before_is_not() {
    let live = service(&[deployment("PRIMARY", 8, "COMPLETED", 2)]);
    let mut world = world(&live, &[8]);
    world.stopped.push(crashed(8, 1, 59));
    assert_eq!(keeps_after(&step(), &world, at(60)), Ok(Settle::Steady));
    world.stopped.push(crashed(8, 1, 60));
    let error = keeps_after(&step(), &world, at(60)).unwrap_err();
    assert!(
        error.to_string().starts_with("service quiz/web: a task of web:8 stopped after the rollout was completed: container web exited with code 1; logs: "),
        "{error}"
    );
}

#[test]
fn a_service_back_on_the_old_revision_fails_verification() {
    let error = keeps_after(&step(), &world(&quiet(), &[]), at(60)).unwrap_err();
    assert_eq!(error.name(), "Unhealthy");
    let mut rolled_back = world(&quiet(), &[8]);
    rolled_back.stopped.push(crashed(8, 1, 11));
    assert_eq!(
        keeps_after(&step(), &rolled_back, at(60))
            .unwrap_err()
            .name(),
        "Unhealthy"
    );
}

#[test]
fn what_was_put_back_must_keep_running() {
    assert_eq!(
        keeps_before(&step(), &world(&quiet(), &[8]), at(60)),
        Ok(Settle::Steady)
    );
    let ours = service(&[deployment("PRIMARY", 8, "COMPLETED", 2)]);
    assert_eq!(
        keeps_before(&step(), &world(&ours, &[8]), at(60))
            .unwrap_err()
            .name(),
        "Unhealthy"
    );
    let mut crashing = world(&quiet(), &[8]);
    crashing.stopped.push(crashed(7, 1, 61));
    assert_eq!(
        keeps_before(&step(), &crashing, at(60)).unwrap_err().name(),
        "Unhealthy"
    );
}

#[test]
fn a_service_taken_over_or_sick_before_is_not_held_against_anyone() {
    let foreign = service(&[deployment("PRIMARY", 9, "FAILED", 0)]);
    assert_eq!(
        keeps_before(&step(), &world(&foreign, &[8]), at(60)),
        Ok(Settle::LeftAlone)
    );
    let mut sick = step();
    sick.before.serving = false;
    let idle = service(&[deployment("PRIMARY", 7, "FAILED", 0)]);
    assert_eq!(
        keeps_before(&sick, &world(&idle, &[8]), at(60)),
        Ok(Settle::LeftAlone)
    );
}
