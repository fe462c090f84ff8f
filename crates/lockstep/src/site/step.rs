//! The change of one site.

use serde::{Deserialize, Serialize};

use super::{ConfigFile, Layout, Rules, Switch, is_release, prefix, release_of};
use crate::release::ZipArtifact;

/// One site's new release. Immutable once written, and all that the phase knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteStep {
    /// The deployment.
    pub deployment: String,
    /// The manifest's name of the site.
    pub component: String,
    /// Where its files are.
    #[serde(default)]
    pub layout: Layout,
    /// The prefix of all its releases, or of what is kept about them.
    pub scope: String,
    /// The bucket with its releases.
    pub bucket: String,
    /// The id of the distribution that serves it.
    pub distribution: String,
    /// The distribution's origin that is the bucket.
    pub origin: String,
    /// How viewers are sent to a release.
    #[serde(default)]
    pub switch: Switch,
    /// The release that is to be live.
    pub release: String,
    /// The files, as one zip file.
    pub bundle: ZipArtifact,
    /// How they are kept.
    pub rules: Rules,
    /// The file that is made when the site is deployed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<ConfigFile>,
    /// The path before, where the switch has it, or the release that the mark names: what is live, and what is put back.
    pub before: String,
    /// What CloudFront forgets in any case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invalidate: Vec<String>,
    /// The page that is looked at once the release is live.
    pub check: String,
    /// How many releases stay.
    pub keep: u32,
    /// The time budget, in seconds.
    pub deadline_seconds: u64,
}

impl SiteStep {
    /// The site as people name it.
    pub fn resource(&self) -> String {
        format!("site {}", self.component)
    }

    /// The path afterwards, or the release that the mark is to name.
    pub fn after(&self) -> String {
        if self.in_place().is_some() {
            return self.release.clone();
        }
        let prefix = prefix(&self.scope, &self.release);
        format!("/{}", prefix.trim_end_matches('/'))
    }

    /// The release that is live before; `None` for what Lockstep did not put there.
    pub fn release_before(&self) -> Option<&str> {
        if self.in_place().is_some() {
            return is_release(&self.before).then_some(self.before.as_str());
        }
        release_of(&self.scope, &self.before)
    }

    /// By what CloudFront knows the invalidation again.
    pub fn caller_reference(&self, undo: bool) -> String {
        let Self {
            deployment,
            component,
            ..
        } = self;
        let undo = if undo { "-undo" } else { "" };
        format!("lockstep-{deployment}-{component}{undo}")
    }

    /// What a person does to put it back.
    pub fn restore_command(&self) -> String {
        let Self {
            distribution,
            origin,
            before,
            ..
        } = self;
        if self.in_place().is_some() {
            let (list, copies) = (self.replaced_key(), self.copy_key(""));
            let Self { bucket, .. } = self;
            return format!(
                "s3://{bucket}/{list} lists what was replaced and what is new; copies of what was there before lie at \
                 s3://{bucket}/{copies}: copy these back, delete what is new, then: aws cloudfront create-invalidation \
                 --distribution-id {distribution} --paths '/*'"
            );
        }
        self.switch.restore_command(distribution, origin, before)
    }

    /// What is live before, in a few words.
    pub fn before_label(&self) -> String {
        match self.release_before() {
            Some(release) => format!("release {}", short(release)),
            None if self.before.is_empty() => "what the bucket itself holds".to_owned(),
            None => format!("what the bucket holds at {}", self.before),
        }
    }

    /// What is live afterwards, in a few words.
    pub fn after_label(&self) -> String {
        format!("{} as {}", self.bundle.label(), short(&self.release))
    }
}

fn short(release: &str) -> &str {
    release.get(..12).unwrap_or(release)
}
