//! Where a rollout is. Decided by identity, never by stability: a service that is stable
//! on the old revision after our start has failed.

use std::fmt::Write as _;

use super::arn::short_name;
use super::live::{Deployment, Rollout};
use super::step::ServiceStep;
use super::task::StoppedTask;
use super::world::ServiceWorld;
use crate::{PhaseError, Progress};

/// What a look at the service means for its step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// The service runs what it ran before, and was never told otherwise.
    NotStarted,
    /// Our revision is being rolled out.
    Running {
        /// How far it is.
        note: String,
    },
    /// Our revision is rolled out.
    Completed {
        /// The revision, such as `web:8`.
        revision: String,
    },
    /// As many of our tasks stopped by themselves as the step allows.
    StoppedEarly {
        /// How many, why the first one stopped, and where its log is.
        reason: String,
    },
    /// ECS gave up on our revision and left the service there.
    GaveUp {
        /// ECS's reason, why the first task stopped, and where its log is.
        reason: String,
    },
    /// The service was told to run our revision and is back on what ran before.
    RolledBack {
        /// ECS's reason, why the first task stopped, and where its log is.
        reason: String,
    },
    /// The service was told to run our revision, and then a third one.
    Superseded {
        /// The third revision.
        by: String,
    },
    /// The service runs neither what it ran before nor anything of ours.
    Diverged {
        /// What it runs.
        found: String,
    },
    /// The service was deleted, or is being deleted.
    Gone {
        /// Its status.
        status: String,
    },
}

/// Reads a step's state off the world.
pub fn observe(step: &ServiceStep, world: &ServiceWorld) -> Observation {
    let service = &world.service;
    if service.status != "ACTIVE" {
        return Observation::Gone {
            status: service.status.clone(),
        };
    }
    if world.runs_ours() {
        return rolling_out(step, world);
    }
    let was_ours = world.ours_was_seen() || world.our_past().is_some();
    let found = || short_name(service.revision()).to_owned();
    match (world.runs_before(step), was_ours) {
        (true, false) => Observation::NotStarted,
        (true, true) => Observation::RolledBack {
            reason: rolled_back(step, world),
        },
        (false, true) => Observation::Superseded { by: found() },
        (false, false) => Observation::Diverged { found: found() },
    }
}

impl Observation {
    /// What the observation means to the phase's runner.
    pub fn progress(self, step: &ServiceStep) -> Result<Progress, PhaseError> {
        let resource = step.resource();
        match self {
            Self::NotStarted => Ok(Progress::NotStarted),
            Self::Running { note } => Ok(Progress::Running { note }),
            Self::Completed { revision } => Ok(Progress::Done {
                summary: format!("{resource} runs {revision} ({})", step.after_images()),
            }),
            Self::StoppedEarly { reason }
            | Self::GaveUp { reason }
            | Self::RolledBack { reason } => Err(PhaseError::Unhealthy {
                signal: format!("{resource}: {reason}"),
            }),
            Self::Superseded { by } => Err(PhaseError::Superseded { resource, by }),
            Self::Diverged { found } => Err(PhaseError::Diverged {
                resource,
                expected: short_name(&step.before.task_definition).to_owned(),
                found,
            }),
            Self::Gone { status } => Err(gone(step, &status)),
        }
    }
}

/// The error for a service that does not exist any more.
pub fn gone(step: &ServiceStep, status: &str) -> PhaseError {
    PhaseError::Rejected {
        resource: step.resource(),
        reason: format!("it is {status}: somebody deleted it; create it again, then deploy again"),
    }
}

/// Crashed tasks come first: a rollout can be "completed" while its tasks crash-loop, and
/// the answer must not depend on when it was looked at.
fn rolling_out(step: &ServiceStep, world: &ServiceWorld) -> Observation {
    let failures = world.our_failures();
    if failures.len() >= step.stopped_tasks.try_into().unwrap_or(usize::MAX) {
        return Observation::StoppedEarly {
            reason: stopped(step, world.service.revision(), &failures),
        };
    }
    let Some(primary) = world.service.primary() else {
        return Observation::Running {
            note: "waiting for ECS to begin".into(),
        };
    };
    if world.service.finished(primary) {
        return Observation::Completed {
            revision: short_name(&primary.task_definition).to_owned(),
        };
    }
    if primary.rollout == Rollout::Failed {
        let what = format!("ECS gave up on {}", short_name(&primary.task_definition));
        return Observation::GaveUp {
            reason: explained(step, &what, &primary.reason, &failures),
        };
    }
    Observation::Running {
        note: running_note(world, primary),
    }
}

fn running_note(world: &ServiceWorld, primary: &Deployment) -> String {
    let tasks = primary.tasks;
    let mut note = format!(
        "{} of {} tasks of {} running",
        tasks.running,
        tasks.desired,
        short_name(&primary.task_definition)
    );
    let failed = world.our_failures().len();
    if failed > 0 {
        let _ = write!(note, ", {failed} stopped by themselves");
    }
    if let Some(event) = world
        .service
        .event_since(primary.created_at)
        .filter(|event| is_trouble(event))
    {
        let _ = write!(note, "; ECS says: {event}");
    }
    note
}

/// Whether a line of a service's log tells of trouble, such as no capacity for a task or a
/// role that cannot be assumed. Such a task never starts, so it never stops either.
fn is_trouble(event: &str) -> bool {
    ["unable", "unhealthy", "failed", "error"]
        .iter()
        .any(|word| event.contains(word))
}

fn stopped(step: &ServiceStep, revision: &str, failures: &[&StoppedTask]) -> String {
    let Some(first) = failures.first() else {
        return format!("tasks of {} stopped", short_name(revision));
    };
    let (count, tasks) = (
        failures.len(),
        if failures.len() == 1 { "task" } else { "tasks" },
    );
    format!(
        "{count} {tasks} of {} stopped: {}; logs: {}",
        short_name(revision),
        first.cause(),
        step.log_link(first)
    )
}

fn rolled_back(step: &ServiceStep, world: &ServiceWorld) -> String {
    let what = format!(
        "went back to {} by itself",
        short_name(world.service.revision())
    );
    let listed = world
        .our_deployment()
        .map(|deployment| deployment.reason.as_str())
        .filter(|reason| !reason.is_empty());
    let remembered = || world.our_past().map_or("", |past| past.reason.as_str());
    explained(
        step,
        &what,
        listed.unwrap_or_else(remembered),
        &world.our_failures(),
    )
}

fn explained(step: &ServiceStep, what: &str, reason: &str, failures: &[&StoppedTask]) -> String {
    let mut text = what.to_owned();
    if !reason.is_empty() {
        let _ = write!(text, " ({})", reason.trim_end_matches('.'));
    }
    match failures.first() {
        Some(first) => format!("{text}: {}; logs: {}", first.cause(), step.log_link(first)),
        None => format!("{text}; see {}", step.console_link()),
    }
}

#[cfg(test)]
mod tests;
