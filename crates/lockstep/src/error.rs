//! The one error type of phases, named by the reaction each error needs.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::question::because;

/// Why a phase could not do its work. The variant decides the reaction; the text is
/// what a person reads in Slack.
///
/// Only [`PhaseError::Transient`] is retried in place. Everything else unwinds: the
/// deployment enters its undo chain.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum PhaseError {
    /// The invocation itself is malformed. Nothing was done.
    #[error("invalid request: {field}: {reason}")]
    InvalidRequest {
        /// Path of the offending field, such as `images.web`.
        field: String,
        /// What was found and what was expected.
        reason: String,
    },
    /// The world is neither `before` nor `after`: somebody else changed it before we did.
    #[error("{resource} was changed by someone else: expected {expected}, found {found}")]
    Diverged {
        /// The resource, such as `service live-quiz/websocket`.
        resource: String,
        /// What the plan expected there.
        expected: String,
        /// What is there now.
        found: String,
    },
    /// A change of ours was replaced by a newer one of somebody else's.
    #[error("{resource} was superseded by {by}")]
    Superseded {
        /// The resource, or `deployment` when it was still waiting in the queue.
        resource: String,
        /// Who or what replaced it.
        by: String,
    },
    /// AWS, or a check before the change, said no. Asking again will not help.
    #[error("{resource}: {reason}")]
    Rejected {
        /// The resource that was refused.
        resource: String,
        /// Why, and what to do about it.
        reason: String,
    },
    /// The new release was started and is not healthy.
    #[error("{signal}")]
    Unhealthy {
        /// What was seen: the stopped task's reason, or the check that failed.
        signal: String,
    },
    /// Another step of the same deployment failed first, or the lock was lost.
    #[error("halted by {by}")]
    Halted {
        /// The step or deployment that raised the halt.
        by: String,
    },
    /// A person who was asked said to stop.
    #[error("{by} said to stop at {at}{}", because(reason.as_deref()))]
    Stopped {
        /// How far it was, such as `20 % of the traffic`.
        at: String,
        /// Who said so.
        by: String,
        /// Why.
        reason: Option<String>,
    },
    /// The step's own time budget is used up.
    #[error("{what} did not finish within {}", minutes(*after))]
    DeadlineExceeded {
        /// What was waited for.
        what: String,
        /// The budget that was used up.
        after: Duration,
    },
    /// Another deployment holds the environment.
    #[error("locked by {by} since {since}; if it is dead, clear it with: {clear_with}")]
    LockHeld {
        /// The deployment that holds the lock.
        by: String,
        /// When it took the lock, RFC 3339.
        since: String,
        /// The command that clears the lock.
        clear_with: String,
    },
    /// The question could not be asked or answered: throttling, a lost connection, a
    /// service error. Retried in place.
    #[error("{operation} failed for now: {source_text}")]
    Transient {
        /// The AWS operation, such as `ecs:UpdateService`.
        operation: String,
        /// What the SDK said.
        source_text: String,
    },
}

fn minutes(time: Duration) -> String {
    match (time.as_secs() / 60, time.as_secs() % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

impl PhaseError {
    /// The stable name under which Step Functions sees this error. State machine,
    /// alarms and tests match on it; it never changes with the Rust type's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::InvalidRequest { .. } => "InvalidRequest",
            Self::Diverged { .. } => "Diverged",
            Self::Superseded { .. } => "Superseded",
            Self::Rejected { .. } => "Rejected",
            Self::Unhealthy { .. } => "Unhealthy",
            Self::Halted { .. } => "Halted",
            Self::Stopped { .. } => "Stopped",
            Self::DeadlineExceeded { .. } => "DeadlineExceeded",
            Self::LockHeld { .. } => "LockHeld",
            Self::Transient { .. } => "Transient",
        }
    }

    /// Whether the same call may succeed when it is simply made again.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Transient { .. })
    }
}
