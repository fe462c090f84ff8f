//! Migrations of a database's schema in the manifest.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How long a command may take, where the manifest does not say, in minutes.
const TIMEOUT_MINUTES: u32 = 15;

/// A command that brings a database's schema forward: it runs once for each new image of a
/// service, as a task of its own, before anything of the release is rolled out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Migration {
    /// The service of this manifest whose new image, network and roles the task has.
    pub service: String,
    /// The container whose command is replaced. Default: the service's only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The command, word by word. Exit code 0 is success; anything else leaves the old release
    /// serving. The old release must be able to go on with what it leaves.
    #[schemars(length(min = 1))]
    pub command: Vec<String>,
    /// The command that takes back exactly what `command` did, run after the old release serves
    /// again when a later step of the deployment failed. Default: the schema is left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub undo: Option<Vec<String>>,
    /// A second command, run after the new release was verified: what removes from the schema
    /// what only the old release needed. Nothing goes back behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<Contract>,
    /// A command that is not finished after this many minutes is stopped, and has failed.
    /// Default: 15.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 720))]
    pub timeout_minutes: Option<u32>,
}

/// The second part of a migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// The command, word by word.
    #[schemars(length(min = 1))]
    pub command: Vec<String>,
}

/// What differs for one migration in one environment. What is left out stays as it is in the
/// migration itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MigrationOverride {
    /// The container whose command is replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub command: Option<Vec<String>>,
    /// The command that takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub undo: Option<Vec<String>>,
    /// The second part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<Contract>,
    /// After how many minutes a command is stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 720))]
    pub timeout_minutes: Option<u32>,
}

impl MigrationOverride {
    /// The migration as it is in this environment.
    pub fn apply(&self, migration: &Migration) -> Migration {
        let own = migration.clone();
        Migration {
            service: own.service,
            container: self.container.clone().or(own.container),
            command: self.command.clone().unwrap_or(own.command),
            undo: self.undo.clone().or(own.undo),
            contract: self.contract.clone().or(own.contract),
            timeout_minutes: self.timeout_minutes.or(own.timeout_minutes),
        }
    }
}

/// A migration in one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedMigration {
    /// The manifest's name of the service.
    pub service: String,
    /// The container whose command is replaced.
    pub container: String,
    /// The command.
    pub command: Vec<String>,
    /// The command that takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Vec<String>>,
    /// The command that runs after verification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<Vec<String>>,
    /// How long each command may take.
    pub timeout_minutes: u32,
}

impl Migration {
    /// The same with every text replaced.
    pub(super) fn replaced(self, replace: &impl Fn(String) -> String) -> Self {
        let all = |words: Vec<String>| words.into_iter().map(replace).collect::<Vec<_>>();
        Self {
            service: self.service,
            container: self.container.map(replace),
            command: all(self.command),
            undo: self.undo.map(all),
            contract: self.contract.map(|it| Contract {
                command: all(it.command),
            }),
            timeout_minutes: self.timeout_minutes,
        }
    }

    /// The migration with its defaults; `only` is the service's only container.
    pub(super) fn resolve(self, only: Option<&String>) -> ResolvedMigration {
        let container = self.container.or_else(|| only.cloned());
        ResolvedMigration {
            service: self.service,
            // A manifest without one was refused.
            container: container.unwrap_or_default(),
            command: self.command,
            undo: self.undo,
            contract: self.contract.map(|it| it.command),
            timeout_minutes: self.timeout_minutes.unwrap_or(TIMEOUT_MINUTES),
        }
    }
}
