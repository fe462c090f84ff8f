//! What Lambda says of a function.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::configuration;
use super::reasons::words;
use crate::ecs::log_group_link;

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

impl LiveFunction {
    /// The ARN of the role that it runs with; empty where Lambda does not tell it.
    pub fn role(&self) -> &str {
        self.configuration
            .get("Role")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// Reads an answer of `GetFunction`, or one of `ListVersionsByFunction`'s items wrapped as
    /// `{"Configuration": …}`. What Lambda leaves out there counts as in order: lists tell
    /// nothing of states.
    pub fn parse(answer: &Value) -> Self {
        let configuration = answer.get("Configuration").cloned().unwrap_or_default();
        let text = |key: &str| text(&configuration, key);
        let code = |key: &str| text_option(answer, &format!("/Code/{key}"));
        let image_uri = code("ResolvedImageUri");
        let package = if text("PackageType") == "Image" {
            PackageType::Image
        } else {
            PackageType::Zip
        };
        let name = text("FunctionName");
        let digest = image_uri
            .as_deref()
            .and_then(|uri| uri.rsplit_once("@sha256:"))
            .map(|(_, hex)| hex.to_owned());
        Self {
            arn: unqualified(&text("FunctionArn"), &name),
            version: text_option(&configuration, "/Version").unwrap_or_else(|| LATEST.to_owned()),
            state: State::of(&configuration),
            last_update: LastUpdate::of(&configuration),
            code_sha256: digest.unwrap_or_else(|| text("CodeSha256")),
            code_size: configuration
                .get("CodeSize")
                .and_then(Value::as_u64)
                .unwrap_or_default(),
            package,
            architecture: text_option(&configuration, "/Architectures/0")
                .unwrap_or_else(|| "x86_64".to_owned()),
            revision_id: text("RevisionId"),
            tags: texts(answer.get("Tags")),
            location: code("Location"),
            image_uri,
            name,
            configuration,
        }
    }

    /// The hash of the configuration: settings and environment, never the values themselves.
    pub fn configuration_hash(&self) -> String {
        configuration::hash(&self.name, &self.configuration)
    }

    /// The number of a published version; `None` for `$LATEST`.
    pub fn number(&self) -> Option<u64> {
        self.version.parse().ok()
    }

    /// Its log in the console.
    pub fn log_link(&self) -> String {
        let group = text_option(&self.configuration, "/LoggingConfig/LogGroup");
        let group = group.unwrap_or_else(|| format!("/aws/lambda/{}", self.name));
        log_group_link(&self.arn, &group)
    }

    /// The version as people name it.
    pub fn version_label(&self) -> String {
        version_label(&self.version)
    }
}

/// A version as people name it.
pub(super) fn version_label(version: &str) -> String {
    if version == LATEST {
        LATEST.to_owned()
    } else {
        format!("version {version}")
    }
}

/// What Lambda calls the function itself, which can be changed, beside published versions.
pub(super) const LATEST: &str = "$LATEST";

impl State {
    fn of(configuration: &Value) -> Self {
        let reason = || {
            let code = text(configuration, "StateReasonCode");
            words(&code, &text(configuration, "StateReason"))
        };
        match text(configuration, "State").as_str() {
            "Pending" => Self::Pending,
            "Inactive" | "Deactivating" | "Deactivated" => Self::Inactive,
            "Failed" => Self::Failed(reason()),
            "Deleting" => Self::Failed("it is being deleted".to_owned()),
            _ => Self::Active,
        }
    }
}

impl LastUpdate {
    fn of(configuration: &Value) -> Self {
        match text(configuration, "LastUpdateStatus").as_str() {
            "InProgress" => Self::InProgress,
            "Failed" => {
                let code = text(configuration, "LastUpdateStatusReasonCode");
                Self::Failed(words(&code, &text(configuration, "LastUpdateStatusReason")))
            }
            _ => Self::Successful,
        }
    }
}

impl LiveAlias {
    /// Reads an answer of `GetAlias`, or one of `ListAliases`'s items.
    pub fn parse(answer: &Value) -> Self {
        let weights = answer.pointer("/RoutingConfig/AdditionalVersionWeights");
        let weights = weights.and_then(Value::as_object).into_iter().flatten();
        Self {
            version: text(answer, "FunctionVersion"),
            weights: weights
                .filter_map(|(version, weight)| Some((version.clone(), weight.as_f64()?)))
                // A version without a share gets nothing.
                .filter(|(_, weight)| *weight > 0.0)
                .collect(),
            revision_id: text(answer, "RevisionId"),
        }
    }
}

fn text(value: &Value, key: &str) -> String {
    value
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn text_option(value: &Value, path: &str) -> Option<String> {
    let text = value.pointer(path)?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}

fn texts(value: Option<&Value>) -> BTreeMap<String, String> {
    let entries = value.and_then(Value::as_object).into_iter().flatten();
    entries
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// The ARN without what follows the function's name.
fn unqualified(arn: &str, name: &str) -> String {
    let marker = format!(":function:{name}");
    arn.find(&marker)
        .and_then(|start| arn.get(..start + marker.len()))
        .unwrap_or(arn)
        .to_owned()
}

#[cfg(test)]
mod tests;
