#![allow(clippy::unwrap_used, clippy::panic)]

use super::{Undo, undo};
use crate::ecs::testing::{
    arn, crashed, deployment, failed, quiet, service, step, with_new_settings, world,
};

fn done(decision: &Undo) -> &str {
    match decision {
        Undo::Done { summary } => summary,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_start_that_never_ran_leaves_nothing_to_undo() {
    let decision = undo(&step(), &world(&quiet(), &[])).unwrap();
    assert_eq!(
        done(&decision),
        "service quiz/web runs web:7 (quiz/web:v1) as before"
    );
}

#[test]
fn a_revision_of_ours_is_taken_off() {
    for rollout in ["IN_PROGRESS", "COMPLETED", "FAILED"] {
        let live = service(&[deployment("PRIMARY", 8, rollout, 0)]);
        assert_eq!(
            undo(&step(), &world(&live, &[8])),
            Ok(Undo::Restore),
            "{rollout}"
        );
    }
}

#[test]
fn the_service_is_waited_for_until_it_serves_again() {
    let live = service(&[
        deployment("PRIMARY", 7, "IN_PROGRESS", 1),
        deployment("ACTIVE", 8, "IN_PROGRESS", 1),
    ]);
    let note = "1 of 2 tasks of web:7 running again".to_owned();
    assert_eq!(undo(&step(), &world(&live, &[8])), Ok(Undo::Wait { note }));
}

#[test]
fn after_ecs_rolled_back_by_itself_the_settings_are_put_back_too() {
    let live = with_new_settings(service(&[
        deployment("PRIMARY", 7, "COMPLETED", 2),
        deployment("ACTIVE", 8, "FAILED", 0),
    ]));
    assert_eq!(undo(&step(), &world(&live, &[8])), Ok(Undo::Restore));
    let mut restored = live;
    restored["deploymentConfiguration"] = step().before.settings.deployment_configuration;
    let decision = undo(&step(), &world(&restored, &[8])).unwrap();
    assert_eq!(
        done(&decision),
        "service quiz/web runs web:7 (quiz/web:v1) again"
    );
}

#[test]
fn a_foreign_revision_is_left_alone() {
    let live = with_new_settings(service(&[deployment("PRIMARY", 9, "COMPLETED", 2)]));
    let decision = undo(&step(), &world(&live, &[8])).unwrap();
    assert_eq!(
        done(&decision),
        "service quiz/web left alone: it runs web:9 now, which is not of this deployment"
    );
}

#[test]
fn a_repeated_revision_counts_as_before() {
    let live = service(&[deployment("PRIMARY", 9, "COMPLETED", 2)]);
    let mut world = world(&live, &[8]);
    world.restoring.insert(arn(9));
    assert!(matches!(undo(&step(), &world), Ok(Undo::Done { .. })));
}

#[test]
fn what_does_not_become_healthy_again_needs_a_person() {
    let live = service(&[failed(
        deployment("PRIMARY", 7, "FAILED", 0),
        "tasks failed to start",
    )]);
    let error = undo(&step(), &world(&live, &[8])).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("does not become healthy again (tasks failed to start)"),
        "{error}"
    );
}

#[test]
fn what_was_not_healthy_before_is_not_waited_for() {
    let mut step = step();
    step.before.serving = false;
    let live = service(&[deployment("PRIMARY", 7, "IN_PROGRESS", 0)]);
    let mut world = world(&live, &[8]);
    world.stopped.push(crashed(8, 1, 11));
    let decision = undo(&step, &world).unwrap();
    assert!(done(&decision).ends_with("which did not run healthily before this deployment either"));
}

#[test]
fn a_deleted_service_needs_a_person() {
    let mut live = quiet();
    live["status"] = "INACTIVE".into();
    assert_eq!(
        undo(&step(), &world(&live, &[8])).unwrap_err().name(),
        "Rejected"
    );
}
