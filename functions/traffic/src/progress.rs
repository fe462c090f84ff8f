//! What one look leaves for the next: all that shifting remembers. None of it is needed: a
//! stage is what the weights show, and without its time it begins anew.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How far the functions are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// The stage, from 0; one more than the last of them is all traffic.
    pub(crate) stage: usize,
    /// When the last function had the stage's share; `None` until then.
    pub(crate) since: Option<Timestamp>,
    /// The question that people were told of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) asked: Option<String>,
    /// The functions by name.
    pub(crate) functions: BTreeMap<String, Shifted>,
}

/// How far one function is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shifted {
    /// Its new version.
    pub(crate) version: String,
    /// The last stage that it reached; `None` until its first.
    pub(crate) stage: Option<usize>,
}

/// What one invocation came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reached {
    /// The new versions have all traffic.
    Passed {
        /// What serves now, in one clause.
        note: String,
    },
    /// There is more to do.
    Again {
        /// After so many seconds, at least one.
        wait_seconds: u32,
        /// What is waited for.
        note: String,
        /// The question that people are to be told of now.
        asking: Option<String>,
    },
}
