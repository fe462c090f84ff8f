//! What the phase does to a stack; what it means is decided in [`lockstep::stack`].

mod look;
mod request;

use std::time::Duration;

use lockstep::stack::{Do, Looked, Next, StackStep, identity, next, observe, undo_next};
use lockstep::{Phase, PhaseError, Progress, WakeKey};
use lockstep_cloudformation::{CloudFormation, Sent};

/// Changes one stack by a change set.
#[derive(Debug)]
pub struct StackPhase {
    cloudformation: CloudFormation,
}

/// How many calls one invocation makes at most: more than any way through takes. What is left is
/// done by the next one.
const CALLS: usize = 8;

impl StackPhase {
    /// The phase, acting through `cloudformation`.
    pub const fn new(cloudformation: CloudFormation) -> Self {
        Self { cloudformation }
    }

    /// Makes one call. Calls about a stack that is there name its ARN: one that was deleted and
    /// created again meanwhile is another one.
    async fn act(&self, step: &StackStep, seen: &Looked, action: &Do) -> Result<Sent, PhaseError> {
        let id = seen
            .stack
            .as_ref()
            .map_or(step.stack.as_str(), |live| live.id.as_str());
        let token = |purpose| identity::token(&step.deployment, purpose);
        let change_set = |undo| identity::change_set(&step.deployment, undo);
        let role = step.role.as_deref();
        let cloudformation = &self.cloudformation;
        tracing::info!(target = step.resource(), action = ?action, "acting");
        match action {
            Do::CreateChangeSet { create, undo } => {
                let request = if *undo {
                    request::back(step)?
                } else {
                    self.change(step, *create).await?
                };
                cloudformation.create_change_set(&request).await
            }
            Do::DeleteChangeSet { undo } => {
                let name = change_set(*undo);
                cloudformation.delete_change_set(&step.stack, &name).await
            }
            Do::Execute { undo } => {
                let name = change_set(*undo);
                // The name of a change set and the token of its execution are the same.
                cloudformation
                    .execute_change_set(&step.stack, &name, &name)
                    .await
            }
            Do::Delete(purpose) => {
                let token = token(*purpose);
                cloudformation.delete(id, &token, role, &[].into()).await
            }
            Do::ContinueRollback { skip, purpose } => {
                let token = token(*purpose);
                cloudformation
                    .continue_rollback(id, &token, role, skip)
                    .await
            }
            Do::RollBack(purpose) => {
                let token = token(*purpose);
                cloudformation.roll_back(id, &token, role).await
            }
            Do::Cancel => {
                let token = token(identity::Purpose::Cancel);
                cloudformation.cancel_update(id, &token).await
            }
            Do::Protect(on) => cloudformation.protect(id, *on).await,
        }
    }
}

impl Phase for StackPhase {
    type Step = StackStep;

    fn deadline(&self, step: &StackStep) -> Duration {
        Duration::from_secs(step.deadline_seconds)
    }

    fn wake_keys(&self, step: &StackStep) -> Vec<WakeKey> {
        vec![WakeKey::stack(&step.stack)]
    }

    /// Makes one call after the other, with a look before each, until CloudFormation is at work
    /// or nothing is left to do.
    async fn start(&self, step: &StackStep) -> Result<(), PhaseError> {
        for _ in 0..CALLS {
            let seen = self.look(step, false).await?;
            let Next::Act(action) = next(step, &seen)? else {
                break;
            };
            self.act(step, &seen, &action).await?;
        }
        Ok(())
    }

    async fn observe(&self, step: &StackStep) -> Result<Progress, PhaseError> {
        observe(step, &self.look(step, false).await?)
    }

    async fn undo(&self, step: &StackStep) -> Result<Progress, PhaseError> {
        for _ in 0..CALLS {
            let seen = self.look(step, true).await?;
            match undo_next(step, &seen)? {
                Next::Act(action) => drop(self.act(step, &seen, &action).await?),
                Next::Wait { note } => return Ok(Progress::Running { note }),
                Next::Done { summary } => return Ok(Progress::Done { summary }),
            }
        }
        Ok(Progress::Running {
            note: format!("putting {} back", step.resource()),
        })
    }
}

#[cfg(test)]
mod tests;
