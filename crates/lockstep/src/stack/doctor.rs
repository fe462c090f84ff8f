//! The doctor: in which state a stack is, and the way out of one in which it cannot be changed.

use std::collections::BTreeSet;

use super::cause::{console, list};
use super::event::StackEvent;
use super::identity::of_token;
use super::live::{LiveStack, StackResource};
use super::stateful::is_stateful;
use super::step::Heal;
use crate::{Check, DeploymentId};

/// A stack, and what is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Patient<'a> {
    /// The stack.
    pub stack: &'a LiveStack,
    /// Its resources, nested ones included. Needed unless [`LiveStack`]'s status is healthy or in
    /// progress.
    pub resources: &'a [StackResource],
    /// Its events, newest first, back to the beginning of its last operation. Needed as the
    /// resources are.
    pub events: &'a [StackEvent],
    /// The deployment that asks; `None` where a person does.
    pub deployment: Option<&'a DeploymentId>,
    /// The resources that a person allowed a rollback to skip, by logical id.
    pub skip: &'a BTreeSet<String>,
    /// The environment's name, for the commands that are told.
    pub environment: &'a str,
    /// The manifest's name of the stack, for the commands that are told.
    pub component: &'a str,
}

/// In which state a stack is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Diagnosis {
    /// It can be changed.
    Healthy,
    /// It is at work for this deployment.
    Ours,
    /// It is at work for somebody else; its turn comes afterwards.
    Busy {
        /// What it does, in one clause.
        note: String,
    },
    /// It cannot be changed, but there is a way out.
    Curable {
        /// The way out.
        heal: Heal,
        /// What is wrong and what will be done, in one sentence.
        words: String,
    },
    /// It cannot be changed, and a person has to decide.
    Stuck(Check),
}

/// Says in which state a stack is.
pub fn diagnose(patient: &Patient<'_>) -> Diagnosis {
    let status = &patient.stack.status;
    if status.is_in_progress() {
        return patient.at_work();
    }
    match status.as_str() {
        _ if status.is_healthy() => Diagnosis::Healthy,
        "REVIEW_IN_PROGRESS" => patient.shell(),
        "ROLLBACK_COMPLETE" | "CREATE_FAILED" | "ROLLBACK_FAILED" => patient.never_good(),
        "UPDATE_FAILED" => patient.half_done(),
        "UPDATE_ROLLBACK_FAILED" => patient.rollback_failed(),
        "DELETE_FAILED" => patient.delete_failed(),
        _ => patient.stuck(
            "a stack that can be updated",
            "look at its events, and bring it back into a state in which it can be updated",
        ),
    }
}

impl Patient<'_> {
    fn at_work(&self) -> Diagnosis {
        let token = self.stack.last_operation.as_ref();
        let token = token.and_then(|operation| operation.token.as_deref());
        let owner = token.and_then(of_token).map(|(id, _)| id);
        if owner.is_some() && owner.as_ref() == self.deployment {
            return Diagnosis::Ours;
        }
        let of = match (owner, token) {
            (Some(id), _) => format!(" for deployment {id}"),
            (None, Some(token)) => format!(" (operation {token})"),
            (None, None) => String::new(),
        };
        Diagnosis::Busy {
            note: format!("stack {} is {}{of}", self.stack.name, self.stack.status),
        }
    }

    /// A name without resources. One that holds some after all is no shell.
    fn shell(&self) -> Diagnosis {
        if self.resources.iter().any(StackResource::exists) {
            return self.stuck(
                "a stack that can be updated, or none",
                "execute or delete its change set in AWS's console, then deploy again",
            );
        }
        self.curable(
            Heal::DropShell,
            "a change set that was to create it was never executed: the empty name is removed, then the stack is created",
        )
    }

    /// A stack whose creation failed has no state that could be put back: only a new one helps.
    fn never_good(&self) -> Diagnosis {
        let precious: Vec<_> = self.precious().collect();
        if precious.is_empty() {
            return self.curable(
                Heal::DeleteAndCreate,
                "it was never created to the end: it is deleted and created again",
            );
        }
        let names: Vec<_> = precious.iter().map(|it| it.path.as_str()).collect();
        self.stuck_with(
            &list(precious.iter().copied()),
            "a stack that was created to the end, or one without anything that holds data",
            &format!(
                "it has to be deleted and created again, but {} may hold data: save what is needed, then run \
                 `lockstep doctor {} {} --delete`",
                names.join(", "),
                self.environment,
                self.component
            ),
        )
    }

    fn precious(&self) -> impl Iterator<Item = &StackResource> {
        let exist = self.resources.iter().filter(|it| it.exists());
        exist.filter(|it| is_stateful(&it.resource_type))
    }

    /// An update that failed while rollbacks were disabled: somebody wanted to keep what it made,
    /// and a rollback deletes that. Only a person says so.
    fn half_done(&self) -> Diagnosis {
        if self.deployment.is_none() {
            return self.curable(
                Heal::RollBack,
                "an update of it failed and was left half done, because its rollback was disabled: it is rolled back to \
                 what it was before",
            );
        }
        self.stuck_with(
            &list(self.failed()),
            "a stack whose last update, or the rollback of it, is complete",
            &format!(
                "an update of it was left half done, because its rollback was disabled. If nobody needs what it made any \
                 more, `lockstep doctor {} {} --heal` rolls it back, and says what goes with that; then deploy again",
                self.environment, self.component
            ),
        )
    }

    /// What could not be updated, or put back by a rollback.
    fn failed(&self) -> Vec<&StackResource> {
        let failed = self.resources.iter();
        failed.filter(|it| it.status == "UPDATE_FAILED").collect()
    }

    fn rollback_failed(&self) -> Diagnosis {
        let failed = self.failed();
        let names: BTreeSet<String> = failed.iter().map(|it| it.path.clone()).collect();
        let skip: BTreeSet<String> = names.intersection(self.skip).cloned().collect();
        if skip.is_empty() && self.continued_in_vain() {
            let approvals: Vec<_> = names
                .iter()
                .map(|name| format!(" --approve {}/skip:{name}", self.component))
                .collect();
            return self.stuck_with(
                &list(failed),
                "resources that can be put back",
                &format!(
                    "the rollback was continued before and failed on the same resources. Mend what is named, then deploy \
                     again; or, where a resource may stay as it is now, `lockstep deploy {}{}`: CloudFormation then \
                     takes its word for what that resource is",
                    self.environment,
                    approvals.concat()
                ),
            );
        }
        let what = if skip.is_empty() {
            "its rollback is continued first".to_owned()
        } else {
            let skipped: Vec<_> = skip.iter().map(String::as_str).collect();
            format!(
                "its rollback is continued first, without {}, as was approved",
                skipped.join(", ")
            )
        };
        let words = format!("{}: {what}", self.found(&list(failed)));
        Diagnosis::Curable {
            heal: Heal::ContinueRollback { skip },
            words,
        }
    }

    /// Whether the rollback failed more than once, and each time the resources that are in the
    /// way now were: since the last change began.
    fn continued_in_vain(&self) -> bool {
        let own = self.events.iter().filter(|event| event.is_of_stack());
        let since = own.take_while(|event| event.status != "UPDATE_IN_PROGRESS");
        let ends = since.filter(|event| event.status == "UPDATE_ROLLBACK_FAILED");
        let mut ends = ends.map(|event| event.at);
        let (Some(_), Some(before)) = (ends.next(), ends.next()) else {
            return false;
        };
        // What failed up to the end before the last one, and is in the way still.
        let earlier: BTreeSet<_> = self
            .events
            .iter()
            .filter(|event| event.at <= before && event.status == "UPDATE_FAILED")
            .map(StackEvent::path)
            .collect();
        self.failed().iter().all(|it| earlier.contains(&it.path))
    }

    fn delete_failed(&self) -> Diagnosis {
        let failed: Vec<_> = self
            .resources
            .iter()
            .filter(|it| it.status == "DELETE_FAILED")
            .collect();
        let retain: Vec<_> = failed
            .iter()
            .map(|it| format!(" --retain {}", it.path))
            .collect();
        let retain = retain.concat();
        self.stuck_with(
            &list(failed.iter().copied()),
            "a stack, or none",
            &format!(
                "somebody began to delete it. Mend what is named and run `lockstep doctor {0} {1} --delete`; \
                 or leave those resources in AWS without a stack: `lockstep doctor {0} {1} --delete{retain}`",
                self.environment, self.component
            ),
        )
    }

    fn curable(&self, heal: Heal, what: &str) -> Diagnosis {
        let words = format!("{}: {what}", self.found(""));
        Diagnosis::Curable { heal, words }
    }

    fn stuck(&self, expected: &str, todo: &str) -> Diagnosis {
        self.stuck_with("", expected, todo)
    }

    fn stuck_with(&self, failed: &str, expected: &str, todo: &str) -> Diagnosis {
        Diagnosis::Stuck(Check {
            what: "stack".into(),
            resource: format!("stack {}", self.stack.name),
            found: self.found(failed),
            expected: expected.into(),
            todo: format!("{todo}; its events: {}", console(&self.stack.id)),
            curable: false,
        })
    }

    /// The status with what failed, or else the reason that the stack itself gives.
    fn found(&self, failed: &str) -> String {
        let LiveStack { status, reason, .. } = self.stack;
        match (failed, reason.as_str()) {
            ("", "") => status.to_string(),
            ("", reason) => format!("{status} ({})", reason.trim_end_matches('.')),
            (failed, _) => format!("{status}: {failed}"),
        }
    }
}

#[cfg(test)]
mod tests;
