//! Releases: immutable bundles of artifacts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A container of a service, written `service/container`: the place an image is put.
pub type Component = String;

/// The artifacts of a release, by component.
pub type Artifacts = BTreeMap<Component, ImageArtifact>;

/// One immutable image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageArtifact {
    /// The ECR repository's name, in the controller's account and region.
    pub repository: String,
    /// `sha256:` and 64 hex digits. A tag can move; a digest cannot.
    pub digest: String,
    /// The tag under which the image was asked for, for people to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// When ECR says that the image was pushed (`imagePushedAt`).
    pub pushed_at: Timestamp,
}

impl ImageArtifact {
    /// How people name the image: by tag where it has one, and by short digest.
    pub fn label(&self) -> String {
        let digest = self.digest.strip_prefix("sha256:").unwrap_or(&self.digest);
        let short = digest.get(..12).unwrap_or(digest);
        match &self.tag {
            Some(tag) => format!("{}:{tag} ({short})", self.repository),
            None => format!("{}@{short}", self.repository),
        }
    }
}

/// What an environment runs after a deployment: promoted, verified and rolled back as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The version of the manifest that the release was planned with.
    pub manifest_version: u64,
    /// The images that were asked for.
    pub artifacts: Artifacts,
}

impl Release {
    /// The release in a few words: its artifacts' labels.
    pub fn label(&self) -> String {
        if self.artifacts.is_empty() {
            return format!("manifest version {}", self.manifest_version);
        }
        let mut labels: Vec<_> = self.artifacts.values().map(ImageArtifact::label).collect();
        labels.dedup();
        labels.join(", ")
    }
}

/// Adds to `newer` every artifact of `older` that `newer` does not name itself.
///
/// A deployment that overtakes a waiting one takes over what that one wanted to
/// deploy; otherwise an image of another service would silently never ship.
pub fn inherit(newer: &mut Artifacts, older: &Artifacts) {
    for (component, artifact) in older {
        newer
            .entry(component.clone())
            .or_insert_with(|| artifact.clone());
    }
}
