//! Lambda functions in the manifest.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::function_check::FunctionCheck;

/// One Lambda function, or a group of them: then with `match` or `tags`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Function {
    /// The function's name in Lambda. Default: the name used in this manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Makes it a group: every function whose name matches when a deployment is planned.
    /// `*` is any text, `?` one character.
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Makes it a group: every function that has all of these tags when a deployment is
    /// planned.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The zip file's path in `release.json`; in a group, `${function}` is the name of each
    /// function. Default: `<name>.zip`, in a group `${function}.zip`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<String>,
    /// For functions from a container image, in place of `artifact`: the ECR repository's
    /// name, in the controller's account and region, without a tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The alias that serves. Default: none, the function itself (`$LATEST`) is updated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// How many published versions are kept, beside those that are in use.
    #[serde(default = "Function::default_keep")]
    #[schemars(range(min = 2, max = 100))]
    pub keep: u32,
    /// Settings that a deployment makes. What is left out stays as it is.
    #[serde(default, skip_serializing_if = "FunctionConfiguration::is_empty")]
    pub configuration: FunctionConfiguration,
    /// Invokes every new version once before it serves. Default: nothing is invoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<FunctionCheck>,
    /// What is rolled out before it: names of services, functions, groups of functions and sites. A
    /// deployment that does not change them does not wait. Default: it waits for nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
}

impl Function {
    const fn default_keep() -> u32 {
        5
    }

    /// Whether it stands for every function that matches.
    pub fn is_group(&self) -> bool {
        self.pattern.is_some() || !self.tags.is_empty()
    }
}

/// Settings of a function. What is left out stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FunctionConfiguration {
    /// The memory in MB; the function's share of a CPU grows with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 128, max = 10240))]
    pub memory_mb: Option<u32>,
    /// How long one invocation may take, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 900))]
    pub timeout_seconds: Option<u32>,
    /// What the runtime calls, such as `index.handler`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handler: Option<String>,
    /// The runtime, such as `python3.12`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// Environment variables that are added or changed; all others stay. No secrets: the
    /// manifest is stored as it is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
}

impl FunctionConfiguration {
    /// Whether nothing is to be set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The same settings with `changes` laid over them.
    #[must_use]
    pub fn with(&self, changes: &Self) -> Self {
        let mut environment = self.environment.clone();
        environment.extend(changes.environment.clone());
        let either =
            |change: &Option<String>, own: &Option<String>| change.clone().or_else(|| own.clone());
        Self {
            memory_mb: changes.memory_mb.or(self.memory_mb),
            timeout_seconds: changes.timeout_seconds.or(self.timeout_seconds),
            handler: either(&changes.handler, &self.handler),
            runtime: either(&changes.runtime, &self.runtime),
            environment,
        }
    }
}

/// What differs for one function, or one group, in one environment. What is left out stays
/// as it is in the function itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FunctionOverride {
    /// The function's name in Lambda.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The pattern of the group's functions.
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Tags with another value, or further tags, that the group's functions must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The zip file's path in `release.json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<String>,
    /// The ECR repository's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The alias that serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// How many published versions are kept, beside those that are in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 100))]
    pub keep: Option<u32>,
    /// Settings that differ, or further ones.
    #[serde(default, skip_serializing_if = "FunctionConfiguration::is_empty")]
    pub configuration: FunctionConfiguration,
    /// Another check; it replaces the function's own as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<FunctionCheck>,
    /// What is rolled out before it, in place of what the function itself says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Vec<String>>,
}

impl FunctionOverride {
    /// The function as it is in this environment.
    pub fn apply(&self, function: &Function) -> Function {
        let mut tags = function.tags.clone();
        tags.extend(self.tags.clone());
        let either =
            |change: &Option<String>, own: &Option<String>| change.clone().or_else(|| own.clone());
        Function {
            function: either(&self.function, &function.function),
            pattern: either(&self.pattern, &function.pattern),
            tags,
            artifact: either(&self.artifact, &function.artifact),
            image: either(&self.image, &function.image),
            alias: either(&self.alias, &function.alias),
            keep: self.keep.unwrap_or(function.keep),
            configuration: function.configuration.with(&self.configuration),
            check: self.check.clone().or_else(|| function.check.clone()),
            after: self.after.clone().unwrap_or_else(|| function.after.clone()),
        }
    }
}

/// One function, or one group, in one environment, with nothing left to look up but the
/// group's members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedFunction {
    /// Which functions it stands for.
    pub target: FunctionTarget,
    /// Where the code comes from.
    pub code: CodeSource,
    /// The alias that serves; `None` updates the function itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// How many published versions are kept, beside those that are in use.
    pub keep: u32,
    /// Settings that a deployment makes.
    #[serde(default)]
    pub configuration: FunctionConfiguration,
    /// How a new version is checked before it serves; `None` invokes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<FunctionCheck>,
}

/// Which functions an entry of the manifest stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FunctionTarget {
    /// The function of this name.
    One(String),
    /// Every function that matches when a deployment is planned.
    Group {
        /// The pattern of their names.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pattern: Option<String>,
        /// Tags that they all have.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        tags: BTreeMap<String, String>,
    },
}

/// Where a function's code comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeSource {
    /// A zip file, by its path in release.json; `${function}` is each function's name.
    Zip(String),
    /// Images of this ECR repository.
    Image(String),
}

impl Function {
    /// The function with its defaults, under the name that the manifest has for it.
    pub(super) fn resolve(self, name: &str) -> ResolvedFunction {
        let group = self.is_group();
        let file = || {
            if group {
                "${function}.zip".to_owned()
            } else {
                format!("{name}.zip")
            }
        };
        ResolvedFunction {
            code: self.image.map_or_else(
                || CodeSource::Zip(self.artifact.unwrap_or_else(file)),
                CodeSource::Image,
            ),
            target: if group {
                FunctionTarget::Group {
                    pattern: self.pattern,
                    tags: self.tags,
                }
            } else {
                FunctionTarget::One(self.function.unwrap_or_else(|| name.to_owned()))
            },
            alias: self.alias,
            keep: self.keep,
            configuration: self.configuration,
            check: self.check,
        }
    }
}
