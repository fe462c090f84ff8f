//! `release.json`: what is in an S3 release.

mod assign;
mod read;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use assign::Assigned;
pub(crate) use assign::FUNCTION;
pub use read::path_fault;

/// The largest release.json that is read, in bytes.
pub const RELEASE_FILE_LIMIT: usize = 256 * 1024;

/// The most artifacts that a release may have.
pub const ARTIFACTS_LIMIT: usize = 500;

/// What the versions begin with that `lockstep sync` makes. They are for one environment: no
/// environment deploys them by itself.
pub const SYNCED: &str = "sync-";

/// What an uploaded release consists of. It is uploaded last: when it is there, everything
/// it names must be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseFile {
    /// The application's name; must be that of the key.
    pub application: String,
    /// The version; must be that of the key.
    pub version: String,
    /// The branch it was built from, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The commit it was built from, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Who made it, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The oldest release that can still run on the schema this one leaves: a semantic version.
    /// Older ones are refused as long as this release's schema is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_floor: Option<String>,
    /// The artifacts.
    pub artifacts: Vec<ReleasedArtifact>,
}

/// One file of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleasedArtifact {
    /// The path relative to release.json, such as `api.zip`.
    pub path: String,
    /// The file's SHA-256, 64 lower-case hex digits.
    pub sha256: String,
}

/// Everything that is wrong with a release.json, separated by `; `.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", faults.join("; "))]
pub struct ReleaseFileError {
    /// Each fault: the field, what was found and what was expected.
    pub faults: Vec<String>,
}

#[cfg(test)]
mod tests;
