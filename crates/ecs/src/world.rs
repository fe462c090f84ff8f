//! One look at a service.

use lockstep::PhaseError;
use lockstep::ecs::{ServiceStep, ServiceWorld};

use crate::Ecs;

impl Ecs {
    /// Looks at everything that decides about a step. Asks for stopped tasks only once a
    /// revision was registered, and for ECS's memory only when nothing else tells whether
    /// that revision was ever used.
    pub async fn look(&self, step: &ServiceStep) -> Result<ServiceWorld, PhaseError> {
        let service = self.service(&step.cluster, &step.service).await?;
        let marked = self.marked(step, Some(&service)).await?;
        let mut world = ServiceWorld {
            service,
            ours: marked.ours,
            restoring: marked.restoring,
            stopped: Vec::new(),
            past: Vec::new(),
        };
        if !world.ours.is_empty() {
            world.stopped = self.stopped_tasks(&step.cluster, &step.service).await?;
        }
        if world.needs_memory() {
            world.past = self.past_deployments(step).await?;
        }
        Ok(world)
    }

    /// The step's revision: found again by its mark, or registered. Overlapping
    /// invocations may each register one; they then agree on the first.
    pub async fn find_or_register(&self, step: &ServiceStep) -> Result<String, PhaseError> {
        if let Some(found) = self.marked(step, None).await?.chosen() {
            return Ok(found.to_owned());
        }
        let registered = self.register(&step.after.task_definition).await?;
        let marked = self.marked(step, None).await?;
        Ok(marked.chosen().unwrap_or(&registered.arn).to_owned())
    }

    /// The revision to put the service back on: the one it ran, or, when that was
    /// deregistered meanwhile, one that repeats it.
    ///
    /// # Errors
    /// [`PhaseError::Rejected`] when the revision was deleted, so that nobody knows any
    /// more what it said.
    pub async fn restorable(
        &self,
        step: &ServiceStep,
        world: &ServiceWorld,
    ) -> Result<String, PhaseError> {
        if let Some(repeated) = world.restoring.first() {
            return Ok(repeated.clone());
        }
        let before = &step.before.task_definition;
        match self.revision(before).await? {
            Some(revision) if revision.is_active() => Ok(revision.arn),
            Some(revision) => Ok(self.register(&step.restoring_input(&revision)).await?.arn),
            None => Err(PhaseError::Rejected {
                resource: step.resource(),
                reason: format!(
                    "{before}, which it ran before, was deleted; register a task definition with {} and put the service on it",
                    step.before_label()
                ),
            }),
        }
    }
}

#[cfg(test)]
mod tests;
