//! Migrations of a database's schema in the manifest.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// How long a run may take, where the manifest does not say, in minutes.
const TIMEOUT_MINUTES: u32 = 15;

/// What brings a database's schema forward: it runs once for each new image of a service, as a
/// task of its own (`command`) or as a build (`project`), before anything of the release is
/// rolled out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Migration {
    /// The service of this manifest whose new image means that there is something to migrate. A
    /// task has its image, network and roles.
    pub service: String,
    /// The container whose image is meant, and whose command is replaced. Default: the service's
    /// only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The command of a task, word by word. Exit code 0 is success; anything else leaves the old
    /// release serving. The old release must be able to go on with what it leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub command: Option<Vec<String>>,
    /// The CodeBuild project whose build migrates, in place of `command`. A build that succeeds is
    /// success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Environment variables of the build. No secrets: the buildspec reads these itself.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// The command that takes back exactly what `command` did, or `true` where the project's
    /// buildspec can; run after the old release serves again when a later step of the deployment
    /// failed. Default: the schema is left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Undo>,
    /// A second run, after the new release was verified: what removes from the schema what only
    /// the old release needed. `{command: [...]}`, or `true` for a project. Nothing goes back
    /// behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<Contract>,
    /// What is not finished after this many minutes is stopped, and has failed. Default: 15.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 720))]
    pub timeout_minutes: Option<u32>,
}

/// What takes a migration back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Undo {
    /// A command, word by word.
    Command(Vec<String>),
    /// Whether the project's buildspec can.
    Build(bool),
}

/// The second part of a migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Contract {
    /// A command.
    Task(ContractCommand),
    /// Whether the project's buildspec has one.
    Build(bool),
}

/// The command of a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContractCommand {
    /// The command, word by word.
    #[schemars(length(min = 1))]
    pub command: Vec<String>,
}

/// What differs for one migration in one environment. What is left out stays as it is in the
/// migration itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MigrationOverride {
    /// The container whose image is meant, and whose command is replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub command: Option<Vec<String>>,
    /// The CodeBuild project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Environment variables with another value, or further variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// What takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Undo>,
    /// The second part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<Contract>,
    /// After how many minutes a run is stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 720))]
    pub timeout_minutes: Option<u32>,
}

impl MigrationOverride {
    /// The migration as it is in this environment.
    pub fn apply(&self, migration: &Migration) -> Migration {
        let own = migration.clone();
        let mut environment = own.environment;
        environment.extend(self.environment.clone());
        Migration {
            service: own.service,
            container: self.container.clone().or(own.container),
            command: self.command.clone().or(own.command),
            project: self.project.clone().or(own.project),
            environment,
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
    /// The container whose image is meant, and whose command is replaced.
    pub container: String,
    /// What runs.
    #[serde(flatten)]
    pub work: MigrationWork,
    /// How long each run may take.
    pub timeout_minutes: u32,
}

/// What runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MigrationWork {
    /// Commands in a task.
    Task {
        /// The command.
        command: Vec<String>,
        /// The command that takes it back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        undo: Option<Vec<String>>,
        /// The command that runs after verification.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        contract: Option<Vec<String>>,
    },
    /// Builds of a project.
    Build {
        /// Its name.
        project: String,
        /// Environment variables of the builds.
        environment: BTreeMap<String, String>,
        /// Whether the buildspec can take back what it did.
        undo: bool,
        /// Whether there is a build after verification.
        contract: bool,
    },
}

impl Migration {
    /// The same with every text replaced.
    pub(super) fn replaced(self, replace: &impl Fn(String) -> String) -> Self {
        let all = |words: Vec<String>| words.into_iter().map(replace).collect::<Vec<_>>();
        let environment = self.environment.into_iter();
        Self {
            service: self.service,
            container: self.container.map(replace),
            command: self.command.map(all),
            project: self.project.map(replace),
            environment: environment
                .map(|(name, value)| (name, replace(value)))
                .collect(),
            undo: self.undo.map(|it| match it {
                Undo::Command(words) => Undo::Command(all(words)),
                build @ Undo::Build(_) => build,
            }),
            contract: self.contract.map(|it| match it {
                Contract::Task(it) => Contract::Task(ContractCommand {
                    command: all(it.command),
                }),
                build @ Contract::Build(_) => build,
            }),
            timeout_minutes: self.timeout_minutes,
        }
    }

    /// The migration with its defaults; `only` is the service's only container.
    pub(super) fn resolve(self, only: Option<&String>) -> ResolvedMigration {
        let container = self.container.or_else(|| only.cloned());
        // A manifest with neither of both, or with a mixture, was refused.
        let work = match self.project {
            Some(project) => MigrationWork::Build {
                project,
                environment: self.environment,
                undo: matches!(self.undo, Some(Undo::Build(true))),
                contract: matches!(self.contract, Some(Contract::Build(true))),
            },
            None => MigrationWork::Task {
                command: self.command.unwrap_or_default(),
                undo: self.undo.and_then(Undo::into_command),
                contract: self.contract.and_then(Contract::into_command),
            },
        };
        ResolvedMigration {
            service: self.service,
            // A manifest without one was refused.
            container: container.unwrap_or_default(),
            work,
            timeout_minutes: self.timeout_minutes.unwrap_or(TIMEOUT_MINUTES),
        }
    }
}

impl Undo {
    /// The command.
    pub(super) fn into_command(self) -> Option<Vec<String>> {
        match self {
            Self::Command(words) => Some(words),
            Self::Build(_) => None,
        }
    }
}

impl Contract {
    /// The command.
    pub(super) fn into_command(self) -> Option<Vec<String>> {
        match self {
            Self::Task(it) => Some(it.command),
            Self::Build(_) => None,
        }
    }
}

impl JsonSchema for Undo {
    fn schema_name() -> Cow<'static, str> {
        "Undo".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words = json_schema!({
            "type": "array", "items": { "type": "string" }, "minItems": 1,
        });
        json_schema!({ "anyOf": [words, { "type": "boolean" }] })
    }
}

impl JsonSchema for Contract {
    fn schema_name() -> Cow<'static, str> {
        "Contract".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let command = generator.subschema_for::<ContractCommand>();
        json_schema!({ "anyOf": [command, { "type": "boolean" }] })
    }
}
