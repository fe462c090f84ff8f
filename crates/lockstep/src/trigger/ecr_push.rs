//! The EventBridge event `ECR Image Action`.
//!
//! AWS emits it on a best effort basis, at least once and in no order. A push of an image
//! for several platforms sends one event for the index, with its tag, and one without a
//! tag for each image in it; signatures, attestations and software bills of material that
//! are pushed beside an image send events of their own.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ignore::{AttachmentKind, IgnoreReason};
use super::input::Fields;
use crate::PhaseError;
use crate::manifest::names::{is_digest, is_repository};

/// Something that happened to an image in ECR. [`EcrPush::image`] says whether it is one
/// to deploy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EcrPush {
    /// The event's id: a copy of the same event has the same.
    pub event_id: String,
    /// When it happened, to the second.
    pub time: Timestamp,
    /// The account of the registry, 12 digits.
    pub account: String,
    /// The region of the registry.
    pub region: String,
    /// The repository's name.
    pub repository: String,
    /// The image's digest; absent only in events about no push.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The tag it was pushed by, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// `PUSH` or `DELETE`.
    pub action: String,
    /// `SUCCESS` or `FAILURE`.
    pub result: String,
    /// The media type of the manifest that was pushed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest_media_type: Option<String>,
    /// The media type of what the manifest describes; for an image, that of its
    /// configuration. Indexes have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_media_type: Option<String>,
}

/// An image that was pushed by a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushedImage<'a> {
    /// The repository's name.
    pub repository: &'a str,
    /// `sha256:` and 64 hex digits.
    pub digest: &'a str,
    /// The tag it was pushed by.
    pub tag: &'a str,
}

/// Manifests that can be run: one image, or an index of images by platform.
const IMAGE_MANIFESTS: [&str; 4] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

/// What the manifest of a runnable image describes.
const IMAGE_CONFIGURATIONS: [&str; 2] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];

impl EcrPush {
    /// The image to deploy, or why there is none.
    pub fn image(&self) -> Result<PushedImage<'_>, IgnoreReason> {
        let repository = self.repository.as_str();
        let digest = match (self.action.as_str(), self.result.as_str(), &self.digest) {
            ("PUSH", "SUCCESS", Some(digest)) => digest.as_str(),
            ("PUSH", result, _) => {
                return Err(IgnoreReason::PushFailed {
                    result: result.to_owned(),
                });
            }
            (action, ..) => {
                return Err(IgnoreReason::NotAPush {
                    action: action.to_owned(),
                });
            }
        };
        let Some(tag) = self.tag.as_deref() else {
            return Err(IgnoreReason::Untagged {
                repository: repository.to_owned(),
                digest: digest.to_owned(),
            });
        };
        if let Some(attachment) = AttachmentKind::of_tag(tag) {
            return Err(IgnoreReason::Attachment {
                tag: tag.to_owned(),
                attachment,
            });
        }
        let foreign = |media_type: &Option<String>, known: &[&str]| {
            media_type
                .clone()
                .filter(|it| !known.contains(&it.as_str()))
        };
        let foreign = foreign(&self.artifact_media_type, &IMAGE_CONFIGURATIONS)
            .or_else(|| foreign(&self.manifest_media_type, &IMAGE_MANIFESTS));
        match foreign {
            Some(media_type) => Err(IgnoreReason::NotAnImage {
                tag: tag.to_owned(),
                media_type,
            }),
            None => Ok(PushedImage {
                repository,
                digest,
                tag,
            }),
        }
    }

    /// Why the event leads to no deployment, as far as the event alone tells.
    pub fn ignore_reason(&self) -> Option<IgnoreReason> {
        self.image().err()
    }

    pub(super) fn read(event: &Fields<'_>) -> Result<Self, PhaseError> {
        let expected = [
            ("source", "aws.ecr", "`aws.ecr` or `aws.s3`"),
            ("detail-type", "ECR Image Action", "`ECR Image Action`"),
        ];
        for (key, right, expected) in expected {
            let found = event.text(key)?;
            if found != right {
                return Err(event.invalid(key, format!("found `{found}`, expected {expected}")));
            }
        }
        let detail = event.object("detail")?;
        let (action, result) = (detail.text("action-type")?, detail.text("result")?);
        let digest = match detail.optional_text("image-digest")? {
            None if (action, result) == ("PUSH", "SUCCESS") => Some(detail.text("image-digest")?),
            digest => digest,
        };
        if let Some(digest) = digest.filter(|digest| !is_digest(digest)) {
            let reason =
                format!("found `{digest}`, expected `sha256:` and 64 lower-case hex digits");
            return Err(detail.invalid("image-digest", reason));
        }
        let repository = detail.text("repository-name")?;
        if !is_repository(repository) {
            let reason = format!("found `{repository}`, expected an ECR repository name");
            return Err(detail.invalid("repository-name", reason));
        }
        let optional = |key| {
            Ok(detail
                .optional_text(key)?
                .filter(|it| !it.is_empty())
                .map(str::to_owned))
        };
        Ok(Self {
            event_id: event.text("id")?.to_owned(),
            time: event.time("time")?,
            account: event.text("account")?.to_owned(),
            region: event.text("region")?.to_owned(),
            repository: repository.to_owned(),
            digest: digest.map(str::to_owned),
            tag: optional("image-tag")?,
            action: action.to_owned(),
            result: result.to_owned(),
            manifest_media_type: optional("manifest-media-type")?,
            artifact_media_type: optional("artifact-media-type")?,
        })
    }
}
