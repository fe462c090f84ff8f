//! Why an event leads to no deployment. None of these is a failure.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::DeploymentId;
use crate::manifest::names::is_sha256_hex;

/// Why an event leads to no deployment. It is recorded with the event, and displayed it is
/// one sentence for a person.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum IgnoreReason {
    /// The event is about something else, such as the deletion of an image.
    #[error("the event tells of the action {action}, not of a push")]
    NotAPush {
        /// The event's `action-type`.
        action: String,
    },
    /// The push did not succeed.
    #[error("the push did not succeed: {result}")]
    PushFailed {
        /// The event's `result`.
        result: String,
    },
    /// The image has no tag: one platform of a larger image, or pushed by digest.
    #[error("{repository}@{digest} was pushed without a tag")]
    Untagged {
        /// The repository.
        repository: String,
        /// The image's digest.
        digest: String,
    },
    /// The tag belongs to something that is attached to an image.
    #[error("{tag} is {attachment} of another image, not an image")]
    Attachment {
        /// The tag.
        tag: String,
        /// What kind of thing it is.
        attachment: AttachmentKind,
    },
    /// The media type is not that of a container image.
    #[error("{tag} is not a container image but {media_type}")]
    NotAnImage {
        /// The tag.
        tag: String,
        /// The media type that no container image has.
        media_type: String,
    },
    /// No manifest names the repository.
    #[error(
        "no application has a container with images of repository {repository}; `lockstep apply` adds one"
    )]
    UnknownRepository {
        /// The repository.
        repository: String,
    },
    /// No environment wants the tag by itself.
    #[error("no environment deploys tag {tag} of {repository} by itself")]
    NoMatchingTag {
        /// The repository.
        repository: String,
        /// The tag.
        tag: String,
    },
    /// The object is not where a release is.
    #[error(
        "{key} is no release: expected releases/<application>/<version>/release.json or release.zip, with an application's name \
         and a version as `lockstep release` takes them"
    )]
    NotARelease {
        /// The object's key.
        key: String,
    },
    /// `lockstep sync` made the release for one environment, and deploys it there itself.
    #[error(
        "release {version} was made by `lockstep sync`, which deploys it itself to the one environment it is for"
    )]
    Synced {
        /// The release's version.
        version: String,
    },
    /// There is no manifest of the application.
    #[error(
        "no manifest of application {application} was ever applied; `lockstep apply` stores one"
    )]
    UnknownApplication {
        /// The application, from the key.
        application: String,
    },
    /// No environment wants uploaded releases by itself.
    #[error(
        "no environment of {application} deploys releases by itself; `lockstep deploy --release {version}` deploys this one"
    )]
    NoReleaseTrigger {
        /// The application.
        application: String,
        /// The release's version.
        version: String,
    },
    /// The same event was delivered before.
    #[error("the same event was delivered before{}", by_deployment(deployment.as_ref()))]
    DuplicateEvent {
        /// The deployment the event led to, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deployment: Option<DeploymentId>,
    },
    /// A build of a deployment makes the image, or made it.
    #[error(
        "{repository}:{tag} is made by a build of deployment {deployment}, which deploys it itself; to deploy it again, use \
         `lockstep deploy`"
    )]
    Built {
        /// The repository.
        repository: String,
        /// The tag.
        tag: String,
        /// The deployment.
        deployment: DeploymentId,
    },
    /// An earlier deployment took up the same image.
    #[error(
        "deployment {deployment} took up {digest} already; to deploy it again, use `lockstep deploy`"
    )]
    SameDigest {
        /// The image's digest.
        digest: String,
        /// The deployment that took it up.
        deployment: DeploymentId,
    },
    /// A newer image was deployed before this one arrived.
    #[error(
        "{digest}, pushed at {pushed_at}, is older than {newest_digest}, pushed at {newest_pushed_at}, which \
         deployment {deployment} brought; to go back on purpose, use `lockstep deploy --allow-older`"
    )]
    OlderThanNewest {
        /// The image's digest.
        digest: String,
        /// When it was pushed.
        pushed_at: Timestamp,
        /// The newest image's digest.
        newest_digest: String,
        /// When that was pushed.
        newest_pushed_at: Timestamp,
        /// The deployment that brought it.
        deployment: DeploymentId,
    },
    /// A newer release was asked for before this one arrived.
    #[error(
        "release {version} is older than {newest}, uploaded at {newest_at}, which deployment {deployment} brought; to go \
         back on purpose, use `lockstep deploy --release {version} --allow-older`"
    )]
    OlderRelease {
        /// The release's version.
        version: String,
        /// The newest release's version.
        newest: String,
        /// When that was uploaded.
        newest_at: Timestamp,
        /// The deployment that brought it.
        deployment: DeploymentId,
    },
    /// The image was deleted before it was looked up.
    #[error("{repository}@{digest} is no longer in the repository")]
    ImageGone {
        /// The repository.
        repository: String,
        /// The image's digest.
        digest: String,
    },
    /// This image is not to be deployed: a deployment of it was put back, or a person said so.
    #[error(
        "{digest} is held by {owner} since {since}{}: {reason}; to deploy it all the same, use `lockstep deploy`",
        from_deployment(deployment.as_ref())
    )]
    Held {
        /// The image's digest.
        digest: String,
        /// Why.
        reason: String,
        /// Who holds it.
        owner: String,
        /// Since when.
        since: Timestamp,
        /// The deployment that was put back, if that is why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deployment: Option<DeploymentId>,
    },
    /// Nothing is to be deployed to the environment for now.
    #[error("{environment} is frozen by {owner} since {since}: {reason}")]
    Frozen {
        /// The environment.
        environment: String,
        /// Why.
        reason: String,
        /// Who froze it.
        owner: String,
        /// Since when.
        since: Timestamp,
    },
}

/// A thing that is attached to an image by the tag `sha256-<hex>`, which names the image's
/// digest. Cosign adds an ending; the OCI fallback for registries without the referrers
/// API has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentKind {
    /// `.sig`
    Signature,
    /// `.att`
    Attestation,
    /// `.sbom`
    Sbom,
    /// No ending: the list of what is attached.
    Referrers,
}

impl AttachmentKind {
    /// The kind that a tag shows; `None` for ordinary tags.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let rest = tag.strip_prefix("sha256-")?;
        let (hex, ending) = rest.split_once('.').unwrap_or((rest, ""));
        if !is_sha256_hex(hex) {
            return None;
        }
        match ending {
            "sig" => Some(Self::Signature),
            "att" => Some(Self::Attestation),
            "sbom" => Some(Self::Sbom),
            "" => Some(Self::Referrers),
            _ => None,
        }
    }
}

impl fmt::Display for AttachmentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signature => "the signature",
            Self::Attestation => "the attestation",
            Self::Sbom => "the software bill of materials",
            Self::Referrers => "the list of attachments",
        })
    }
}

fn by_deployment(deployment: Option<&DeploymentId>) -> String {
    deployment
        .map(|id| format!(" and led to deployment {id}"))
        .unwrap_or_default()
}

fn from_deployment(deployment: Option<&DeploymentId>) -> String {
    deployment
        .map(|id| format!(" (deployment {id})"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
