//! Releases: immutable bundles of artifacts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::release_order::ReleaseAge;

/// The place an artifact is put: a container of a service, written `service/container`; a
/// function, by the manifest's name for it; or a member of a group of functions, written
/// `group/function`.
pub type Component = String;

/// The artifacts of a release, by component.
pub type Artifacts = BTreeMap<Component, Artifact>;

/// One immutable thing that is put somewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Artifact {
    /// A container image in ECR.
    Image(ImageArtifact),
    /// A zip file in the releases bucket.
    Zip(ZipArtifact),
    /// A CloudFormation template in the releases bucket.
    Template(ZipArtifact),
    /// The source of infrastructure, a zip file in the releases bucket.
    Source(ZipArtifact),
    /// The files of a site, a zip file in the releases bucket.
    Site(ZipArtifact),
    /// A container image that a build of the deployment is to make first.
    Unbuilt(UnbuiltImage),
}

impl Artifact {
    /// How people name it.
    pub fn label(&self) -> String {
        match self {
            Self::Image(image) => image.label(),
            Self::Zip(file) | Self::Template(file) | Self::Source(file) | Self::Site(file) => {
                file.label()
            }
            Self::Unbuilt(image) => image.label(),
        }
    }

    /// What it is, for ever: `sha256:` and 64 hex digits, the image's digest or the file's
    /// hash. Marks and holds go by it. An image that is not there yet has only its commit.
    pub fn id(&self) -> String {
        match self {
            Self::Image(image) => image.digest.clone(),
            Self::Zip(file) | Self::Template(file) | Self::Source(file) | Self::Site(file) => {
                format!("sha256:{}", file.sha256)
            }
            Self::Unbuilt(image) => format!("commit:{}", image.commit),
        }
    }

    /// When it was made, for the never-older rule: when the image was pushed, or asked for where it
    /// is not there yet, or the release uploaded.
    pub const fn made_at(&self) -> Timestamp {
        match self {
            Self::Image(image) => image.pushed_at,
            Self::Zip(file) | Self::Template(file) | Self::Source(file) | Self::Site(file) => {
                file.released_at
            }
            Self::Unbuilt(image) => image.asked_at,
        }
    }

    /// What a person names to ask for it again: the image's tag or digest, or the release's
    /// version.
    pub fn reference(&self) -> &str {
        match self {
            Self::Image(image) => image.tag.as_ref().unwrap_or(&image.digest),
            Self::Zip(file) | Self::Template(file) | Self::Source(file) | Self::Site(file) => {
                &file.release
            }
            Self::Unbuilt(image) => &image.commit,
        }
    }

    /// The image, where it is one.
    pub const fn as_image(&self) -> Option<&ImageArtifact> {
        match self {
            Self::Image(image) => Some(image),
            _ => None,
        }
    }

    /// The image that is not there yet, where it is one.
    pub const fn as_unbuilt(&self) -> Option<&UnbuiltImage> {
        match self {
            Self::Unbuilt(image) => Some(image),
            _ => None,
        }
    }

    /// The zip file, where it is one.
    pub const fn as_zip(&self) -> Option<&ZipArtifact> {
        match self {
            Self::Zip(zip) => Some(zip),
            _ => None,
        }
    }

    /// The template, where it is one.
    pub const fn as_template(&self) -> Option<&ZipArtifact> {
        match self {
            Self::Template(template) => Some(template),
            _ => None,
        }
    }

    /// The source of infrastructure, where it is one.
    pub const fn as_source(&self) -> Option<&ZipArtifact> {
        match self {
            Self::Source(source) => Some(source),
            _ => None,
        }
    }

    /// The files of a site, where they are such.
    pub const fn as_site(&self) -> Option<&ZipArtifact> {
        match self {
            Self::Site(bundle) => Some(bundle),
            _ => None,
        }
    }

    /// The file of an uploaded release, where it is one.
    pub const fn as_file(&self) -> Option<&ZipArtifact> {
        match self {
            Self::Zip(file) | Self::Template(file) | Self::Source(file) | Self::Site(file) => {
                Some(file)
            }
            Self::Image(_) | Self::Unbuilt(_) => None,
        }
    }
}

impl From<ImageArtifact> for Artifact {
    fn from(image: ImageArtifact) -> Self {
        Self::Image(image)
    }
}

impl From<ZipArtifact> for Artifact {
    fn from(zip: ZipArtifact) -> Self {
        Self::Zip(zip)
    }
}

impl From<UnbuiltImage> for Artifact {
    fn from(image: UnbuiltImage) -> Self {
        Self::Unbuilt(image)
    }
}

/// An image that a build of the deployment makes once it has its environment. A wish like every other:
/// it waits in the queue, and whoever takes it over builds it. The image takes its place before
/// anything is planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnbuiltImage {
    /// The manifest's name of the build.
    pub build: String,
    /// The ECR repository that the build pushes to.
    pub repository: String,
    /// The commit that it builds, and the tag that it pushes.
    pub commit: String,
    /// When it was asked for.
    pub asked_at: Timestamp,
}

impl UnbuiltImage {
    /// How people name it.
    pub fn label(&self) -> String {
        format!("{}:{} (not built yet)", self.repository, self.commit)
    }
}

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

/// One immutable file of an uploaded release: a zip file with a function's code, or a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZipArtifact {
    /// The bucket.
    pub bucket: String,
    /// The object's key.
    pub key: String,
    /// The object's version; `None` only where the bucket keeps none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// The SHA-256 of the file, 64 lower-case hex digits.
    pub sha256: String,
    /// The file's size in bytes.
    pub size: u64,
    /// The path by which release.json names it.
    pub path: String,
    /// The release's version.
    pub release: String,
    /// When the release was uploaded.
    pub released_at: Timestamp,
}

impl ZipArtifact {
    /// How people name it: path, version and short hash.
    pub fn label(&self) -> String {
        let short = self.sha256.get(..12).unwrap_or(&self.sha256);
        format!("{} {} ({short})", self.path, self.release)
    }

    /// Its release's place in the order of releases.
    pub fn age(&self) -> ReleaseAge {
        ReleaseAge {
            version: self.release.clone(),
            at: self.released_at,
            sequencer: None,
        }
    }

    /// The same hash as Lambda shows it (`CodeSha256`): in base64.
    pub fn code_sha256(&self) -> String {
        base64_of_hex(&self.sha256)
    }
}

/// A SHA-256 in hex as Lambda shows it (`CodeSha256`): in base64, with padding.
pub fn base64_of_hex(hex: &str) -> String {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default() as usize;
    let nibbles: Vec<_> = hex.bytes().map(digit).collect();
    let mut text = String::new();
    // Three bytes, which are six hex digits, are four digits of base64.
    for group in nibbles.chunks(6) {
        let bits =
            group.iter().fold(0, |bits, nibble| bits << 4 | nibble) << (24 - 4 * group.len());
        let sextets = group.len() * 4 / 6 + usize::from(group.len() * 4 % 6 != 0);
        for position in 0..4 {
            let sextet = bits >> (18 - 6 * position) & 0x3f;
            let digit = BASE64.get(sextet).copied().unwrap_or(b'=');
            text.push(if position < sextets {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    text
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What an environment runs after a deployment: promoted, verified and rolled back as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The version of the manifest that the release was planned with.
    pub manifest_version: u64,
    /// The artifacts that were asked for.
    pub artifacts: Artifacts,
}

impl Release {
    /// The release in a few words: its artifacts' labels.
    pub fn label(&self) -> String {
        if self.artifacts.is_empty() {
            return format!("manifest version {}", self.manifest_version);
        }
        labels(&self.artifacts)
    }
}

/// From this many files of one uploaded release on, people are told of the release alone.
const MANY: usize = 4;

/// Artifacts in a few words: each by its label, but many files of one release as that release.
pub(crate) fn labels(artifacts: &Artifacts) -> String {
    let files_of = |release: &str| {
        let zips = artifacts.values().filter_map(Artifact::as_zip);
        zips.filter(|zip| zip.release == release).count()
    };
    let label = |artifact: &Artifact| match artifact {
        Artifact::Zip(zip) if files_of(&zip.release) >= MANY => {
            format!(
                "release {} for {} functions",
                zip.release,
                files_of(&zip.release)
            )
        }
        artifact => artifact.label(),
    };
    let mut labels = Vec::new();
    for label in artifacts.values().map(label) {
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    labels.join(", ")
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

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::{Artifacts, ZipArtifact, base64_of_hex, labels};

    #[test]
    fn many_files_of_one_release_are_told_as_that_release() {
        let zip = |name: &str, release: &str| ZipArtifact {
            bucket: "b".into(),
            key: "k".into(),
            version_id: None,
            sha256: "0a".repeat(32),
            size: 1,
            path: format!("{name}.zip"),
            release: release.into(),
            released_at: jiff::Timestamp::UNIX_EPOCH,
        };
        let artifacts = |names: &[&str]| -> Artifacts {
            let one = |name: &&str| ((*name).to_owned(), zip(name, "1.4").into());
            names.iter().map(one).collect()
        };
        assert_eq!(
            labels(&artifacts(&["a", "b"])),
            "a.zip 1.4 (0a0a0a0a0a0a), b.zip 1.4 (0a0a0a0a0a0a)"
        );
        let mut many = artifacts(&["a", "b", "c", "d"]);
        many.insert("e".into(), zip("e", "1.3").into());
        assert_eq!(
            labels(&many),
            "release 1.4 for 4 functions, e.zip 1.3 (0a0a0a0a0a0a)"
        );
    }

    #[test]
    fn a_hash_is_shown_as_lambda_shows_it() {
        let hex = format!("{:x}", Sha256::digest(b""));
        assert_eq!(
            base64_of_hex(&hex),
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
        );
        assert_eq!(base64_of_hex(""), "");
        assert_eq!(base64_of_hex("4d"), "TQ==");
        assert_eq!(base64_of_hex("4d61"), "TWE=");
        assert_eq!(base64_of_hex("4d616e"), "TWFu");
    }
}
