//! Builds as CodeBuild shows them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::change::InfrastructureChange;
use super::record::BuildRecord;

/// A build as `BatchGetBuilds` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// Its id, `project:uuid`.
    pub id: String,
    /// Whether it has ended, and how.
    pub status: BuildStatus,
    /// When it was started.
    pub started_at: Option<Timestamp>,
    /// The phase it is in, or in which it failed, as CodeBuild calls it: `BUILD`.
    pub phase: String,
    /// What CodeBuild says about the phase that failed; empty where it says nothing.
    pub context: String,
    /// The last lines of its log; only read of a build that failed.
    pub log: Vec<String>,
    /// The address of its log in the console; empty while there is none.
    pub link: String,
}

/// A build's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildStatus {
    /// `IN_PROGRESS`, whether it is queued or at work.
    InProgress,
    /// `SUCCEEDED`.
    Succeeded,
    /// `FAILED`.
    Failed,
    /// `FAULT`: CodeBuild itself failed.
    Fault,
    /// `TIMED_OUT`.
    TimedOut,
    /// `STOPPED`.
    Stopped,
}

impl BuildStatus {
    /// Reads a status. One that is not known counts as a failure: it is certainly no success.
    pub fn of(text: &str) -> Self {
        match text {
            "IN_PROGRESS" => Self::InProgress,
            "SUCCEEDED" => Self::Succeeded,
            "FAULT" => Self::Fault,
            "TIMED_OUT" => Self::TimedOut,
            "STOPPED" => Self::Stopped,
            _ => Self::Failed,
        }
    }

    /// What became of the build, in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::InProgress => "is at work",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Fault => "could not be run by CodeBuild",
            Self::TimedOut => "took too long",
            Self::Stopped => "was stopped",
        }
    }
}

impl Build {
    /// Whether it is not at work any more.
    pub fn has_ended(&self) -> bool {
        self.status != BuildStatus::InProgress
    }

    /// Whether it has ended before any command of the buildspec was run.
    pub fn never_ran(&self) -> bool {
        let before = ["SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE"];
        self.has_ended() && !self.has_succeeded() && before.contains(&self.phase.as_str())
    }

    /// Whether it has ended well.
    pub fn has_succeeded(&self) -> bool {
        self.status == BuildStatus::Succeeded
    }
}

/// All that is seen of a component before the next call is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// When this look was taken.
    pub now: Timestamp,
    /// The build that planned. Not looked for where the plan of the deployment had it.
    pub plan: Option<Build>,
    /// The build that applies.
    pub apply: Option<Build>,
    /// The build that planned the way back. Only looked for when the step is undone.
    pub undo_plan: Option<Build>,
    /// The build that goes back. Only looked for when the step is undone.
    pub undo_apply: Option<Build>,
    /// What `changes.json` says, or why it cannot be read. Read once `plan` has succeeded.
    pub changes: Option<Result<Vec<InfrastructureChange>, String>>,
    /// What `outputs.json` says, or why it cannot be read. Read once `apply` has succeeded.
    pub outputs: Option<Result<BTreeMap<String, String>, String>>,
    /// The same of the way back: read once `undo_plan` has succeeded.
    pub undo_changes: Option<Result<Vec<InfrastructureChange>, String>>,
    /// The same of the way back: read once `undo_apply` has succeeded.
    pub undo_outputs: Option<Result<BTreeMap<String, String>, String>>,
    /// The step's variables, resolved.
    pub variables: BTreeMap<String, String>,
    /// What the ledger says now.
    pub record: BuildRecord,
}
