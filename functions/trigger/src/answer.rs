//! What the trigger answers to the state machine.

use lockstep::plan::StepRef;
use lockstep::record::{DeploymentRef, Failure};
use serde::Serialize;

/// Which way the execution goes from here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub(crate) enum Answer {
    /// A deployment was created.
    Deploy {
        deployment: DeploymentRef,
        reason: String,
    },
    /// A deployment was created, and its uploaded release is to be read.
    Release {
        deployment: DeploymentRef,
        reason: String,
    },
    /// Nothing is to be deployed, and that is no failure.
    Ignore { reason: String },
    /// Each of several environments got an execution of its own.
    FanOut { reason: String },
    /// What a stopped execution changed is to be put back.
    Recover {
        deployment: DeploymentRef,
        steps: Vec<StepRef>,
        fence: u64,
        failure: Failure,
        reason: String,
    },
    /// A stopped execution had begun with a contract, behind which nothing goes back: it is
    /// finished.
    Contract {
        deployment: DeploymentRef,
        steps: Vec<StepRef>,
        fence: u64,
        reason: String,
    },
    /// A stopped execution changed nothing, or concluded: only the end is missing.
    Conclude {
        deployment: DeploymentRef,
        fence: u64,
        failure: Failure,
        /// The builds of images that may still be at work: nothing else came so far.
        builds: Vec<StepRef>,
        reason: String,
    },
}

impl Answer {
    pub(crate) fn ignore(reason: &impl ToString) -> Self {
        Self::Ignore {
            reason: reason.to_string(),
        }
    }

    pub(crate) const fn action(&self) -> &'static str {
        match self {
            Self::Deploy { .. } => "deploy",
            Self::Release { .. } => "release",
            Self::Ignore { .. } => "ignore",
            Self::FanOut { .. } => "fan_out",
            Self::Recover { .. } => "recover",
            Self::Contract { .. } => "contract",
            Self::Conclude { .. } => "conclude",
        }
    }

    pub(crate) fn reason(&self) -> &str {
        match self {
            Self::Deploy { reason, .. }
            | Self::Release { reason, .. }
            | Self::Ignore { reason }
            | Self::FanOut { reason }
            | Self::Recover { reason, .. }
            | Self::Contract { reason, .. }
            | Self::Conclude { reason, .. } => reason,
        }
    }
}
