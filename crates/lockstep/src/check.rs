//! Checks of the world before anything is changed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A prerequisite that does not hold. All of them are told at once, so that a person
/// fixes them in one go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was checked, such as `image platform`.
    pub what: String,
    /// The resource, such as `service live-quiz/websocket`.
    pub resource: String,
    /// What is there.
    pub found: String,
    /// What has to be there.
    pub expected: String,
    /// What to do about it.
    pub todo: String,
    /// Whether a CloudFormation stack of the same deployment may bring what is missing. Where
    /// the deployment changes stacks, such a check counts only after they were changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub curable: bool,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            resource,
            found,
            expected,
            todo,
            curable: _,
        } = self;
        write!(f, "{resource}: ")?;
        // `cluster quiz: cluster: found none` would say it twice.
        if !resource.starts_with(what.as_str()) {
            write!(f, "{what}: ")?;
        }
        write!(f, "found {found}, expected {expected}; {todo}")
    }
}
