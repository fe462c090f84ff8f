//! The step of the `functions` phase: all functions that a deployment changes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::live::ParameterChange;
use crate::manifest::{FunctionCheck, FunctionConfiguration, ResolvedTraffic};

/// From this many functions on, people are told their number instead of their names.
pub const MANY: usize = 4;

/// All functions that a deployment changes. They are one step, so that one budget paces
/// every call, and go on at the same time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FunctionsStep {
    /// The deployment's id.
    pub deployment: String,
    /// The application.
    pub application: String,
    /// The environment.
    pub environment: String,
    /// The version of the uploaded release, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// The functions, by name.
    pub functions: Vec<FunctionChange>,
    /// How new versions are checked before they serve, by the manifest's name of the function
    /// or group.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub checks: BTreeMap<String, FunctionCheck>,
    /// How traffic is shifted to the new versions in stages, after all of them are ready;
    /// `None` points each alias to its new version at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<ResolvedTraffic>,
    /// The parameters that say which images are live, as they change once the release is verified.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<ParameterChange>,
    /// How many control-plane calls may be made in a second. `GetFunction` does not count:
    /// Lambda has a quota of its own for it (100 a second).
    pub rate_per_second: u32,
    /// The step's time budget, in seconds.
    pub deadline_seconds: u64,
}

/// One function's change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FunctionChange {
    /// The manifest's name: `api`, or `workers/shop-a` for a member of a group.
    pub component: String,
    /// The function's name.
    pub function: String,
    /// The alias that serves; `None` where the function itself (`$LATEST`) does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// How many published versions are kept.
    pub keep: u32,
    /// What is there before.
    pub before: FunctionState,
    /// New code; `None` where only the configuration changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<CodeChange>,
    /// How people name the wanted code where the function itself has it already, and it only
    /// does not serve yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing_code: Option<String>,
    /// New configuration; `None` where only the code changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<ConfigurationChange>,
    /// The previous code of a function without an alias, where a release in the bucket has
    /// it. Else it comes from the version that is published before the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put_back: Option<CodeChange>,
    /// Whether the alias's traffic is shifted in stages: then the change ends when the new
    /// version is ready to serve.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_stages: bool,
}

/// What a function was at the time of planning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FunctionState {
    /// The hash of the code that serves, as Lambda shows it (`CodeSha256`).
    pub code_sha256: String,
    /// The hash of the configuration that serves.
    pub configuration_hash: String,
    /// The version that the alias points to; `None` without an alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The alias's additional versions and their weights, 0.0 to 1.0.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub weights: BTreeMap<String, f64>,
    /// The alias's `RevisionId`: guards `UpdateAlias` against another tool's change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias_revision: Option<String>,
    /// The hash of the code of `$LATEST`.
    pub latest_code_sha256: String,
    /// The hash of the configuration of `$LATEST`.
    pub latest_configuration_hash: String,
    /// The `RevisionId` of `$LATEST`: tells a failed update of ours from an older one.
    pub latest_revision: String,
}

/// Where a function's code comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CodeChange {
    /// A zip file in S3.
    Zip {
        /// The bucket.
        bucket: String,
        /// The object's key.
        key: String,
        /// The object's version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version_id: Option<String>,
        /// Its hash as Lambda shows it: SHA-256 in base64.
        code_sha256: String,
        /// How people name it.
        label: String,
    },
    /// A container image.
    Image {
        /// The image by digest, with its registry's host.
        uri: String,
        /// Its hash as Lambda shows it: the digest's 64 hex digits.
        code_sha256: String,
        /// How people name it.
        label: String,
    },
}

/// What changes of a function's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigurationChange {
    /// What the manifest says, as far as it differs from what is there. Everything else
    /// stays; environment variables are merged with those that are there at the moment of
    /// the change.
    pub settings: FunctionConfiguration,
    /// The hash of the configuration afterwards.
    pub after_hash: String,
}

impl CodeChange {
    /// The hash by which Lambda shows the code (`CodeSha256`).
    pub fn code_sha256(&self) -> &str {
        match self {
            Self::Zip { code_sha256, .. } | Self::Image { code_sha256, .. } => code_sha256,
        }
    }

    /// How people name the code.
    pub fn label(&self) -> &str {
        match self {
            Self::Zip { label, .. } | Self::Image { label, .. } => label,
        }
    }
}

impl FunctionChange {
    /// The hash of the code that is to serve.
    pub fn code_after(&self) -> &str {
        self.code
            .as_ref()
            .map_or(&self.before.latest_code_sha256, CodeChange::code_sha256)
    }

    /// The hash of the configuration that is to serve.
    pub fn configuration_after(&self) -> &str {
        self.configuration
            .as_ref()
            .map_or(&self.before.latest_configuration_hash, |it| &it.after_hash)
    }

    /// The command that puts the function back, for a person.
    pub fn restore_command(&self) -> String {
        let Self {
            function, before, ..
        } = self;
        let (Some(alias), Some(version)) = (&self.alias, &before.version) else {
            return format!(
                "aws lambda update-function-code --function-name {function} with the code whose CodeSha256 is {}",
                before.latest_code_sha256
            );
        };
        let weights = json!({"AdditionalVersionWeights": before.weights});
        format!(
            "aws lambda update-alias --function-name {function} --name {alias} --function-version {version} \
             --routing-config '{weights}'"
        )
    }

    /// What serves before, in a few words.
    pub fn before_label(&self) -> String {
        let code = short(&self.before.code_sha256);
        match &self.before.version {
            Some(version) => format!("version {version} ({code})"),
            None => format!("code {code}"),
        }
    }

    /// What is to serve, in a few words.
    pub fn after_label(&self) -> String {
        let code = self.code.as_ref().map(CodeChange::label);
        let code = code.or(self.standing_code.as_deref());
        match (code, &self.configuration) {
            (Some(code), None) => code.to_owned(),
            (Some(code), Some(_)) => format!("{code} with new configuration"),
            (None, Some(_)) => "new configuration".to_owned(),
            (None, None) => format!("code {}", short(self.code_after())),
        }
    }

    /// The function as people name it.
    pub fn resource(&self) -> String {
        match &self.alias {
            Some(alias) => format!("function {}:{alias}", self.function),
            None => format!("function {}", self.function),
        }
    }
}

impl FunctionsStep {
    /// How a function's new version is checked; `None` where nothing is invoked.
    pub fn check_of(&self, change: &FunctionChange) -> Option<&FunctionCheck> {
        let name = change.component.split('/').next()?;
        self.checks.get(name)
    }

    /// The commands that put every function back, for a person.
    pub fn restore_command(&self) -> String {
        let commands: Vec<_> = self
            .functions
            .iter()
            .map(FunctionChange::restore_command)
            .collect();
        commands.join("; ")
    }

    /// What serves before, in a few words.
    pub fn before_label(&self) -> String {
        match self.functions.as_slice() {
            [only] => only.before_label(),
            _ => "their previous versions".to_owned(),
        }
    }

    /// What is to serve, in a few words: what is common to many is told once.
    pub fn after_label(&self) -> String {
        let mut labels: Vec<_> = self
            .functions
            .iter()
            .map(FunctionChange::after_label)
            .collect();
        labels.sort_unstable();
        labels.dedup();
        match &self.release {
            _ if labels.len() < MANY => labels.join(", "),
            Some(release) => format!("release {release}"),
            None => format!("{} artifacts", labels.len()),
        }
    }

    /// The functions as people name them: each by name where there are few.
    pub fn resource(&self) -> String {
        let names: Vec<_> = self
            .functions
            .iter()
            .map(|it| it.function.as_str())
            .collect();
        match names.as_slice() {
            [only] => format!("function {only}"),
            few if few.len() < MANY => format!("functions {}", few.join(", ")),
            many => format!("{} functions", many.len()),
        }
    }
}

/// The first characters of a hash, enough for people to tell two apart.
pub(super) fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

/// The shares of an alias's traffic that additional versions have.
pub(super) fn shares(weights: &BTreeMap<String, f64>) -> String {
    let share = |(version, weight): (&String, &f64)| {
        let percent = (weight * 1000.0).round() / 10.0;
        format!("{percent} % of it on version {version}")
    };
    let shares: Vec<_> = weights.iter().map(share).collect();
    match shares.as_slice() {
        [] => "all traffic on one version".to_owned(),
        shares => shares.join(", "),
    }
}
