//! Builds of images in the manifest: CodeBuild projects that make the images of a commit.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How long a build may take where the manifest does not say, in minutes.
const TIMEOUT_MINUTES: u32 = 30;

/// A build that makes an image of a commit and pushes it, where there is none yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageBuild {
    /// The CodeBuild project, in the controller's account and region.
    pub project: String,
    /// The ECR repository that it pushes to, in the same account and region, without a tag: one
    /// that a container or a function names.
    pub image: String,
    /// Environment variables of the build, added to the project's own. No secrets: the project
    /// reads these itself.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// A build that is not finished after this many minutes is stopped, and has failed.
    /// Default: 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 60))]
    pub timeout_minutes: Option<u32>,
}

/// What differs for one build in one environment. What is left out stays as it is in the build
/// itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageBuildOverride {
    /// The CodeBuild project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The ECR repository that it pushes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Environment variables with another value, or further ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// After how many minutes a build is stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 60))]
    pub timeout_minutes: Option<u32>,
}

impl ImageBuildOverride {
    /// The build as it is in this environment.
    pub fn apply(&self, build: &ImageBuild) -> ImageBuild {
        let own = build.clone();
        let mut environment = own.environment;
        environment.extend(self.environment.clone());
        ImageBuild {
            project: self.project.clone().unwrap_or(own.project),
            image: self.image.clone().unwrap_or(own.image),
            environment,
            timeout_minutes: self.timeout_minutes.or(own.timeout_minutes),
        }
    }
}

/// A build of images in one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedImageBuild {
    /// The CodeBuild project.
    pub project: String,
    /// The ECR repository's name.
    pub image: String,
    /// Environment variables of the build.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// How long a build may take.
    pub timeout_minutes: u32,
}

impl ImageBuild {
    /// The same with every text replaced.
    pub(super) fn replaced(self, replace: &impl Fn(String) -> String) -> Self {
        let variables = self.environment.into_iter();
        Self {
            project: replace(self.project),
            image: replace(self.image),
            environment: variables
                .map(|(name, text)| (name, replace(text)))
                .collect(),
            timeout_minutes: self.timeout_minutes,
        }
    }

    /// The build with its defaults.
    pub(super) fn resolve(self) -> ResolvedImageBuild {
        ResolvedImageBuild {
            project: self.project,
            image: self.image,
            environment: self.environment,
            timeout_minutes: self.timeout_minutes.unwrap_or(TIMEOUT_MINUTES),
        }
    }
}
