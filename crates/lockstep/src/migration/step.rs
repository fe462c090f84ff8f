//! The step of the `migrate` phase: one run of a migration.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::floor::RollbackFloor;
use super::identity::{Identity, Mark, Run};
use super::means::Means;

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
    /// The image, for people.
    pub image: String,
    /// What carries it out.
    pub means: Means,
    /// By what it is known that it ran.
    pub identity: Identity,
    /// When the image was pushed, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_at: Option<Timestamp>,
    /// What the release says of the releases that may be gone back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<RollbackFloor>,
    /// The time budget of one run, in seconds.
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

    /// A run's name in the ledger.
    pub fn run_name(&self, run: Run) -> String {
        format!("{}#{run}", self.component)
    }

    /// By which a run's task or build is found again, whoever started it (`startedBy` of a task:
    /// at most 128 letters, digits, hyphens, slashes and underscores).
    pub fn started_by(&self, run: Run) -> String {
        format!("lockstep/{}/{}/{run}", self.deployment, self.component)
    }

    /// By which AWS knows that a call is the same one (at most 64 characters). ECS remembers it
    /// for a day, but no longer than an hour after the task has stopped; CodeBuild for five
    /// minutes.
    pub fn client_token(&self, run: Run) -> String {
        format!("{:x}", Sha256::digest(self.started_by(run)))
    }

    /// Whether there is something that takes it back.
    pub const fn has_undo(&self) -> bool {
        match &self.means {
            Means::Task(task) => task.undo.is_some(),
            Means::Build(build) => build.undo,
        }
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
