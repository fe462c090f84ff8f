//! The status of a stack.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The status of a stack as CloudFormation names it, such as `UPDATE_COMPLETE`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StackStatus(String);

impl StackStatus {
    /// The status of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether something is under way. `REVIEW_IN_PROGRESS` is not: such a stack only waits for
    /// somebody to execute its change set.
    pub fn is_in_progress(&self) -> bool {
        self.0.ends_with("_IN_PROGRESS") && !self.is_shell()
    }

    /// Whether it is a name without resources: a change set that is to create it was made, and
    /// never executed.
    pub fn is_shell(&self) -> bool {
        self.0 == "REVIEW_IN_PROGRESS"
    }

    /// Whether the stack can be updated: its last operation, or the rollback of it, is complete.
    pub fn is_healthy(&self) -> bool {
        matches!(
            self.as_str(),
            "CREATE_COMPLETE"
                | "UPDATE_COMPLETE"
                | "UPDATE_ROLLBACK_COMPLETE"
                | "IMPORT_COMPLETE"
                | "IMPORT_ROLLBACK_COMPLETE"
        )
    }

    /// Whether the stack was just created or updated as was wanted, to the end.
    pub fn is_success(&self) -> bool {
        matches!(self.as_str(), "CREATE_COMPLETE" | "UPDATE_COMPLETE")
    }

    /// Whether the operation failed, and is being taken back or was.
    pub fn is_failure(&self) -> bool {
        self.0.ends_with("_FAILED") || self.0.contains("ROLLBACK")
    }

    /// Whether the stack is gone.
    pub fn is_deleted(&self) -> bool {
        self.0 == "DELETE_COMPLETE"
    }
}

impl fmt::Display for StackStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for StackStatus {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}
