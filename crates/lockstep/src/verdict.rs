//! Verdicts: what a deployment came to, decided in one place.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::record::{Failure, StepUndo};

/// What a deployment came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// The release is live and passed verification.
    Succeeded,
    /// The environment already ran the release; nothing was changed.
    NoChange,
    /// The release failed; what ran before runs again, and was verified again.
    RolledBack,
    /// The rollback itself failed, or the last part of a migration. A person is needed now.
    FailedDirty,
    /// A newer deployment took this one's place.
    Superseded,
    /// A check failed before anything was changed.
    Rejected,
    /// A person stopped the deployment; what ran before runs again.
    Stopped,
}

impl Verdict {
    /// All verdicts.
    pub const ALL: [Self; 7] = [
        Self::Succeeded,
        Self::NoChange,
        Self::RolledBack,
        Self::FailedDirty,
        Self::Superseded,
        Self::Rejected,
        Self::Stopped,
    ];

    /// The verdict as it is stored and printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "SUCCEEDED",
            Self::NoChange => "NO_CHANGE",
            Self::RolledBack => "ROLLED_BACK",
            Self::FailedDirty => "FAILED_DIRTY",
            Self::Superseded => "SUPERSEDED",
            Self::Rejected => "REJECTED",
            Self::Stopped => "STOPPED",
        }
    }

    /// Whether a pipeline that waits for the deployment should pass.
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Succeeded | Self::NoChange | Self::Superseded)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// All that a verdict is decided by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The first failure, if any.
    pub failure: Option<Failure>,
    /// Whether the plan had steps.
    pub planned: bool,
    /// Whether the undo chain was entered.
    pub unwound: bool,
    /// What became of undoing each step.
    pub undo: Vec<StepUndo>,
    /// Why what was put back did not pass verification; `None` when it did.
    pub not_restored: Option<Failure>,
}

impl Outcome {
    /// Whether the release is live and verified although something failed: a contract, which
    /// comes last, and behind which nothing goes back.
    pub fn is_live_all_the_same(&self) -> bool {
        let failure = self.failure.as_ref();
        failure.is_some_and(|failure| failure.phase == "contract") && !self.unwound
    }

    /// The verdict.
    pub fn verdict(&self) -> Verdict {
        let Some(failure) = &self.failure else {
            return if self.planned {
                Verdict::Succeeded
            } else {
                Verdict::NoChange
            };
        };
        let dirty =
            self.undo.iter().any(|undo| undo.failure.is_some()) || self.not_restored.is_some();
        match () {
            () if dirty => Verdict::FailedDirty,
            () if self.is_live_all_the_same() => Verdict::FailedDirty,
            () if failure.error == "Superseded" => Verdict::Superseded,
            () if failure.phase == "execution" && failure.error == "ABORTED" => Verdict::Stopped,
            () if failure.error == "Stopped" => Verdict::Stopped,
            () if self.unwound && self.planned => Verdict::RolledBack,
            () => Verdict::Rejected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Verdict};
    use crate::record::{Failure, StepUndo};

    fn failure(phase: &str, error: &str) -> Failure {
        Failure {
            phase: phase.into(),
            step: None,
            error: error.into(),
            cause: "why".into(),
        }
    }

    fn failed(phase: &str, error: &str) -> Outcome {
        let unwound = !matches!(phase, "trigger" | "lock" | "plan");
        Outcome {
            failure: Some(failure(phase, error)),
            planned: unwound,
            unwound,
            ..Outcome::default()
        }
    }

    #[test]
    fn without_a_failure_the_plan_decides() {
        assert_eq!(Outcome::default().verdict(), Verdict::NoChange);
        assert_eq!(
            Outcome {
                planned: true,
                ..Outcome::default()
            }
            .verdict(),
            Verdict::Succeeded
        );
    }

    #[test]
    fn a_failure_before_any_change_is_a_rejection() {
        assert_eq!(failed("plan", "Rejected").verdict(), Verdict::Rejected);
        assert_eq!(failed("trigger", "Transient").verdict(), Verdict::Rejected);
    }

    #[test]
    fn a_failure_after_a_change_is_rolled_back_or_dirty() {
        let mut outcome = failed("verify", "Unhealthy");
        assert_eq!(outcome.verdict(), Verdict::RolledBack);
        outcome.not_restored = Some(failure("verify", "Unhealthy"));
        assert_eq!(outcome.verdict(), Verdict::FailedDirty);
        outcome.not_restored = None;
        outcome.undo = vec![StepUndo {
            step: 0,
            summary: None,
            failure: Some(failure("service", "Rejected")),
        }];
        assert_eq!(outcome.verdict(), Verdict::FailedDirty);
    }

    #[test]
    fn a_contract_that_failed_leaves_the_release_live_and_asks_for_a_person() {
        for error in ["Unhealthy", "Rejected", "DeadlineExceeded", "Halted"] {
            let outcome = Outcome {
                unwound: false,
                ..failed("contract", error)
            };
            assert!(outcome.is_live_all_the_same());
            assert_eq!(outcome.verdict(), Verdict::FailedDirty);
        }
        assert!(!failed("verify", "Unhealthy").is_live_all_the_same());
    }

    #[test]
    fn overtaken_and_stopped_deployments_have_their_own_verdicts() {
        assert_eq!(failed("lock", "Superseded").verdict(), Verdict::Superseded);
        assert_eq!(
            failed("service", "Superseded").verdict(),
            Verdict::Superseded
        );
        assert_eq!(failed("execution", "ABORTED").verdict(), Verdict::Stopped);
        assert_eq!(failed("traffic", "Stopped").verdict(), Verdict::Stopped);
        assert_eq!(
            failed("execution", "TIMED_OUT").verdict(),
            Verdict::RolledBack
        );
    }
}
