//! What one look leaves for the next: all that verification remembers.

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use serde::{Deserialize, Serialize};

/// What was seen so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// When verification began, in whole seconds, as some ECS times are.
    pub(crate) since: Timestamp,
    /// The HTTP checks, in the manifest's order.
    pub(crate) http: Vec<Tried>,
    /// When the last HTTP check passed: the settle time begins.
    #[serde(default)]
    pub(crate) settling_since: Option<Timestamp>,
}

/// One HTTP check so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tried {
    /// How often it was asked.
    pub(crate) attempts: u32,
    /// Whether it answered as expected.
    pub(crate) passed: bool,
}

/// What one look came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Look {
    /// The release is verified.
    Passed {
        /// What was verified.
        note: String,
    },
    /// Look again.
    Again {
        /// After so many seconds, at least one.
        wait_seconds: u32,
        /// What is waited for.
        note: String,
    },
}

impl Progress {
    /// The progress of a verification that begins now.
    pub(crate) fn begin(now: Timestamp) -> Self {
        let floor = TimestampRound::new()
            .smallest(Unit::Second)
            .mode(RoundMode::Floor);
        Self {
            since: now.round(floor).unwrap_or(now),
            http: Vec::new(),
            settling_since: None,
        }
    }
}
