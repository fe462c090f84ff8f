//! The payload of a phase that answers by task token.

use lockstep::PhaseError;
use lockstep::record::{DeploymentRef, Execution};
use serde::Deserialize;
use serde_json::Value;

/// What a phase is asked to do with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Make the change and wait for it.
    Do,
    /// Put back what was there before.
    Undo,
}

impl Verb {
    /// The verb as it is written in payloads and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Do => "do",
            Self::Undo => "undo",
        }
    }
}

/// The payload of a phase that answers by task token.
#[derive(Clone, Deserialize)]
pub struct Invocation {
    /// The deployment.
    pub deployment: DeploymentRef,
    /// The execution that asks.
    pub execution: Execution,
    /// The fencing number of the lock; 0 before it is held.
    pub fence: u64,
    /// The step; `None` for a phase that works on the whole environment.
    pub step: Option<u32>,
    /// What to do.
    pub verb: Verb,
    /// Where the answer goes. A credential: never logged.
    pub task_token: String,
    /// Whether an event asks, with the payload of an earlier invocation.
    #[serde(default)]
    pub woken: bool,
}

impl Invocation {
    /// Reads a payload.
    ///
    /// # Errors
    /// [`PhaseError::InvalidRequest`] when it is not one.
    pub fn parse(payload: &Value) -> Result<Self, PhaseError> {
        crate::plain::parse(payload.clone())
    }
}
