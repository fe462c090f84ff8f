//! What the phase does to a stack; what it means is decided in [`lockstep::stack`].

mod look;
mod request;

use std::time::Duration;

use lockstep::stack::{
    ChangeSetStatus, Do, Looked, Next, StackStep, identity, next, observe, undo_next,
};
use lockstep::{Phase, PhaseError, Progress, WakeKey};
use lockstep_aws::pause;
use lockstep_cloudformation::{CloudFormation, Sent};
use lockstep_ledger::Ledger;

/// Changes one stack by a change set.
#[derive(Debug)]
pub struct StackPhase {
    cloudformation: CloudFormation,
    /// Knows the outputs of what is no stack.
    ledger: Ledger,
}

/// How often one invocation looks and acts at most: more than any way through takes. What is left
/// is done by the next one.
const ROUNDS: usize = 16;

/// How long one invocation waits for a change set: CloudFormation tells nobody when it has
/// compared, which takes a few seconds.
const COMPARING: Duration = Duration::from_secs(8);
const PAUSE: Duration = Duration::from_secs(1);

impl StackPhase {
    /// The phase, acting through `cloudformation`.
    pub const fn new(cloudformation: CloudFormation, ledger: Ledger) -> Self {
        Self {
            cloudformation,
            ledger,
        }
    }

    /// Looks and acts by turns until there is nothing to do but to wait. No call is made twice
    /// in a row: CloudFormation took it, and only does not show it yet.
    async fn go_on(&self, step: &StackStep, undo: bool) -> Result<Progress, PhaseError> {
        let mut waited = Duration::ZERO;
        let mut made = None;
        for _ in 0..ROUNDS {
            let seen = self.look(step, undo).await?;
            let decided = if undo {
                undo_next(step, &seen)?
            } else {
                next(step, &seen)?
            };
            match decided {
                Next::Act(action) if made.as_ref() == Some(&action) => break,
                Next::Act(action) => {
                    self.act(step, &seen, &action).await?;
                    made = Some(action);
                }
                Next::Wait { .. } if is_compared(&seen) && waited < COMPARING => {
                    waited += PAUSE;
                    pause(PAUSE).await;
                }
                Next::Wait { note } => return Ok(Progress::Running { note }),
                Next::Done { summary } => return Ok(Progress::Done { summary }),
            }
        }
        Ok(Progress::Running {
            note: "CloudFormation was asked; it does not show it yet".to_owned(),
        })
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

/// Whether a change set is being made.
fn is_compared(seen: &Looked) -> bool {
    let change_sets = [&seen.change_set, &seen.undo_change_set];
    let mut change_sets = change_sets.into_iter().flatten();
    change_sets.any(|it| it.status == ChangeSetStatus::Pending)
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
        self.go_on(step, false).await.map(drop)
    }

    async fn observe(&self, step: &StackStep) -> Result<Progress, PhaseError> {
        observe(step, &self.look(step, false).await?)
    }

    async fn undo(&self, step: &StackStep) -> Result<Progress, PhaseError> {
        self.go_on(step, true).await
    }
}

#[cfg(test)]
mod tests;
