//! Names of recovery executions, and what an ended execution means. Pure.

use lockstep::DeploymentId;
use lockstep::verdict::Verdict;

/// How often a deployment's recovery is tried before a person has to look. Each try is an
/// execution with retries of its own.
const RECOVERIES: u32 = 5;

/// Which recovery of a deployment an execution is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recovery {
    pub(crate) deployment: DeploymentId,
    pub(crate) number: u32,
}

impl Recovery {
    /// Reads an execution's name; `None` for an execution that is not a recovery.
    pub(crate) fn of_execution(name: &str) -> Option<Self> {
        let (id, rest) = name.split_once("-recovery")?;
        let number = match rest.strip_prefix('-') {
            None if rest.is_empty() => 1,
            None => return None,
            Some(number) => number.parse().ok()?,
        };
        Some(Self {
            deployment: DeploymentId::parse(id)?,
            number,
        })
    }

    /// The recovery after this one; `None` when it was tried often enough.
    pub(crate) fn next(&self) -> Option<Self> {
        (self.number < RECOVERIES).then(|| Self {
            deployment: self.deployment.clone(),
            number: self.number + 1,
        })
    }

    /// The name of its execution.
    pub(crate) fn name(&self) -> String {
        match self.number {
            1 => format!("{}-recovery", self.deployment),
            number => format!("{}-recovery-{number}", self.deployment),
        }
    }
}

/// Whether an execution failed in its own last state, as a deployment with a bad verdict
/// does: then everything was said and done.
pub(crate) fn failed_on_purpose(status: &str, error: Option<&str>) -> bool {
    let verdict = |error: &str| Verdict::ALL.iter().any(|verdict| verdict.as_str() == error);
    status == "FAILED" && error.is_some_and(verdict)
}

#[cfg(test)]
mod tests {
    use super::{Recovery, failed_on_purpose};

    const ID: &str = "01JD5Q6Z8G0000000000000000";

    #[test]
    fn names_count_up_and_stop() {
        assert_eq!(Recovery::of_execution(ID), None);
        let mut names = Vec::new();
        let mut recovery = Recovery::of_execution(&format!("{ID}-recovery"));
        while let Some(this) = recovery {
            assert_eq!(Recovery::of_execution(&this.name()), Some(this.clone()));
            names.push(this.name());
            recovery = this.next();
        }
        assert_eq!(names.len(), 5);
        assert_eq!(names.last(), Some(&format!("{ID}-recovery-5")));
    }

    #[test]
    fn only_a_verdict_is_a_failure_on_purpose() {
        assert!(failed_on_purpose("FAILED", Some("ROLLED_BACK")));
        assert!(!failed_on_purpose("FAILED", Some("States.Runtime")));
        assert!(!failed_on_purpose("ABORTED", None));
    }
}
