//! The step of the `migrate` phase: one command in one image.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::floor::RollbackFloor;
use super::identity::{Identity, Mark, Run};

/// One migration's change. Written by the plan, never changed afterwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MigrationStep {
    /// The deployment's id.
    pub deployment: String,
    /// The application.
    pub application: String,
    /// The environment.
    pub environment: String,
    /// The manifest's name of the migration.
    pub component: String,
    /// Whether it comes before the rollout (`expand`) or after verification (`contract`).
    pub run: Run,
    /// The ECS cluster's name.
    pub cluster: String,
    /// The ARN of the ECS service whose image, network and roles it has.
    pub service_arn: String,
    /// The container whose command is replaced.
    pub container: String,
    /// The image, for people.
    pub image: String,
    /// The command.
    pub command: Vec<String>,
    /// The command that takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Vec<String>>,
    /// By what it is known that it ran.
    pub identity: Identity,
    /// When the image was pushed, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_at: Option<Timestamp>,
    /// What the release says of the releases that may be gone back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<RollbackFloor>,
    /// The input of `RegisterTaskDefinition`.
    pub task_definition: Value,
    /// Where the service's tasks run, as fields of `RunTask`.
    pub placement: Value,
    /// The time budget of one command, in seconds.
    pub timeout_seconds: u64,
}

impl MigrationStep {
    /// The migration as messages name it.
    pub fn resource(&self) -> String {
        match self.run {
            Run::Contract => format!("contract of migration {}", self.component),
            Run::Expand | Run::Undo => format!("migration {}", self.component),
        }
    }

    /// The family of the one-shot task definition.
    pub fn family(&self) -> &str {
        self.task_definition
            .get("family")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// The command of a run; `None` for an undo that the manifest does not have.
    pub fn command_of(&self, run: Run) -> Option<&[String]> {
        match run {
            Run::Undo => self.undo.as_deref(),
            Run::Expand | Run::Contract => Some(&self.command),
        }
    }

    /// A run's name in the ledger.
    pub fn run_name(&self, run: Run) -> String {
        format!("{}#{run}", self.component)
    }

    /// By which a run's task is found again, whoever started it (`startedBy`: at most 128
    /// letters, digits, hyphens, slashes and underscores).
    pub fn started_by(&self, run: Run) -> String {
        format!("lockstep/{}/{}/{run}", self.deployment, self.component)
    }

    /// By which ECS knows that a call is the same one (`clientToken`: at most 64 characters).
    /// ECS remembers it for a day, but no longer than an hour after the task has stopped.
    pub fn client_token(&self, run: Run) -> String {
        format!("{:x}", Sha256::digest(self.started_by(run)))
    }

    /// The input of `RunTask`. The command learns which deployment it belongs to.
    pub fn run_input(&self, run: Run, command: &[String], revision: &str) -> Value {
        let environment = json!([
            {"name": "LOCKSTEP_DEPLOYMENT", "value": self.deployment},
            {"name": "LOCKSTEP_ENVIRONMENT", "value": self.environment},
            {"name": "LOCKSTEP_MIGRATION", "value": run},
        ]);
        let container = json!({
            "name": self.container, "command": command, "environment": environment,
        });
        let mut input = Map::new();
        input.insert("cluster".into(), self.cluster.as_str().into());
        input.insert("taskDefinition".into(), revision.into());
        input.insert("count".into(), 1.into());
        input.insert("startedBy".into(), self.started_by(run).into());
        input.insert("clientToken".into(), self.client_token(run).into());
        input.insert(
            "overrides".into(),
            json!({"containerOverrides": [container]}),
        );
        if let Value::Object(placement) = &self.placement {
            input.extend(placement.clone());
        }
        Value::Object(input)
    }

    /// That it ran.
    pub fn mark(&self, task: &str, at: Timestamp) -> Mark {
        Mark {
            run: self.run,
            identity: self.identity.clone(),
            deployment: self.deployment.clone(),
            task: task.to_owned(),
            at,
            made_at: self.made_at,
            floor: self.floor.clone(),
        }
    }
}
