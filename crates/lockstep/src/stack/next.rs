//! What to do next to change a stack: a function of nothing but the step and a look.
//!
//! Whoever calls this may be killed at any point, and may run twice at once: the next look shows
//! what was done, by the names and tokens of [`identity`](super::identity).

use std::collections::BTreeSet;

use super::cause::{RootCause, root_cause};
use super::event::StackEvent;
use super::guard::{guard, refusal};
use super::identity::{self, Purpose};
use super::live::{ChangeSetStatus, LiveChangeSet, LiveStack, Looked};
use super::stateful::is_stateful;
use super::step::{Heal, StackStep};
use super::undo::is_as_before;
use crate::{PhaseError, Progress};

/// What to do next about a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Make this call, then look again.
    Act(Do),
    /// CloudFormation is at work.
    Wait {
        /// What is waited for, in one clause.
        note: String,
    },
    /// Nothing is left to do.
    Done {
        /// What was done, in one clause.
        summary: String,
    },
}

/// A call. All of them may be made twice: the name of the change set or the token tell
/// CloudFormation that it is the same call, and what it refuses is looked at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Do {
    /// `CreateChangeSet` of the change, or with `undo` of what puts it back.
    CreateChangeSet {
        /// Whether it is to create the stack (`CREATE`); else to update it (`UPDATE`).
        create: bool,
        /// Whether it puts back what was there before.
        undo: bool,
    },
    /// `DeleteChangeSet`.
    DeleteChangeSet {
        /// Whether that of the undo is meant.
        undo: bool,
    },
    /// `ExecuteChangeSet`.
    Execute {
        /// Whether that of the undo is meant.
        undo: bool,
    },
    /// `DeleteStack`.
    Delete(Purpose),
    /// `ContinueUpdateRollback`.
    ContinueRollback {
        /// The resources that are left as they are.
        skip: BTreeSet<String>,
        /// What for.
        purpose: Purpose,
    },
    /// `RollbackStack`.
    RollBack(Purpose),
    /// `CancelUpdateStack`.
    Cancel,
    /// `UpdateTerminationProtection`.
    Protect(bool),
}

/// How an operation was named that this deployment began: `None` where somebody else did.
pub(super) fn purpose_of(step: &StackStep, event: &StackEvent) -> Option<Purpose> {
    let (id, purpose) = identity::of_token(event.token.as_deref()?)?;
    (id == step.deployment).then_some(purpose)
}

/// The stack's own events since the plan was made, newest first.
pub(super) fn own<'a>(
    step: &StackStep,
    looked: &'a Looked,
) -> impl Iterator<Item = &'a StackEvent> {
    let known = step
        .before
        .as_ref()
        .and_then(|it| it.last_operation.clone());
    let known = known.map(|operation| operation.event);
    let events = looked.events.iter().filter(|event| event.is_of_stack());
    events.take_while(move |event| Some(&event.id) != known.as_ref())
}

/// Whether this deployment began an operation.
pub(super) fn began(step: &StackStep, looked: &Looked, purpose: Purpose) -> bool {
    own(step, looked).any(|event| purpose_of(step, event) == Some(purpose))
}

/// What to do next to bring the change about.
///
/// # Errors
/// * [`PhaseError::Rejected`] when CloudFormation refused the change, or the guard does not let
///   it pass.
/// * [`PhaseError::Rejected`] or [`PhaseError::Unhealthy`] when the change failed, with the
///   resource that failed first.
/// * [`PhaseError::Diverged`] when somebody else changed the stack since the plan was made.
pub fn next(step: &StackStep, looked: &Looked) -> Result<Next, PhaseError> {
    let Some(live) = &looked.stack else {
        return absent(step, looked);
    };
    if let Some(before) = &step.before
        && before.id != live.id
    {
        return Err(diverged(
            step,
            "the same stack",
            format!("another one of that name, {}", live.id),
        ));
    }
    let newest = own(step, looked).next();
    let purpose = newest.and_then(|event| purpose_of(step, event));
    match (newest, purpose) {
        (_, Some(Purpose::Change)) => changed(step, looked, live),
        (_, Some(Purpose::Heal)) | (None, _) => before_change(step, looked, live),
        // The change set that creates a stack makes an event, too.
        (Some(event), None) if event.status == "REVIEW_IN_PROGRESS" => {
            before_change(step, looked, live)
        }
        (Some(_), None) if step.before.is_none() && step.heal.is_some() => {
            before_change(step, looked, live)
        }
        (Some(event), None) => Err(diverged(step, "nobody else's operation", operation(event))),
        (Some(_), Some(_)) => Err(PhaseError::Halted {
            by: "the undo of this deployment".to_owned(),
        }),
    }
}

/// The same for [`Phase::observe`](crate::Phase::observe): whatever is still to be called means
/// that the step is not under way by itself.
///
/// # Errors
/// Those of [`next`].
pub fn observe(step: &StackStep, looked: &Looked) -> Result<Progress, PhaseError> {
    Ok(match next(step, looked)? {
        Next::Act(_) => Progress::NotStarted,
        Next::Wait { note } => Progress::Running { note },
        Next::Done { summary } => Progress::Done { summary },
    })
}

fn absent(step: &StackStep, looked: &Looked) -> Result<Next, PhaseError> {
    if step.before.is_some() {
        return Err(diverged(
            step,
            "the stack",
            "none; somebody deleted it".to_owned(),
        ));
    }
    match &looked.change_set {
        Some(_) => wait("CloudFormation creates the stack's name"),
        None => Ok(Next::Act(Do::CreateChangeSet {
            create: true,
            undo: false,
        })),
    }
}

/// Everything up to the moment when the change itself is begun.
fn before_change(step: &StackStep, looked: &Looked, live: &LiveStack) -> Result<Next, PhaseError> {
    if let Some(next) = heal(step, looked, live)? {
        return Ok(next);
    }
    // Whose operation it is, its first event tells.
    if live.status.is_in_progress() {
        return wait(live.status.as_str());
    }
    let create = live.status.is_shell();
    match (&step.before, create) {
        (None, false) => {
            return Err(diverged(
                step,
                "no stack",
                format!("one that somebody created meanwhile, {}", live.status),
            ));
        }
        (Some(_), true) => return Err(diverged(step, "the same stack", live.status.to_string())),
        (Some(_), false) if !live.status.is_healthy() => {
            return Err(diverged(
                step,
                "a stack that can be updated",
                live.status.to_string(),
            ));
        }
        _ => {}
    }
    match &looked.change_set {
        None => Ok(Next::Act(Do::CreateChangeSet {
            create,
            undo: false,
        })),
        Some(change_set) => change(step, live, change_set),
    }
}

fn change(
    step: &StackStep,
    live: &LiveStack,
    change_set: &LiveChangeSet,
) -> Result<Next, PhaseError> {
    match change_set.status {
        ChangeSetStatus::Pending => wait("CloudFormation compares the stack with its new template"),
        ChangeSetStatus::Executed => wait("CloudFormation begins the change"),
        ChangeSetStatus::Obsolete => Ok(Next::Act(Do::DeleteChangeSet { undo: false })),
        ChangeSetStatus::Empty => Ok(protected(step, live, "nothing to change")),
        ChangeSetStatus::Failed => Err(PhaseError::Rejected {
            resource: step.resource(),
            reason: format!("CloudFormation refuses the change: {}", change_set.reason),
        }),
        ChangeSetStatus::Ready => {
            let violations = guard(step, &change_set.changes);
            if violations.is_empty() {
                return Ok(Next::Act(Do::Execute { undo: false }));
            }
            Err(PhaseError::Rejected {
                resource: step.resource(),
                reason: refusal(step, &violations),
            })
        }
    }
}

/// What brings the stack into a state in which it can be changed; `None` when it is in one.
fn heal(step: &StackStep, looked: &Looked, live: &LiveStack) -> Result<Option<Next>, PhaseError> {
    let Some(heal) = &step.heal else {
        return Ok(None);
    };
    let status = live.status.as_str();
    let tried = began(step, looked, Purpose::Heal);
    let working = || Next::Wait {
        note: format!("{status}: the stack is brought into a state in which it can be changed"),
    };
    Ok(match (heal, status) {
        _ if live.status.is_in_progress() && tried => Some(working()),
        (Heal::DeleteAndCreate, "ROLLBACK_COMPLETE" | "CREATE_FAILED" | "ROLLBACK_FAILED") => {
            Some(delete_failed_creation(step, looked, live)?)
        }
        (Heal::DeleteAndCreate | Heal::DropShell, "DELETE_FAILED") => {
            return Err(PhaseError::Rejected {
                resource: step.resource(),
                reason: format!(
                    "it cannot be deleted to be created again: {}",
                    told(looked, live)
                ),
            });
        }
        (Heal::DropShell, "REVIEW_IN_PROGRESS") if looked.change_set.is_none() => {
            Some(Next::Act(Do::Delete(Purpose::Heal)))
        }
        (Heal::ContinueRollback { .. }, "UPDATE_ROLLBACK_FAILED") if tried => {
            return Err(PhaseError::Rejected {
                resource: step.resource(),
                reason: format!(
                    "its rollback was continued and failed again: {}",
                    told(looked, live)
                ),
            });
        }
        (Heal::ContinueRollback { skip }, "UPDATE_ROLLBACK_FAILED") => {
            let skip = skip.clone();
            Some(Next::Act(Do::ContinueRollback {
                skip,
                purpose: Purpose::Heal,
            }))
        }
        (Heal::ContinueRollback { .. }, "UPDATE_ROLLBACK_COMPLETE") if tried => {
            as_planned(step, looked, live)?;
            None
        }
        _ => None,
    })
}

/// What the stack was before is read while it is stuck, and undo restores that: if it is something
/// else once the rollback is over, the plan is not true.
fn as_planned(step: &StackStep, looked: &Looked, live: &LiveStack) -> Result<(), PhaseError> {
    let before = step.before.as_ref();
    if before.is_none_or(|before| is_as_before(before, live, looked)) {
        return Ok(());
    }
    Err(PhaseError::Rejected {
        resource: step.resource(),
        reason: format!(
            "its rollback was continued, and it is {} now, with another template, other parameters or tags than while it \
             was stuck; deploy again: it can be changed now",
            live.status
        ),
    })
}

fn delete_failed_creation(
    step: &StackStep,
    looked: &Looked,
    live: &LiveStack,
) -> Result<Next, PhaseError> {
    if let Some(precious) = precious(looked) {
        return Err(PhaseError::Rejected {
            resource: step.resource(),
            reason: format!(
                "it would have to be deleted and created again, but {precious} may hold data"
            ),
        });
    }
    Ok(Next::Act(if live.termination_protection {
        Do::Protect(false)
    } else {
        Do::Delete(Purpose::Heal)
    }))
}

/// The resources that hold data and exist, by name.
pub(super) fn precious(looked: &Looked) -> Option<String> {
    let precious = looked.resources.iter();
    let precious = precious.filter(|it| it.exists() && is_stateful(&it.resource_type));
    let names: Vec<_> = precious
        .map(|it| format!("{} ({})", it.path, it.resource_type))
        .collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// The change is under way, or was.
fn changed(step: &StackStep, looked: &Looked, live: &LiveStack) -> Result<Next, PhaseError> {
    let status = &live.status;
    let settled = own(step, looked)
        .next()
        .is_some_and(|event| event.status == status.as_str());
    if status.is_success() && settled {
        return Ok(protected(step, live, &success(live)));
    }
    // Until the newest event says the same, one of the two is older than the last call.
    if !status.is_failure() || !settled {
        return Ok(Next::Wait {
            note: at_work(looked, live),
        });
    }
    let token = identity::token(&step.deployment, Purpose::Change);
    Err(failure(step, looked, live, &token))
}

/// Done, once the stack is protected from being deleted, or not, as the step says.
fn protected(step: &StackStep, live: &LiveStack, summary: &str) -> Next {
    if live.termination_protection == step.termination_protection {
        return Next::Done {
            summary: summary.to_owned(),
        };
    }
    Next::Act(Do::Protect(step.termination_protection))
}

/// How many outputs people are told.
const OUTPUTS: usize = 5;

fn success(live: &LiveStack) -> String {
    let what = match live.status.as_str() {
        "CREATE_COMPLETE" => "created",
        _ => "updated",
    };
    let outputs = live.outputs.iter().take(OUTPUTS);
    let mut outputs: Vec<_> = outputs
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    match live.outputs.len().saturating_sub(OUTPUTS) {
        0 => {}
        more => outputs.push(format!("{more} more")),
    }
    if outputs.is_empty() {
        return what.to_owned();
    }
    format!("{what}; outputs {}", outputs.join(", "))
}

/// What the stack does just now: its status, and the resource that was last begun.
pub(super) fn at_work(looked: &Looked, live: &LiveStack) -> String {
    let newest = looked.events.first().filter(|event| !event.is_of_stack());
    match newest {
        Some(event) => format!("{}: {} {}", live.status, event.path(), event.status),
        None => live.status.to_string(),
    }
}

/// Why an operation of this deployment failed.
pub(super) fn failure(
    step: &StackStep,
    looked: &Looked,
    live: &LiveStack,
    token: &str,
) -> PhaseError {
    let cause = root_cause(&looked.events, Some(token));
    let why = cause
        .as_ref()
        .map_or_else(|| told(looked, live), RootCause::words);
    if cause.is_some_and(|cause| cause.is_unhealthy) {
        return PhaseError::Unhealthy {
            signal: format!("{}: {why}", step.resource()),
        };
    }
    PhaseError::Rejected {
        resource: step.resource(),
        reason: why,
    }
}

/// What is known of a failure: the resource that failed first, else what the stack itself says.
pub(super) fn told(looked: &Looked, live: &LiveStack) -> String {
    match (root_cause(&looked.events, None), live.reason.as_str()) {
        (Some(cause), _) => cause.words(),
        (None, "") => live.status.to_string(),
        (None, reason) => format!("{}, {reason}", live.status),
    }
}

pub(super) fn operation(event: &StackEvent) -> String {
    match &event.token {
        Some(token) => format!("{} by operation {token} at {}", event.status, event.at),
        None => format!("{} by somebody else at {}", event.status, event.at),
    }
}

pub(super) fn diverged(step: &StackStep, expected: &str, found: String) -> PhaseError {
    PhaseError::Diverged {
        resource: step.resource(),
        expected: expected.to_owned(),
        found,
    }
}

#[allow(clippy::unnecessary_wraps, reason = "it ends decisions that can fail")]
pub(super) fn wait(note: &str) -> Result<Next, PhaseError> {
    Ok(Next::Wait {
        note: note.to_owned(),
    })
}

#[cfg(test)]
pub(super) mod tests;
