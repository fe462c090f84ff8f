//! What happened to a stack, and whose operation it was.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One event of a stack or of a stack nested in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackEvent {
    /// Its id.
    pub id: String,
    /// The ARN of the stack that it is an event of.
    pub stack: String,
    /// When it happened.
    pub at: Timestamp,
    /// The resource's logical id; that of the stack's own events is the stack's name.
    pub logical: String,
    /// The resource's physical id, once it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub physical: Option<String>,
    /// The resource's type.
    pub resource_type: String,
    /// The resource's status.
    pub status: String,
    /// Why, where CloudFormation says so.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The token of the call that began the operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The logical ids of the nested stacks it is in, outermost first; empty for the stack's own
    /// resources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nesting: Vec<String>,
}

/// The operation that a stack did last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// The token of the call that began it, where the caller gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The id of the newest event of the stack itself: nothing happened since while it is the
    /// same.
    pub event: String,
}

impl StackEvent {
    /// Whether it is an event of the outermost stack itself, not of a resource.
    pub fn is_of_stack(&self) -> bool {
        self.nesting.is_empty() && self.physical.as_deref() == Some(&self.stack)
    }

    /// The resource's logical id with those of the stacks it is nested in: `Nested/Table`.
    pub fn path(&self) -> String {
        let parts = self.nesting.iter().map(String::as_str);
        let parts: Vec<_> = parts.chain([self.logical.as_str()]).collect();
        parts.join("/")
    }
}

impl Operation {
    /// The last operation, from events newest first.
    pub fn last(events: &[StackEvent]) -> Option<Self> {
        let newest = events.iter().find(|event| event.is_of_stack())?;
        Some(Self {
            token: newest.token.clone(),
            event: newest.id.clone(),
        })
    }
}
