//! The contract every phase keeps.
//!
//! # Expected flow
//! The handler runs `observe`; on [`Progress::NotStarted`] it runs `start` and
//! observes again. [`Progress::Done`] ends the state. [`Progress::Running`] leaves the
//! task token registered under the step's wake keys, and the next event or the
//! state's timeout asks again with the same step.
//!
//! # Guarantees
//! * `start` runs only after `observe` said `NotStarted`.
//! * After any failure, `undo` of the failing step runs too, until it is `Done`.
//! * All verbs get the same immutable step.
//!
//! # Assumptions
//! * Two invocations of one step can overlap (a slow attempt and its retry, a retry
//!   and a wake), so `start` must be safe to run twice at once.
//! * A call may act and lose its answer. There are no receipts: what `start` made is
//!   found again by identity.
//!
//! # Errors
//! Only [`PhaseError::Transient`] is retried in place. Every other error unwinds.

use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::{PhaseError, WakeKey};

/// The code for one kind of step.
#[allow(async_fn_in_trait)] // Used generically inside one binary, never as a trait object.
pub trait Phase {
    /// One target's change, from the plan: before, after, deadline. No choices are left.
    type Step: DeserializeOwned;

    /// The step's own time budget. When it is used up before `observe` says `Done`, the
    /// step fails with [`PhaseError::DeadlineExceeded`].
    fn deadline(&self, step: &Self::Step) -> Duration;

    /// Events about these things are worth a look while the step runs.
    fn wake_keys(&self, step: &Self::Step) -> Vec<WakeKey>;

    /// Begins the change.
    async fn start(&self, step: &Self::Step) -> Result<(), PhaseError>;

    /// Looks at the world. Changes nothing.
    async fn observe(&self, step: &Self::Step) -> Result<Progress, PhaseError>;

    /// Restores `before`. Succeeds when `start` never ran, half ran, or undo already ran.
    async fn undo(&self, step: &Self::Step) -> Result<Progress, PhaseError>;
}

/// What a look at the world showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The world is exactly `before`, and nothing of ours is under way.
    NotStarted,
    /// The change is under way.
    Running {
        /// What is waited for, for `lockstep watch`: `1 of 2 tasks running`.
        note: String,
    },
    /// The world is exactly `after` (or, for `undo`, `before`).
    Done {
        /// What was done, in one clause.
        summary: String,
    },
}
