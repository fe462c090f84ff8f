//! Gates in the manifest: CodeBuild projects whose builds must succeed for a deployment to go on.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// How long a gate may take where the manifest does not say, in minutes.
const TIMEOUT_MINUTES: u32 = 30;

/// A `source_version` that is the release's own.
const COMMIT: &str = "commit";

/// A build that must succeed: lint and unit tests before anything is changed, end-to-end tests
/// once the release was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// The CodeBuild project, in the controller's account and region.
    pub project: String,
    /// `before`: before anything is changed. `after`: once the release was verified; a gate that
    /// fails then puts everything back.
    pub when: GateTime,
    /// Environment variables of the build, added to the project's own. No secrets: the project
    /// reads these itself.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// What of the project's source is built: `commit` is the commit by which the release's images
    /// are tagged, anything else a branch, a tag or a commit. Default: what the project says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_version: Option<String>,
    /// A build that is not finished after this many minutes is stopped, and has failed.
    /// Default: 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 120))]
    pub timeout_minutes: Option<u32>,
    /// Whether it is asked at all. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// When a gate is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GateTime {
    /// Before anything is changed.
    Before,
    /// Once the release was verified.
    After,
}

/// What differs for one gate in one environment. What is left out stays as it is in the gate
/// itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GateOverride {
    /// The CodeBuild project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// When it is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<GateTime>,
    /// Environment variables with another value, or further ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// What of the project's source is built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_version: Option<String>,
    /// After how many minutes a build is stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 120))]
    pub timeout_minutes: Option<u32>,
    /// Whether it is asked here at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

impl GateOverride {
    /// The gate as it is in this environment.
    pub fn apply(&self, gate: &Gate) -> Gate {
        let own = gate.clone();
        let mut environment = own.environment;
        environment.extend(self.environment.clone());
        Gate {
            project: self.project.clone().unwrap_or(own.project),
            when: self.when.unwrap_or(own.when),
            environment,
            source_version: self.source_version.clone().or(own.source_version),
            timeout_minutes: self.timeout_minutes.or(own.timeout_minutes),
            enabled: self.enabled.or(own.enabled),
        }
    }
}

/// A gate in one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedGate {
    /// The CodeBuild project.
    pub project: String,
    /// When it is asked.
    pub when: GateTime,
    /// Environment variables of the build.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// What of the source is built.
    #[serde(default, skip_serializing_if = "SourceVersion::is_own")]
    pub source_version: SourceVersion,
    /// How long a build may take.
    pub timeout_minutes: u32,
}

/// What of a project's source is built.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceVersion {
    /// What the project itself says.
    #[default]
    Own,
    /// The commit of the release.
    Commit,
    /// A branch, a tag or a commit.
    Named(String),
}

impl SourceVersion {
    fn is_own(&self) -> bool {
        *self == Self::Own
    }

    fn of(text: Option<String>) -> Self {
        match text {
            None => Self::Own,
            Some(text) if text == COMMIT => Self::Commit,
            Some(text) => Self::Named(text),
        }
    }
}

impl Gate {
    /// The same with every text replaced.
    pub(super) fn replaced(self, replace: &impl Fn(String) -> String) -> Self {
        let variables = self.environment.into_iter();
        Self {
            project: replace(self.project),
            environment: variables
                .map(|(name, text)| (name, replace(text)))
                .collect(),
            source_version: self.source_version.map(replace),
            ..self
        }
    }

    /// The gate with its defaults; `None` for one that is switched off.
    pub(super) fn resolve(self) -> Option<ResolvedGate> {
        self.enabled.unwrap_or(true).then(|| ResolvedGate {
            project: self.project,
            when: self.when,
            environment: self.environment,
            source_version: SourceVersion::of(self.source_version),
            timeout_minutes: self.timeout_minutes.unwrap_or(TIMEOUT_MINUTES),
        })
    }
}

impl JsonSchema for GateTime {
    fn schema_name() -> Cow<'static, str> {
        "GateTime".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": ["before", "after"] })
    }
}
