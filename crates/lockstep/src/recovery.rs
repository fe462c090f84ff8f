//! The recoveries of a deployment: executions that put back what a stopped one left.

use crate::DeploymentId;

/// How often a deployment's recovery is tried before a person has to look. Each try is an
/// execution with retries of its own.
const RECOVERIES: u32 = 5;

/// Which recovery of a deployment an execution is; its name says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// What is recovered.
    pub deployment: DeploymentId,
    /// Counts from 1.
    pub number: u32,
}

impl Recovery {
    /// Reads an execution's name; `None` for an execution that is not a recovery.
    pub fn of_execution(name: &str) -> Option<Self> {
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
    pub fn next(&self) -> Option<Self> {
        (self.number < RECOVERIES).then(|| Self {
            deployment: self.deployment.clone(),
            number: self.number + 1,
        })
    }

    /// The name of its execution.
    pub fn name(&self) -> String {
        match self.number {
            1 => format!("{}-recovery", self.deployment),
            number => format!("{}-recovery-{number}", self.deployment),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Recovery;

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
}
