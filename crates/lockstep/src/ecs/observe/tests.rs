#![allow(clippy::unwrap_used)]

use super::{Observation, observe};
use crate::Progress;
use crate::ecs::testing::{arn, crashed, deployment, failed, quiet, service, step, world};
use crate::ecs::world::PastDeployment;

const BREAKER: &str = "ECS deployment circuit breaker: tasks failed to start.";
const LOG: &str = "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logsV2:log-groups/log-group/$252Fquiz$252Fweb/log-events/ecs$252Fweb$252Ftask11";

#[test]
fn nothing_registered_and_nothing_changed_is_not_started() {
    assert_eq!(
        observe(&step(), &world(&quiet(), &[])),
        Observation::NotStarted
    );
}

#[test]
fn a_revision_that_was_never_used_is_not_started() {
    assert_eq!(
        observe(&step(), &world(&quiet(), &[8])),
        Observation::NotStarted
    );
}

#[test]
fn a_rollout_under_way_tells_how_far_it_is() {
    let live = service(&[
        deployment("PRIMARY", 8, "IN_PROGRESS", 1),
        deployment("ACTIVE", 7, "COMPLETED", 2),
    ]);
    let mut world = world(&live, &[8]);
    world.stopped.push(crashed(8, 1, 11));
    let note = "1 of 2 tasks of web:8 running, 1 stopped by themselves".to_owned();
    assert_eq!(observe(&step(), &world), Observation::Running { note });
}

#[test]
fn a_task_that_cannot_be_placed_is_told() {
    let mut live = service(&[deployment("PRIMARY", 8, "IN_PROGRESS", 0)]);
    let message = "(service web) was unable to place a task because no container instance met all of its requirements.";
    live["events"] =
        serde_json::json!([{"createdAt": crate::ecs::testing::PLANNED + 20, "message": message}]);
    let Observation::Running { note } = observe(&step(), &world(&live, &[8])) else {
        unreachable!()
    };
    assert_eq!(
        note,
        format!("0 of 2 tasks of web:8 running; ECS says: {message}")
    );
}

#[test]
fn a_finished_rollout_of_ours_is_completed() {
    let live = service(&[deployment("PRIMARY", 8, "COMPLETED", 2)]);
    let seen = observe(&step(), &world(&live, &[8]));
    assert_eq!(
        seen,
        Observation::Completed {
            revision: "web:8".into()
        }
    );
    let summary = "service quiz/web runs web:8 (quiz/web@aaaaaaaaaaaa)".to_owned();
    assert_eq!(seen.progress(&step()), Ok(Progress::Done { summary }));
}

#[test]
fn two_overlapping_starts_count_as_one() {
    let live = service(&[
        deployment("PRIMARY", 9, "COMPLETED", 2),
        deployment("ACTIVE", 8, "IN_PROGRESS", 0),
    ]);
    assert_eq!(
        observe(&step(), &world(&live, &[8, 9])),
        Observation::Completed {
            revision: "web:9".into()
        }
    );
}

#[test]
fn behind_a_classic_load_balancer_the_tasks_tell() {
    let alone = service(&[deployment("PRIMARY", 8, "", 2)]);
    assert!(matches!(
        observe(&step(), &world(&alone, &[8])),
        Observation::Completed { .. }
    ));
    let draining = service(&[
        deployment("PRIMARY", 8, "", 2),
        deployment("ACTIVE", 7, "", 1),
    ]);
    assert!(matches!(
        observe(&step(), &world(&draining, &[8])),
        Observation::Running { .. }
    ));
}

#[test]
fn crashing_tasks_fail_the_rollout_before_ecs_gives_up() {
    let live = service(&[
        deployment("PRIMARY", 8, "IN_PROGRESS", 0),
        deployment("ACTIVE", 7, "COMPLETED", 2),
    ]);
    let mut world = world(&live, &[8]);
    world.stopped = vec![crashed(8, 3, 15), crashed(8, 1, 11), crashed(7, 9, 1)];
    let error = observe(&step(), &world).progress(&step()).unwrap_err();
    assert_eq!(error.name(), "Unhealthy");
    assert_eq!(
        error.to_string(),
        format!(
            "service quiz/web: 2 tasks of web:8 stopped: container web exited with code 1; logs: {LOG}"
        )
    );
}

#[test]
fn crashing_tasks_fail_a_rollout_that_ecs_calls_completed() {
    let mut world = world(&service(&[deployment("PRIMARY", 8, "COMPLETED", 2)]), &[8]);
    world.stopped = vec![crashed(8, 1, 11), crashed(8, 1, 12)];
    assert!(matches!(
        observe(&step(), &world),
        Observation::StoppedEarly { .. }
    ));
}

#[test]
fn a_tripped_breaker_without_rollback_is_a_failure() {
    let live = service(&[failed(deployment("PRIMARY", 8, "FAILED", 0), BREAKER)]);
    let mut world = world(&live, &[8]);
    world.stopped.push(crashed(8, 1, 11));
    let Observation::GaveUp { reason } = observe(&step(), &world) else {
        unreachable!()
    };
    assert_eq!(
        reason,
        format!(
            "ECS gave up on web:8 (ECS deployment circuit breaker: tasks failed to start): container web exited with code 1; logs: {LOG}"
        )
    );
}

#[test]
fn stable_on_the_old_revision_after_our_start_is_a_failure() {
    let live = service(&[
        deployment("PRIMARY", 7, "COMPLETED", 2),
        failed(deployment("ACTIVE", 8, "FAILED", 0), BREAKER),
    ]);
    let Observation::RolledBack { reason } = observe(&step(), &world(&live, &[8])) else {
        unreachable!()
    };
    assert_eq!(
        reason,
        "went back to web:7 by itself (ECS deployment circuit breaker: tasks failed to start); \
         see https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/quiz/services/web/deployments?region=eu-west-1"
    );
}

#[test]
fn a_failed_deployment_that_is_gone_is_found_by_its_tasks_or_by_ecs_memory() {
    let mut by_task = world(&quiet(), &[8]);
    by_task.stopped.push(crashed(8, 1, 11));
    assert!(matches!(
        observe(&step(), &by_task),
        Observation::RolledBack { .. }
    ));
    assert!(!by_task.needs_memory());

    let mut by_memory = world(&quiet(), &[8]);
    assert!(by_memory.needs_memory());
    by_memory.past.push(PastDeployment {
        task_definition: arn(8),
        status: "ROLLBACK_SUCCESSFUL".into(),
        reason: "alarm errors".into(),
    });
    let Observation::RolledBack { reason } = observe(&step(), &by_memory) else {
        unreachable!()
    };
    assert!(
        reason.starts_with("went back to web:7 by itself (alarm errors)"),
        "{reason}"
    );
}

#[test]
fn a_third_revision_after_ours_supersedes_it() {
    let live = service(&[
        deployment("PRIMARY", 9, "IN_PROGRESS", 0),
        deployment("ACTIVE", 8, "IN_PROGRESS", 1),
    ]);
    let error = observe(&step(), &world(&live, &[8]))
        .progress(&step())
        .unwrap_err();
    assert_eq!(
        (error.name(), error.to_string().as_str()),
        ("Superseded", "service quiz/web was superseded by web:9")
    );
}

#[test]
fn a_third_revision_before_ours_diverged() {
    let live = service(&[deployment("PRIMARY", 9, "COMPLETED", 2)]);
    let error = observe(&step(), &world(&live, &[]))
        .progress(&step())
        .unwrap_err();
    assert_eq!(error.name(), "Diverged");
    assert_eq!(
        error.to_string(),
        "service quiz/web was changed by someone else: expected web:7, found web:9"
    );
}

#[test]
fn a_deleted_service_is_gone() {
    let mut live = quiet();
    live["status"] = "DRAINING".into();
    let error = observe(&step(), &world(&live, &[8]))
        .progress(&step())
        .unwrap_err();
    assert_eq!(error.name(), "Rejected");
}
