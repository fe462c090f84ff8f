//! What to do next to put a stack back: a function of nothing but the step and a look.

use std::collections::BTreeSet;

use super::cause::root_cause;
use super::event::StackEvent;
use super::guard::lost;
use super::identity::{self, Purpose};
use super::live::{ChangeSetStatus, LiveChangeSet, LiveStack, Looked};
use super::next::{
    Do, Next, at_work, began, diverged, failure, operation, own, precious, purpose_of, told, wait,
};
use super::stateful::is_stateful;
use super::step::{StackBefore, StackStep};
use crate::PhaseError;

/// How undo begins to say of a new stack that it was left there.
pub(crate) const STAYS: &str = "the new stack stays";

/// What to do next to put back what was there before.
///
/// Nothing that holds data is ever deleted or replaced by it, and no resource is left behind.
///
/// # Errors
/// * [`PhaseError::Rejected`] when going back would destroy data, or CloudFormation refuses it.
/// * [`PhaseError::Rejected`] or [`PhaseError::Unhealthy`] when going back failed, with the
///   resource that failed first.
/// * [`PhaseError::Diverged`] when somebody else changed the stack after this deployment did.
pub fn undo_next(step: &StackStep, looked: &Looked) -> Result<Next, PhaseError> {
    let newest = own(step, looked).next();
    let looked = &At {
        step,
        looked,
        newest,
    };
    match &step.before {
        None => looked.creation(),
        Some(before) => looked.update(before),
    }
}

/// A look at a stack that is put back.
struct At<'a> {
    step: &'a StackStep,
    looked: &'a Looked,
    /// The stack's own newest event since the plan was made.
    newest: Option<&'a StackEvent>,
}

impl At<'_> {
    /// What the newest operation of this deployment is; `None` where it is somebody else's, or
    /// there is none.
    fn purpose(&self) -> Option<Purpose> {
        self.newest.and_then(|event| purpose_of(self.step, event))
    }

    fn began(&self, purpose: Purpose) -> bool {
        began(self.step, self.looked, purpose)
    }

    /// Whether the newest event says the same as the stack itself. Until then one of the two is
    /// older than the last call.
    fn is_settled(&self, live: &LiveStack) -> bool {
        self.newest
            .is_some_and(|event| event.status == live.status.as_str())
    }

    /// Somebody else's operation after this deployment's own.
    fn foreign(&self) -> Result<(), PhaseError> {
        match (self.newest, self.purpose()) {
            (Some(event), None) => Err(diverged(
                self.step,
                "nobody else's operation",
                operation(event),
            )),
            _ => Ok(()),
        }
    }

    /// A stack that the deployment created.
    fn creation(&self) -> Result<Next, PhaseError> {
        let live = match (&self.looked.stack, &self.looked.change_set) {
            (Some(live), _) if !live.status.is_deleted() => live,
            (None, Some(_)) => return wait("CloudFormation creates the stack's name"),
            _ => return done("there is no such stack, as before"),
        };
        if live.status.is_shell() {
            return match &self.looked.change_set {
                Some(it) if it.status == ChangeSetStatus::Executed => {
                    wait("CloudFormation begins the change")
                }
                Some(_) => Ok(Next::Act(Do::Delete(Purpose::Undo))),
                None => done("nothing had been changed"),
            };
        }
        if !self.began(Purpose::Change) {
            let executed = self.looked.change_set.as_ref();
            let executed = executed.is_some_and(|it| it.status == ChangeSetStatus::Executed);
            // A stack is deleted to be created again, or a shell because it was never executed.
            let deleting = self.purpose().is_some();
            if live.status.is_in_progress() && (executed || deleting) {
                return wait(live.status.as_str());
            }
            return done("nothing had been changed");
        }
        self.foreign()?;
        self.delete(live)
    }

    fn delete(&self, live: &LiveStack) -> Result<Next, PhaseError> {
        let status = live.status.as_str();
        let precious = precious(self.looked);
        let going = live.status.is_in_progress();
        match (status, precious) {
            ("DELETE_IN_PROGRESS", _) => wait(&at_work(self.looked, live)),
            ("DELETE_FAILED", _) => Err(PhaseError::Rejected {
                resource: self.step.resource(),
                reason: format!("it could not be deleted again: {}", told(self.looked, live)),
            }),
            // What is begun now may hold data when the stack is deleted.
            (_, None) if going && self.creates_precious() => wait(&at_work(self.looked, live)),
            (_, Some(_)) if going => wait(&at_work(self.looked, live)),
            (_, Some(precious)) => done(&format!(
                "{STAYS} ({status}), because it may hold data: {precious}; where that is not needed, \
                 delete it by hand: aws cloudformation delete-stack --stack-name {}",
                live.name
            )),
            ("ROLLBACK_IN_PROGRESS", None) => wait(&at_work(self.looked, live)),
            (_, None) if live.termination_protection => Ok(Next::Act(Do::Protect(false))),
            (_, None) => Ok(Next::Act(Do::Delete(Purpose::Undo))),
        }
    }

    fn creates_precious(&self) -> bool {
        let resources = &self.looked.resources;
        resources
            .iter()
            .any(|it| is_stateful(&it.resource_type) && it.status != "DELETE_COMPLETE")
    }

    /// A stack that was there before.
    fn update(&self, before: &StackBefore) -> Result<Next, PhaseError> {
        let Some(live) = &self.looked.stack else {
            return Err(diverged(
                self.step,
                "the stack",
                "none; somebody deleted it".to_owned(),
            ));
        };
        if live.id != before.id {
            return Err(diverged(
                self.step,
                "the same stack",
                format!("another one of that name, {}", live.id),
            ));
        }
        if !self.began(Purpose::Change) {
            return Ok(self.never_begun(before, live));
        }
        self.foreign()?;
        if !self.is_settled(live) {
            return wait(&at_work(self.looked, live));
        }
        let undoing = self.purpose() == Some(Purpose::Undo);
        match live.status.as_str() {
            "UPDATE_IN_PROGRESS" if self.purpose() == Some(Purpose::Change) => {
                Ok(Next::Act(Do::Cancel))
            }
            "UPDATE_COMPLETE" if undoing => {
                self.confirmed(before, live, "updated back to what it was")
            }
            "UPDATE_ROLLBACK_COMPLETE" if undoing => Err(self.undo_failed(live)),
            "UPDATE_ROLLBACK_COMPLETE" if is_as_before(before, live, self.looked) => {
                self.confirmed(before, live, "CloudFormation rolled it back to what it was")
            }
            "UPDATE_COMPLETE" | "UPDATE_ROLLBACK_COMPLETE" => self.put_back(before, live),
            "UPDATE_ROLLBACK_FAILED" | "UPDATE_FAILED"
                if self.purpose() == Some(Purpose::Continue) =>
            {
                Err(self.stuck(live))
            }
            "UPDATE_ROLLBACK_FAILED" => Ok(Next::Act(Do::ContinueRollback {
                skip: self.step.skip.clone(),
                purpose: Purpose::Continue,
            })),
            "UPDATE_FAILED" => Ok(Next::Act(Do::RollBack(Purpose::Continue))),
            _ if live.status.is_in_progress() => wait(&at_work(self.looked, live)),
            _ => Err(self.stuck(live)),
        }
    }

    /// Nothing of the change itself was begun: at most a change set was made, the stack was brought
    /// into a state in which it can be changed, or its protection was set.
    fn never_begun(&self, before: &StackBefore, live: &LiveStack) -> Next {
        let waiting = |note: &str| Next::Wait {
            note: note.to_owned(),
        };
        if live.status.is_in_progress() && self.purpose() == Some(Purpose::Heal) {
            return waiting(&at_work(self.looked, live));
        }
        match self.looked.change_set.as_ref().map(|it| it.status) {
            Some(ChangeSetStatus::Executed) => return waiting("CloudFormation begins the change"),
            Some(ChangeSetStatus::Pending) => {
                return waiting("CloudFormation is at work on the change set");
            }
            Some(_) if self.newest.is_none() && live.status.is_in_progress() => {
                return waiting(live.status.as_str());
            }
            Some(_) => return Next::Act(Do::DeleteChangeSet { undo: false }),
            None => {}
        }
        let untouched = self.newest.is_none() || self.purpose().is_some();
        let ours = live.termination_protection == self.step.termination_protection;
        if untouched && ours && live.termination_protection != before.termination_protection {
            return Next::Act(Do::Protect(before.termination_protection));
        }
        let mut summary = "nothing had been changed".to_owned();
        if self.began(Purpose::Heal) {
            let status = &live.status;
            summary = format!("nothing of the change was begun; the stack is {status} now");
            if !status.is_healthy() {
                let StackStep {
                    environment,
                    component,
                    ..
                } = self.step;
                summary = format!(
                    "nothing of the change was begun, and the stack is as stuck as before, {status}: lockstep doctor \
                     {environment} {component}"
                );
            }
        }
        Next::Done { summary }
    }

    /// Updates the stack back by a change set of its own.
    fn put_back(&self, before: &StackBefore, live: &LiveStack) -> Result<Next, PhaseError> {
        if self.began(Purpose::Undo) {
            return Err(self.undo_failed(live));
        }
        let Some(change_set) = &self.looked.undo_change_set else {
            return Ok(Next::Act(Do::CreateChangeSet {
                create: false,
                undo: true,
            }));
        };
        match change_set.status {
            ChangeSetStatus::Pending => {
                wait("CloudFormation compares the stack with its previous template")
            }
            ChangeSetStatus::Executed => wait("CloudFormation begins to update it back"),
            ChangeSetStatus::Obsolete => Ok(Next::Act(Do::DeleteChangeSet { undo: true })),
            ChangeSetStatus::Empty => self.confirmed(before, live, "it was as before"),
            ChangeSetStatus::Failed => Err(PhaseError::Rejected {
                resource: self.step.resource(),
                reason: format!(
                    "CloudFormation refuses to update it back: {}",
                    change_set.reason
                ),
            }),
            ChangeSetStatus::Ready => self.unless_data_is_lost(change_set),
        }
    }

    /// What was approved for the change was not approved for the way back.
    fn unless_data_is_lost(&self, change_set: &LiveChangeSet) -> Result<Next, PhaseError> {
        let violations = lost(&change_set.changes, &BTreeSet::new());
        if violations.is_empty() {
            return Ok(Next::Act(Do::Execute { undo: true }));
        }
        let told: Vec<_> = violations.into_iter().map(|it| it.words).collect();
        let StackStep {
            stack, deployment, ..
        } = self.step;
        Err(PhaseError::Rejected {
            resource: self.step.resource(),
            reason: format!(
                "going back would destroy data, so the stack was left as this deployment made it: {}. Keep it so and fix \
                 what failed; or save what is needed and go back by hand: aws cloudformation execute-change-set \
                 --stack-name {stack} --change-set-name {}",
                told.join(", "),
                identity::change_set(deployment, true)
            ),
        })
    }

    /// Done, once the stack's protection is as it was.
    fn confirmed(
        &self,
        before: &StackBefore,
        live: &LiveStack,
        summary: &str,
    ) -> Result<Next, PhaseError> {
        if live.termination_protection != before.termination_protection {
            return Ok(Next::Act(Do::Protect(before.termination_protection)));
        }
        if is_as_before(before, live, self.looked) {
            return done(summary);
        }
        Err(diverged(
            self.step,
            "its previous template, parameters and tags",
            format!("others, although it is {}", live.status),
        ))
    }

    fn undo_failed(&self, live: &LiveStack) -> PhaseError {
        let token = identity::token(&self.step.deployment, Purpose::Undo);
        failure(self.step, self.looked, live, &token)
    }

    fn stuck(&self, live: &LiveStack) -> PhaseError {
        let StackStep {
            environment,
            component,
            ..
        } = self.step;
        // What failed first of all is told as the reason of the undo; this is what is in its way.
        let purpose = self.purpose();
        let token = purpose.map(|it| identity::token(&self.step.deployment, it));
        let cause = token.and_then(|token| root_cause(&self.looked.events, Some(&token)));
        let why = cause.map_or_else(|| told(self.looked, live), |cause| cause.words());
        PhaseError::Rejected {
            resource: self.step.resource(),
            reason: format!(
                "it is {} and does not come back by itself: {why}. See what is in the way: lockstep doctor {environment} \
                 {component}",
                live.status,
            ),
        }
    }
}

/// Whether a stack has the template, parameters and tags that it had. What cannot be read does not
/// count: no deployment sets it.
pub(super) fn is_as_before(before: &StackBefore, live: &LiveStack, looked: &Looked) -> bool {
    let template = looked.template_sha256.as_ref();
    let mut parameters = live.parameters.clone();
    parameters.retain(|key, _| !before.hidden.contains(key));
    template.is_none_or(|sha256| *sha256 == before.template.sha256)
        && parameters == before.parameters
        && live.tags == before.tags
}

#[allow(clippy::unnecessary_wraps, reason = "it ends decisions that can fail")]
fn done(summary: &str) -> Result<Next, PhaseError> {
    Ok(Next::Done {
        summary: summary.to_owned(),
    })
}

#[cfg(test)]
mod tests;
