//! Taking the way out: what is done, and the call that does it.

use std::collections::BTreeSet;
use std::time::Duration;

use lockstep::PhaseError;
use lockstep::stack::{
    Diagnosis, Heal, LiveStack, RootCause, StackEvent, StackResource, StackStatus, is_stateful,
    root_cause,
};
use lockstep_cloudformation::{CloudFormation, Sent};
use ulid::Ulid;

use super::examine::Case;
use crate::error::CliError;

/// What is done to a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// `DeleteStack`, without these resources.
    Delete {
        /// Logical ids of resources that stay in AWS without a stack.
        retain: BTreeSet<String>,
    },
    /// `ContinueUpdateRollback`, without these resources.
    ContinueRollback {
        /// Logical ids of resources that stay as they are.
        skip: BTreeSet<String>,
    },
    /// `RollbackStack`.
    RollBack,
}

/// An operation on a stack, and the words for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Treatment {
    /// The manifest's name of the stack.
    pub component: String,
    /// The stack's name.
    pub stack: String,
    /// Its ARN.
    pub id: String,
    /// Whether it is protected from being deleted, which has to end first.
    pub unprotect: bool,
    /// What is done.
    pub operation: Operation,
    /// The same in words, each a line.
    pub words: Vec<String>,
}

/// The way out of the state that a stack is in: what the next deployment would do first. `None`
/// where there is nothing to do, or a person has to decide.
pub fn treatment(case: &Case) -> Option<Treatment> {
    let (Diagnosis::Curable { heal, words }, Some(live)) = (&case.diagnosis, &case.live) else {
        return None;
    };
    let operation = match heal {
        Heal::DeleteAndCreate | Heal::DropShell => Operation::Delete {
            retain: BTreeSet::new(),
        },
        Heal::ContinueRollback { skip } => Operation::ContinueRollback { skip: skip.clone() },
        Heal::RollBack => Operation::RollBack,
    };
    let mut told = vec![words.clone()];
    if matches!(operation, Operation::Delete { .. }) {
        told.extend(deleted(case.resources.iter(), &BTreeSet::new()));
        told.push("it is deleted now; the next deployment creates it".to_owned());
    }
    if operation == Operation::RollBack {
        let made = case.resources.iter();
        let made = made.filter(|it| case.made.contains(&it.path));
        told.extend(deleted(made, &BTreeSet::new()));
    }
    Some(of(case, live, operation, told))
}

/// The deletion of a stack that is of no use.
///
/// # Errors
/// When it is of use, or not there; when a resource is to be retained that is in nobody's way.
pub fn deletion(case: &Case, retain: &BTreeSet<String>) -> Result<Treatment, CliError> {
    let name = &case.stack;
    let Some(live) = &case.live else {
        return Err(CliError::invalid(
            format!("there is no stack {name}: nothing is left to delete"),
            "the next deployment creates it",
        ));
    };
    let status = live.status.as_str();
    if !DELETABLE.contains(&status) {
        return Err(CliError::invalid(
            format!("stack {name} is {status}, and nothing was deleted"),
            format!(
                "only a stack that never was created to the end, or whose deletion failed, is deleted here: one that is {}",
                DELETABLE.join(", ")
            ),
        ));
    }
    let failed: BTreeSet<&str> = case
        .resources
        .iter()
        .filter(|it| it.status == "DELETE_FAILED")
        .map(|it| it.path.as_str())
        .collect();
    if let Some(other) = retain.iter().find(|it| !failed.contains(it.as_str())) {
        let failed: Vec<_> = failed.into_iter().collect();
        return Err(CliError::invalid(
            format!("{other} of stack {name} cannot be retained, and nothing was deleted"),
            if failed.is_empty() {
                "CloudFormation retains only what it failed to delete: leave out --retain"
                    .to_owned()
            } else {
                format!(
                    "CloudFormation retains only what it failed to delete: {}",
                    failed.join(", ")
                )
            },
        ));
    }
    let mut words = vec![format!("{status}: stack {name} is deleted")];
    words.extend(deleted(case.resources.iter(), retain));
    let operation = Operation::Delete {
        retain: retain.clone(),
    };
    Ok(of(case, live, operation, words))
}

/// The states in which a stack is of no use.
const DELETABLE: [&str; 5] = [
    "ROLLBACK_COMPLETE",
    "CREATE_FAILED",
    "ROLLBACK_FAILED",
    "REVIEW_IN_PROGRESS",
    "DELETE_FAILED",
];

fn of(case: &Case, live: &LiveStack, operation: Operation, mut words: Vec<String>) -> Treatment {
    let deletes = matches!(operation, Operation::Delete { .. });
    let unprotect = deletes && live.termination_protection;
    if unprotect {
        words.push("its protection from being deleted is taken off first".to_owned());
    }
    Treatment {
        component: case.component.clone(),
        stack: case.stack.clone(),
        id: live.id.clone(),
        unprotect,
        operation,
        words,
    }
}

/// What is deleted with a stack or by a rollback, and what is not: a line each.
fn deleted<'a>(
    resources: impl Iterator<Item = &'a StackResource>,
    retain: &BTreeSet<String>,
) -> Vec<String> {
    let exist = resources.filter(|it| it.exists());
    let line = |it: &StackResource| {
        let what = match retain.contains(&it.path) {
            true => "stays, without a stack",
            false if is_stateful(&it.resource_type) => "deleted, AND IT MAY HOLD DATA",
            false => "deleted",
        };
        let physical = it.physical.as_deref().unwrap_or_default();
        format!("{} ({}) {physical}: {what}", it.path, it.resource_type)
    };
    exist.map(line).collect()
}

/// What came of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Whether it did what it was to do.
    pub good: bool,
    /// The stack's status then; `DELETE_COMPLETE` for one that is gone.
    pub status: StackStatus,
    /// What failed first in this very operation, if it failed.
    pub cause: Option<RootCause>,
}

impl Treatment {
    /// Makes the call, and waits until CloudFormation is done. `told` gets each new status.
    ///
    /// # Errors
    /// When CloudFormation refused, or could not be asked.
    pub async fn carry_out(
        &self,
        cloudformation: &CloudFormation,
        every: Duration,
        mut told: impl FnMut(&str),
    ) -> Result<Ending, CliError> {
        // No deployment's name: whoever looks sees that a person did it.
        let token = format!("lockstep-doctor-{}", Ulid::generate());
        let sent = self.send(cloudformation, &token).await;
        match sent.map_err(|error| self.failed(&error))? {
            Sent::Accepted => {}
            Sent::LookAgain(why) => {
                return Err(CliError::Failed {
                    message: format!(
                        "stack {} is not what it was a moment ago: {why}",
                        self.stack
                    ),
                    help: Some("somebody else is at it: run `lockstep doctor` again".to_owned()),
                });
            }
        }
        let mut last = String::new();
        loop {
            tokio::time::sleep(every).await;
            let live = match cloudformation.stack_with_operation(&self.id).await {
                Ok(live) => live,
                // The operation goes on whether it is looked at or not.
                Err(PhaseError::Transient { .. }) => continue,
                Err(error) => return Err(self.failed(&error)),
            };
            let Some(live) = live else {
                return Ok(self.ending("DELETE_COMPLETE".into(), &[], &token));
            };
            if live.status.as_str() != last {
                last = live.status.to_string();
                told(&last);
            }
            let operation = live.last_operation.as_ref();
            let began = operation.is_some_and(|it| it.token.as_deref() == Some(&token));
            if live.status.is_deleted() || (began && !live.status.is_in_progress()) {
                let events = cloudformation.events(&self.id, None).await;
                let events = events.map_err(|error| self.failed(&error))?;
                return Ok(self.ending(live.status, &events, &token));
            }
        }
    }

    async fn send(&self, cloudformation: &CloudFormation, token: &str) -> Result<Sent, PhaseError> {
        if self.unprotect
            && let Sent::LookAgain(why) = cloudformation.protect(&self.id, false).await?
        {
            return Ok(Sent::LookAgain(why));
        }
        match &self.operation {
            Operation::Delete { retain } => {
                cloudformation.delete(&self.id, token, None, retain).await
            }
            Operation::ContinueRollback { skip } => {
                let id = &self.id;
                cloudformation
                    .continue_rollback(id, token, None, skip)
                    .await
            }
            Operation::RollBack => cloudformation.roll_back(&self.id, token, None).await,
        }
    }

    fn ending(&self, status: StackStatus, events: &[StackEvent], token: &str) -> Ending {
        let good = match self.operation {
            Operation::Delete { .. } => status.is_deleted(),
            // A creation that is rolled back is over, too: then it is deleted.
            Operation::ContinueRollback { .. } | Operation::RollBack => {
                matches!(
                    status.as_str(),
                    "UPDATE_ROLLBACK_COMPLETE" | "ROLLBACK_COMPLETE"
                )
            }
        };
        let cause = root_cause(events, Some(token)).filter(|_| !good);
        Ending {
            good,
            status,
            cause,
        }
    }

    fn failed(&self, error: &PhaseError) -> CliError {
        CliError::Failed {
            message: error.to_string(),
            help: Some(format!(
                "`lockstep doctor` says in which state stack {} is now",
                self.stack
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use lockstep::stack::{Diagnosis, Heal, LiveStack, StackResource};

    use super::{Operation, deletion, treatment};
    use crate::doctor::Case;

    fn resource(path: &str, kind: &str, status: &str) -> StackResource {
        StackResource {
            path: path.into(),
            physical: Some(format!("shop-{path}")),
            resource_type: kind.into(),
            status: status.into(),
            reason: String::new(),
        }
    }

    fn case(status: &str, diagnosis: Diagnosis) -> Case {
        let live = LiveStack {
            id: "arn".into(),
            name: "shop-production-data".into(),
            status: status.into(),
            termination_protection: true,
            ..LiveStack::default()
        };
        Case {
            component: "data".into(),
            stack: "shop-production-data".into(),
            live: Some(live),
            diagnosis,
            cause: None,
            resources: vec![
                resource("Orders", "AWS::DynamoDB::Table", "CREATE_COMPLETE"),
                resource("Topic", "AWS::SNS::Topic", "DELETE_FAILED"),
                resource("Gone", "AWS::SNS::Topic", "DELETE_COMPLETE"),
            ],
            made: ["Orders".to_owned()].into(),
        }
    }

    fn curable(heal: Heal) -> Diagnosis {
        Diagnosis::Curable {
            heal,
            words: "ROLLBACK_COMPLETE: it is deleted and created again".into(),
        }
    }

    #[test]
    fn what_goes_with_a_stack_is_shown() {
        let case = case("ROLLBACK_COMPLETE", curable(Heal::DeleteAndCreate));
        insta::assert_snapshot!(treatment(&case).unwrap().words.join("\n"));
        let retain: BTreeSet<_> = ["Topic".to_owned()].into();
        let deletion = deletion(&case, &retain).unwrap();
        assert!(deletion.unprotect);
        insta::assert_snapshot!(deletion.words.join("\n"));
    }

    #[test]
    fn each_way_out_is_one_call() {
        let skip: BTreeSet<_> = ["Queue".to_owned()].into();
        let heal = Heal::ContinueRollback { skip: skip.clone() };
        let found = treatment(&case("UPDATE_ROLLBACK_FAILED", curable(heal))).unwrap();
        assert_eq!(found.operation, Operation::ContinueRollback { skip });
        assert!(!found.unprotect);
        let found = treatment(&case("UPDATE_FAILED", curable(Heal::RollBack))).unwrap();
        assert_eq!(found.operation, Operation::RollBack);
        assert_eq!(
            found.words[1..],
            ["Orders (AWS::DynamoDB::Table) shop-Orders: deleted, AND IT MAY HOLD DATA"],
            "what the update made goes with it"
        );
        assert_eq!(
            treatment(&case("UPDATE_COMPLETE", Diagnosis::Healthy)),
            None
        );
    }

    #[test]
    fn a_stack_that_is_of_use_is_never_deleted() {
        for status in [
            "UPDATE_COMPLETE",
            "UPDATE_ROLLBACK_FAILED",
            "UPDATE_IN_PROGRESS",
        ] {
            let error = deletion(&case(status, Diagnosis::Healthy), &BTreeSet::new()).unwrap_err();
            assert!(error.to_string().contains("nothing was deleted"), "{error}");
        }
    }

    #[test]
    fn only_what_could_not_be_deleted_is_retained() {
        let case = case("DELETE_FAILED", Diagnosis::Healthy);
        let error = deletion(&case, &["Orders".to_owned()].into()).unwrap_err();
        assert!(error.help().unwrap().ends_with("failed to delete: Topic"));
    }
}
