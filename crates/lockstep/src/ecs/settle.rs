//! Whether a service keeps running what it was put on: a container that lives a moment and
//! then crashes passes for a completed rollout.

use jiff::Timestamp;

use super::arn::short_name;
use super::live::{LiveService, TaskCounts};
use super::observe::{Observation, observe};
use super::step::ServiceStep;
use super::task::StoppedTask;
use super::world::ServiceWorld;
use crate::PhaseError;

/// What a look at a settled service shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settle {
    /// It runs what it should, with all of its tasks.
    Steady,
    /// It is not looked after: somebody else took it over, or it did not serve before either.
    LeftAlone,
    /// Not all of its tasks run. Autoscaling does that too: wait, within limits.
    Waiting {
        /// How many tasks run.
        note: String,
    },
}

/// Whether the service keeps running our revision since `since`.
pub fn keeps_after(
    step: &ServiceStep,
    world: &ServiceWorld,
    since: Timestamp,
) -> Result<Settle, PhaseError> {
    if let Some(task) = world
        .our_failures()
        .into_iter()
        .find(|task| task.stopped_at >= Some(since))
    {
        return Err(crashed(step, task));
    }
    match observe(step, world) {
        Observation::Completed { .. } => Ok(tasks_of(&world.service)),
        Observation::Running { note } => Ok(Settle::Waiting { note }),
        Observation::NotStarted => {
            let found = short_name(world.service.revision());
            Err(PhaseError::Unhealthy {
                signal: format!(
                    "{}: it runs {found} after a completed rollout of another revision",
                    step.resource()
                ),
            })
        }
        failed => failed.progress(step).map(|_| Settle::Steady),
    }
}

/// Whether the service keeps running what ran before since `since`. A service that
/// somebody else took over, or that did not serve before either, is nobody's failure.
pub fn keeps_before(
    step: &ServiceStep,
    world: &ServiceWorld,
    since: Timestamp,
) -> Result<Settle, PhaseError> {
    if world.runs_ours() {
        let signal = format!(
            "{}: it still runs {}",
            step.resource(),
            short_name(world.service.revision())
        );
        return Err(PhaseError::Unhealthy { signal });
    }
    let taken_over = !world.runs_before(step);
    if taken_over || !step.before.serving {
        return Ok(Settle::LeftAlone);
    }
    let revision = world.service.revision();
    let crash = |task: &&StoppedTask| {
        task.task_definition == revision
            && task.stopped_at >= Some(since)
            && task.stopped_by_itself()
    };
    match world.stopped.iter().find(crash) {
        Some(task) => Err(crashed(step, task)),
        None => Ok(tasks_of(&world.service)),
    }
}

fn crashed(step: &ServiceStep, task: &StoppedTask) -> PhaseError {
    PhaseError::Unhealthy {
        signal: format!(
            "{}: a task of {} stopped after the rollout was completed: {}; logs: {}",
            step.resource(),
            short_name(&task.task_definition),
            task.cause(),
            step.log_link(task)
        ),
    }
}

fn tasks_of(service: &LiveService) -> Settle {
    let counts = service
        .primary()
        .map_or(TaskCounts::default(), |primary| primary.tasks);
    if counts.running >= service.desired {
        return Settle::Steady;
    }
    Settle::Waiting {
        note: format!(
            "{} of {} tasks of {} running",
            counts.running,
            service.desired,
            short_name(service.revision())
        ),
    }
}

#[cfg(test)]
mod tests;
