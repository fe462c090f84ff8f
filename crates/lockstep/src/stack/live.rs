//! Stacks, change sets and resources as CloudFormation describes them.

use std::collections::BTreeMap;

use super::change::ResourceChange;
use super::event::{Operation, StackEvent};
use super::status::StackStatus;

/// A stack as `DescribeStacks` shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LiveStack {
    /// Its ARN. A stack that is deleted and created again has another.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its status.
    pub status: StackStatus,
    /// Why it has this status, where CloudFormation says so.
    pub reason: String,
    /// Its parameters. The value of a `NoEcho` parameter is shown as asterisks.
    pub parameters: BTreeMap<String, String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
    /// The capabilities that were acknowledged for it.
    pub capabilities: Vec<String>,
    /// The ARN of the role that CloudFormation uses for it.
    pub role: Option<String>,
    /// The ARNs of the alarms that roll it back.
    pub alarms: Vec<String>,
    /// How long they are watched after an operation, in minutes.
    pub monitoring_minutes: u32,
    /// Whether it is protected from being deleted.
    pub termination_protection: bool,
    /// What it did last; `None` when its events were not read.
    pub last_operation: Option<Operation>,
}

/// A change set as `DescribeChangeSet` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveChangeSet {
    /// Its name.
    pub name: String,
    /// Whether it can be executed.
    pub status: ChangeSetStatus,
    /// Why it failed, where it did.
    pub reason: String,
    /// What it would change, nested stacks included.
    pub changes: Vec<ResourceChange>,
}

/// Whether a change set can be executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeSetStatus {
    /// CloudFormation still compares, or deletes it.
    Pending,
    /// It can be executed: `CREATE_COMPLETE` and `AVAILABLE`.
    Ready,
    /// It would change nothing: `FAILED` with one of the texts that say so.
    Empty,
    /// It could not be made; the reason says why.
    Failed,
    /// It is being executed, or was.
    Executed,
    /// The stack was changed since it was made: `OBSOLETE`.
    Obsolete,
}

/// The texts by which CloudFormation says that a change set has no changes. The second one comes
/// from templates with a transform.
const EMPTY: [&str; 2] = ["didn't contain changes", "No updates are to be performed"];

impl ChangeSetStatus {
    /// The status from the three texts of `DescribeChangeSet`: `Status`, `ExecutionStatus` and
    /// `StatusReason`.
    pub fn of(status: &str, execution: &str, reason: &str) -> Self {
        match (status, execution) {
            ("FAILED", _) if EMPTY.iter().any(|text| reason.contains(text)) => Self::Empty,
            ("FAILED" | "DELETE_FAILED", _) | (_, "EXECUTE_FAILED") => Self::Failed,
            (_, "OBSOLETE") => Self::Obsolete,
            (_, "EXECUTE_IN_PROGRESS" | "EXECUTE_COMPLETE") => Self::Executed,
            ("CREATE_COMPLETE", "AVAILABLE") => Self::Ready,
            _ => Self::Pending,
        }
    }
}

/// A resource of a stack as `DescribeStackResources` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackResource {
    /// Its logical id, with those of the stacks it is nested in: `Nested/Table`.
    pub path: String,
    /// Its physical id, once it has one.
    pub physical: Option<String>,
    /// Its type.
    pub resource_type: String,
    /// Its status.
    pub status: String,
    /// Why, where CloudFormation says so.
    pub reason: String,
}

impl StackResource {
    /// Whether there is something in AWS, as far as CloudFormation knows.
    pub fn exists(&self) -> bool {
        self.physical.as_deref().is_some_and(|id| !id.is_empty())
            && self.status != "DELETE_COMPLETE"
    }
}

/// All that is seen of a stack before the next call is decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Looked {
    /// The stack of the step's name; `None` when there is none.
    pub stack: Option<LiveStack>,
    /// The change set of the change.
    pub change_set: Option<LiveChangeSet>,
    /// The change set that puts back what was there. Only looked for when the step is undone.
    pub undo_change_set: Option<LiveChangeSet>,
    /// The stack's events since the plan was made, newest first, with those of nested stacks that
    /// failed.
    pub events: Vec<StackEvent>,
    /// The SHA-256 of the stack's template (`GetTemplate`, `Original`). Only asked for when the
    /// step is undone, and when a rollback is continued first.
    pub template_sha256: Option<String>,
    /// The stack's resources, nested ones included. Only asked for when a new stack is undone,
    /// and when a stack is deleted to be created again.
    pub resources: Vec<StackResource>,
}
