//! The step of a gate: one build.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::DeploymentId;
use crate::build::identity;
use crate::manifest::GateTime;

/// One gate of a deployment. Written by the plan, never changed afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateStep {
    /// The deployment's id.
    pub deployment: DeploymentId,
    /// The manifest's name of the gate.
    pub component: String,
    /// When it is asked.
    pub when: GateTime,
    /// The CodeBuild project.
    pub project: String,
    /// The environment variables that the build gets beside the project's own.
    pub variables: BTreeMap<String, String>,
    /// What of the project's source is built; `None` is what the project says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_version: Option<String>,
    /// How long the build may take, the time in which it waits for a machine included.
    pub timeout_minutes: u32,
}

impl GateStep {
    /// The gate as messages name it.
    pub fn resource(&self) -> String {
        format!("gate {}", self.component)
    }

    /// By which its build is found again. No build of infrastructure has such a name: its purpose
    /// is another one.
    pub fn identity(&self) -> String {
        format!("lockstep-{}-gate-{}", self.deployment, self.component)
    }

    /// The token with which its build is started.
    pub fn token(&self) -> String {
        identity::token(&self.identity())
    }

    /// Its run's name in the ledger.
    pub fn run_name(&self) -> String {
        format!("gate-{}", self.component)
    }

    /// How long its build may take.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.timeout_minutes) * 60)
    }

    /// What must come of it, in a few words.
    pub fn after_label(&self) -> String {
        let when = match self.when {
            GateTime::Before => "before anything is changed",
            GateTime::After => "once the release is verified",
        };
        format!("passes {when}, by a build of {}", self.project)
    }
}
