//! What the ledger knows of a component that CodeBuild builds.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::step::{Projects, Source};
use crate::DeploymentId;

/// What the ledger knows of a component.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildRecord {
    /// What was applied last; `None` when no deployment ever applied it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<Applied>,
    /// The deployment that began to apply something else and has not come to an end. While there
    /// is one, what is live may be neither the one nor the other, so that the next deployment
    /// has it planned in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun: Option<Begun>,
}

/// What was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// The source.
    pub source: Source,
    /// The projects.
    pub project: Projects,
    /// The variables, with the values they had.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// What it gives to others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, String>,
    /// The deployment that applied it.
    pub deployment: DeploymentId,
}

/// A deployment that has begun to apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// The deployment.
    pub deployment: DeploymentId,
    /// When it wrote so, right before it started the build.
    pub at: Timestamp,
}

impl BuildRecord {
    /// Whether no deployment ever touched it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is live for sure: the last applied one, unless something else was begun since.
    pub fn certain(&self) -> Option<&Applied> {
        self.applied.as_ref().filter(|_| self.begun.is_none())
    }

    /// Whether a deployment has begun to apply.
    pub fn is_begun_by(&self, deployment: &DeploymentId) -> bool {
        self.begun
            .as_ref()
            .is_some_and(|begun| begun.deployment == *deployment)
    }

    /// The same, with the deployment that begins now.
    #[must_use]
    pub fn begun_by(&self, deployment: &DeploymentId, at: Timestamp) -> Self {
        Self {
            applied: self.applied.clone(),
            begun: Some(Begun {
                deployment: deployment.clone(),
                at,
            }),
        }
    }
}
