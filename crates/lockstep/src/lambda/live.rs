//! What Lambda says of a function.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

/// One version of a function (or `$LATEST`), from the raw answer of `GetFunction`.
#[derive(Clone, PartialEq)]
pub struct LiveFunction {
    /// The function's name.
    pub name: String,
    /// The ARN without version or alias.
    pub arn: String,
    /// The version that was looked at: a number, or `$LATEST`.
    pub version: String,
    /// Whether it can be invoked.
    pub state: State,
    /// What came of the last update.
    pub last_update: LastUpdate,
    /// The code's hash: `CodeSha256`, or for an image the 64 hex digits of the digest that
    /// `Code.ResolvedImageUri` names.
    pub code_sha256: String,
    /// The zip file's size in bytes.
    pub code_size: u64,
    /// Zip file or image.
    pub package: PackageType,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// `RevisionId`: changes with every change.
    pub revision_id: String,
    /// The function's tags.
    pub tags: BTreeMap<String, String>,
    /// `Code.Location`: an address that gives the zip file, for ten minutes.
    pub location: Option<String>,
    /// `Code.ResolvedImageUri`: the image by digest.
    pub image_uri: Option<String>,
    /// `Configuration` as it came. Holds environment values: never print it.
    pub(super) configuration: Value,
}

/// Whether a function, or a version of it, can be invoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It can be invoked.
    Active,
    /// It is being made.
    Pending,
    /// It was idle for so long that Lambda took its resources back; an invocation brings
    /// it back.
    Inactive,
    /// It cannot be invoked, and why: in words for people.
    Failed(String),
}

/// What came of a function's last update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LastUpdate {
    /// It took effect.
    Successful,
    /// Lambda still works on it.
    InProgress,
    /// It did not take effect, and why: in words for people.
    Failed(String),
}

/// How a function's code is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageType {
    /// A zip file.
    Zip,
    /// A container image.
    Image,
}

/// An alias, from the raw answer of `GetAlias`.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveAlias {
    /// The version it points to.
    pub version: String,
    /// Additional versions and their weights, 0.0 to 1.0.
    pub weights: BTreeMap<String, f64>,
    /// `RevisionId`: changes with every change.
    pub revision_id: String,
}

impl fmt::Debug for LiveFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveFunction")
            .field("name", &self.name)
            .field("version", &self.version)
            .field("state", &self.state)
            .field("last_update", &self.last_update)
            .field("code_sha256", &self.code_sha256)
            .field("revision_id", &self.revision_id)
            .finish_non_exhaustive()
    }
}
