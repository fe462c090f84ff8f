//! What the phase does to a service; what it means is decided in [`lockstep::ecs`].

use std::time::Duration;

use lockstep::ecs::{ServiceStep, ServiceWorld, Undo, observe, undo};
use lockstep::{Phase, PhaseError, Progress, WakeKey};
use lockstep_ecs::Ecs;

/// Rolls out one new revision of one ECS service.
#[derive(Debug)]
pub struct ServicePhase {
    ecs: Ecs,
}

impl ServicePhase {
    /// The phase, acting through `ecs`.
    pub const fn new(ecs: Ecs) -> Self {
        Self { ecs }
    }

    /// One `UpdateService` back to what the service ran. A service that ECS itself put
    /// back only gets its settings back, and one whose old settings could never roll gets
    /// them back once it serves.
    async fn restore(&self, step: &ServiceStep, world: &ServiceWorld) -> Result<(), PhaseError> {
        let settings = &step.before.settings;
        if world.runs_before(step) {
            return self
                .ecs
                .update_service(&step.update_input(None, settings))
                .await;
        }
        let revision = self.ecs.restorable(step, world).await?;
        tracing::info!(
            target = step.resource(),
            revision,
            "putting the service back"
        );
        let settings = settings.able_to_roll(world.service.desired, &step.after.settings);
        self.ecs
            .update_service(&step.update_input(Some(&revision), &settings))
            .await
    }
}

impl Phase for ServicePhase {
    type Step = ServiceStep;

    fn deadline(&self, step: &ServiceStep) -> Duration {
        Duration::from_secs(step.timeout_seconds)
    }

    fn wake_keys(&self, step: &ServiceStep) -> Vec<WakeKey> {
        vec![WakeKey::ecs_service(&step.cluster, &step.service)]
    }

    /// Registers the revision, unless an earlier attempt did, and sends one `UpdateService`
    /// with revision and settings. Looks again right before: between the plan and now, or
    /// in an overlapping invocation, the service may have gone elsewhere.
    async fn start(&self, step: &ServiceStep) -> Result<(), PhaseError> {
        let revision = self.ecs.find_or_register(step).await?;
        let live = self.ecs.service(&step.cluster, &step.service).await?;
        if live.revision() != step.before.task_definition {
            return Ok(());
        }
        tracing::info!(target = step.resource(), revision, "starting the rollout");
        self.ecs
            .update_service(&step.update_input(Some(&revision), &step.after.settings))
            .await
    }

    async fn observe(&self, step: &ServiceStep) -> Result<Progress, PhaseError> {
        let world = self.ecs.look(step).await?;
        observe(step, &world).progress(step)
    }

    async fn undo(&self, step: &ServiceStep) -> Result<Progress, PhaseError> {
        let world = self.ecs.look(step).await?;
        let mut next = undo(step, &world)?;
        if next == Undo::Restore {
            self.restore(step, &world).await?;
            next = undo(step, &self.ecs.look(step).await?)?;
        }
        Ok(match next {
            Undo::Done { summary } => Progress::Done { summary },
            Undo::Wait { note } => Progress::Running { note },
            Undo::Restore => Progress::Running {
                note: format!("putting {} back", step.before_label()),
            },
        })
    }
}

#[cfg(test)]
mod tests;
