//! The recovery of a deployment whose execution was stopped.

use serde::{Deserialize, Serialize};

use crate::DeploymentId;

/// Put back what the deployment changed, conclude it, free its lock. The watchdog starts
/// this; it does nothing to a deployment that concluded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recover {
    /// The deployment whose execution was stopped.
    pub deployment: DeploymentId,
    /// How the execution ended.
    pub status: StoppedStatus,
    /// What whoever stopped it said of it, where somebody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// How an execution ended that did not end by itself, as Step Functions calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StoppedStatus {
    /// A state failed and nothing caught it.
    Failed,
    /// The execution's own time was up.
    TimedOut,
    /// Somebody stopped it.
    Aborted,
}

impl StoppedStatus {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Failed, Self::TimedOut, Self::Aborted];

    /// The status as Step Functions writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Aborted => "ABORTED",
        }
    }

    /// Reads the status as Step Functions writes it.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}
