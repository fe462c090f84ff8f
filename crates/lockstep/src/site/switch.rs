//! How a distribution is told which release it serves.

use serde::{Deserialize, Serialize};

use crate::record::DeploymentRef;

/// How viewers come to a release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Switch {
    /// By the origin path of the distribution, which CloudFront takes minutes to bring to all edge
    /// locations.
    #[default]
    OriginPath,
    /// By a key of a `KeyValueStore`, which a function of the distribution reads at each request
    /// and puts before the path. Edge locations have a new value within seconds, and as the path
    /// that is looked up in their caches is the one with the release in it, they have nothing to
    /// forget.
    KeyValueStore {
        /// The store's ARN.
        arn: String,
        /// The key. Its value is what the origin path would be; no key is none.
        key: String,
    },
}

/// The key of a site that the manifest gives none.
pub fn default_key(deployment: &DeploymentRef, component: &str) -> String {
    let DeploymentRef {
        application,
        environment,
        ..
    } = deployment;
    format!("{application}/{environment}/{component}")
}

/// What a key of a store says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    /// Its value; empty where there is no such key.
    pub path: String,
    /// Whether the store was changed so lately that some edge locations may have the value of
    /// before.
    pub settling: bool,
}

impl Switch {
    /// Whether the release is part of the path under which CloudFront keeps a file, so that no
    /// file of one release is ever taken for that of another.
    pub const fn keeps_releases_apart(&self) -> bool {
        matches!(self, Self::KeyValueStore { .. })
    }

    /// What a person does to put a path back.
    pub(super) fn restore_command(&self, distribution: &str, origin: &str, before: &str) -> String {
        match self {
            Self::OriginPath => format!(
                "set the origin path of the origin {origin} of the distribution {distribution} to `{before}` in \
                 CloudFront's console, wait until it is deployed, then: aws cloudfront create-invalidation \
                 --distribution-id {distribution} --paths '/*'"
            ),
            Self::KeyValueStore { arn, key } => {
                let verb = match before {
                    "" => "delete-key".to_owned(),
                    before => format!("put-key --value '{before}'"),
                };
                format!(
                    "aws cloudfront-keyvaluestore {verb} --kvs-arn {arn} --key '{key}' --if-match \
                     $(aws cloudfront-keyvaluestore describe-key-value-store --kvs-arn {arn} --query ETag --output text)"
                )
            }
        }
    }

    /// Where the path stands, for people.
    pub(super) fn place(&self) -> String {
        match self {
            Self::OriginPath => "the origin path".to_owned(),
            Self::KeyValueStore { key, .. } => format!("the value of the key {key}"),
        }
    }
}
