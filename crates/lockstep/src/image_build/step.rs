//! The step of a build: one image of one commit.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::build::identity;
use crate::record::DeploymentRef;

/// One build of a deployment. Written before it begins, never changed afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageBuildStep {
    /// Whose build it is: its environment's name is in a tag of the image.
    pub deployment: DeploymentRef,
    /// The manifest's name of the build.
    pub component: String,
    /// The CodeBuild project.
    pub project: String,
    /// The ECR repository's name.
    pub repository: String,
    /// The commit: what is built, and the tag of the image.
    pub commit: String,
    /// The environment variables that the build gets beside the project's own.
    pub variables: BTreeMap<String, String>,
    /// How long the build may take, the time in which it waits for a machine included.
    pub timeout_minutes: u32,
}

impl ImageBuildStep {
    /// The build as messages name it.
    pub fn resource(&self) -> String {
        format!("build {}", self.component)
    }

    /// The image that it makes.
    pub fn image(&self) -> String {
        format!("{}:{}", self.repository, self.commit)
    }

    /// By which its build is found again. No build of infrastructure or of a gate has such a name:
    /// their purposes are others.
    pub fn identity(&self) -> String {
        let id = &self.deployment.id;
        format!("lockstep-{id}-image-{}", self.component)
    }

    /// The token with which its build is started.
    pub fn token(&self) -> String {
        identity::token(&self.identity())
    }

    /// Its run's name in the ledger.
    pub fn run_name(&self) -> String {
        format!("image-{}", self.component)
    }

    /// How long its build may take.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.timeout_minutes) * 60)
    }
}
