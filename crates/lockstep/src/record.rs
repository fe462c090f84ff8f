//! What is kept of a deployment.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::migration::RollbackFloor;
use crate::release::Artifacts;
use crate::verdict::Verdict;
use crate::{DeploymentId, Only, PhaseError};

/// The Step Functions execution that runs a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// Its name, at most 80 characters.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// When it began.
    pub started_at: Timestamp,
}

/// Which deployment an invocation belongs to: all that the states carry of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentRef {
    /// The deployment's id.
    pub id: DeploymentId,
    /// The application's name.
    pub application: String,
    /// The environment's name.
    pub environment: String,
}

/// Who or what asked for a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Source {
    /// An image push.
    EcrPush {
        /// The EventBridge event's id.
        event: String,
        /// The image as people name it.
        image: String,
    },
    /// An uploaded release.
    S3Release {
        /// The EventBridge event's id.
        event: String,
        /// The release's version.
        version: String,
    },
    /// A person, or a pipeline in a person's name.
    Manual {
        /// Who, as they named themselves.
        by: String,
        /// Why, where they said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

impl Source {
    /// The source in a few words.
    pub fn label(&self) -> String {
        match self {
            Self::EcrPush { image, .. } => format!("push of {image}"),
            Self::S3Release { version, .. } => format!("upload of release {version}"),
            Self::Manual { by, reason: None } => by.clone(),
            Self::Manual {
                by,
                reason: Some(reason),
            } => format!("{by}: {reason}"),
        }
    }

    /// Whether a person asked for exactly this, so that the never-older rule and holds
    /// on single artifacts do not apply.
    pub const fn is_manual(&self) -> bool {
        matches!(self, Self::Manual { .. })
    }
}

/// The record of one deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentRecord {
    /// Which deployment this is.
    #[serde(flatten)]
    pub deployment: DeploymentRef,
    /// The execution that runs it.
    pub execution: Execution,
    /// Who or what asked for it.
    pub source: Source,
    /// The manifest version it was asked for with.
    pub manifest_version: u64,
    /// The artifacts it was asked to deploy. Components that are not named stay as they are.
    /// Those of an uploaded release are added once it was read.
    pub requested: Artifacts,
    /// The uploaded release it was asked to deploy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseRequest>,
    /// The SNS topic's name or ARN, where the manifest names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// What a person allowed for this deployment only, as `network/OrdersTable` or
    /// `network/skip:Resource`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved: Vec<String>,
    /// The images of a commit that it was asked to deploy, by the manifest's name of their build.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub builds: BTreeMap<String, BuiltImage>,
    /// The components it is about, where a person named some.
    #[serde(default, skip_serializing_if = "Only::is_everything")]
    pub only: Only,
    /// How it ended; `None` while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conclusion: Option<Conclusion>,
}

/// What became of an image of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuiltImage {
    /// The ECR repository's name.
    pub repository: String,
    /// The commit, which is the image's tag.
    pub commit: String,
    /// How the deployment came by it, for people, such as `was built`; empty as long as it did not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl BuiltImage {
    /// The image and how the deployment came by it, in one clause; `None` as long as it did not.
    pub fn words(&self) -> Option<String> {
        let Self {
            repository,
            commit,
            note,
        } = self;
        (!note.is_empty()).then(|| format!("{repository}:{commit} {note}"))
    }
}

/// An uploaded release that is to be deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRequest {
    /// Its version.
    pub version: String,
    /// The object that an event told of; `None` when a person named the version, so that
    /// `release.json` or else `release.zip` is to be looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<ReleaseObject>,
    /// Whether a person wants it even when it is older than what was deployed before.
    #[serde(default)]
    pub allow_older: bool,
    /// The oldest release that its schema supports, as `release.json` says once it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_floor: Option<String>,
}

impl ReleaseRequest {
    /// What the release says of the releases that may be gone back to.
    pub fn floor(&self) -> Option<RollbackFloor> {
        Some(RollbackFloor {
            version: self.rollback_floor.clone()?,
            said_by: self.version.clone(),
        })
    }
}

/// The object that an event told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseObject {
    /// The bucket.
    pub bucket: String,
    /// The object's key.
    pub key: String,
    /// The object's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// Whether it is one zip file with release.json in it.
    #[serde(default)]
    pub zipped: bool,
    /// When it was uploaded, to the second.
    pub at: Timestamp,
}

/// How a deployment ended. Written exactly once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conclusion {
    /// The verdict.
    pub verdict: Verdict,
    /// What happened, why, and what is live now.
    pub message: String,
    /// What a person should do next; empty when there is nothing to do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub next_steps: Vec<String>,
    /// When it was written.
    pub concluded_at: Timestamp,
}

/// A failure as Step Functions caught it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The state's phase: `trigger`, `lock`, `plan`, `service`, `verify`, or
    /// `execution` when the execution itself was stopped or timed out.
    pub phase: String,
    /// The target, where the phase works on one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u32>,
    /// The stable error name, such as `Unhealthy`.
    pub error: String,
    /// The text for a person.
    #[serde(default)]
    pub cause: String,
}

impl Failure {
    /// Whether it says something about the release itself, so that the same images must not
    /// come back by themselves. A lock that was lost or a refused call says nothing about them.
    pub fn blames_release(&self) -> bool {
        matches!(self.error.as_str(), "Unhealthy" | "DeadlineExceeded")
    }
}

/// What became of undoing one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepUndo {
    /// The step's number.
    pub step: u32,
    /// What undo did, when it succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Why it did not succeed; `None` when it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// When a step was worked on, and what came of it. No phase decides by it; it is for
/// people, for the step's deadline, and for answers that were lost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepJournal {
    /// When the step was first taken up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it was done or had failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// When its undo was first taken up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo_started_at: Option<Timestamp>,
    /// When its undo was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone_at: Option<Timestamp>,
    /// The last thing seen, in one clause.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Why the step failed, if it did: the answer that is given again when it was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<PhaseError>,
}
