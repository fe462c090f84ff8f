//! What is left to do to put a service back.

use super::arn::short_name;
use super::live::Rollout;
use super::observe::gone;
use super::step::ServiceStep;
use super::world::ServiceWorld;
use crate::PhaseError;

/// The next thing to do for an undo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undo {
    /// Nothing: the service runs what it ran before, or somebody else took it over.
    Done {
        /// What is live now.
        summary: String,
    },
    /// Wait for what ran before to serve again.
    Wait {
        /// How far it is.
        note: String,
    },
    /// Send the one `UpdateService` that puts revision and settings back.
    Restore,
}

/// Decides what is left to put back. Touches nothing that does not carry our mark: a
/// service that meanwhile runs a third revision is left alone.
pub fn undo(step: &ServiceStep, world: &ServiceWorld) -> Result<Undo, PhaseError> {
    let service = &world.service;
    if service.status != "ACTIVE" {
        return Err(gone(step, &service.status));
    }
    if world.runs_ours() {
        return Ok(Undo::Restore);
    }
    if !world.runs_before(step) {
        let found = short_name(service.revision());
        let summary = format!(
            "{} left alone: it runs {found} now, which is not of this deployment",
            step.resource()
        );
        return Ok(Undo::Done { summary });
    }
    back_on_before(step, world)
}

fn back_on_before(step: &ServiceStep, world: &ServiceWorld) -> Result<Undo, PhaseError> {
    let service = &world.service;
    let revision = short_name(service.revision());
    let Some(primary) = service.primary() else {
        return Ok(Undo::Wait {
            note: format!("waiting for ECS to begin with {revision}"),
        });
    };
    if step.before.serving && !service.finished(primary) {
        if primary.rollout == Rollout::Failed {
            let signal = format!(
                "{}: {revision}, which ran before, does not become healthy again ({}); see {}",
                step.resource(),
                primary.reason,
                step.console_link()
            );
            return Err(PhaseError::Unhealthy { signal });
        }
        let tasks = primary.tasks;
        return Ok(Undo::Wait {
            note: format!(
                "{} of {} tasks of {revision} running again",
                tasks.running, tasks.desired
            ),
        });
    }
    if !step.before.settings.are_set_on(service) {
        return Ok(Undo::Restore);
    }
    Ok(Undo::Done {
        summary: summary(step, world),
    })
}

fn summary(step: &ServiceStep, world: &ServiceWorld) -> String {
    let (resource, before) = (step.resource(), step.before_label());
    let again = if world.ours_was_seen() || world.our_past().is_some() {
        "again"
    } else {
        "as before"
    };
    if step.before.serving {
        return format!("{resource} runs {before} {again}");
    }
    format!(
        "{resource} is on {before} {again}, which did not run healthily before this deployment either"
    )
}

#[cfg(test)]
mod tests;
