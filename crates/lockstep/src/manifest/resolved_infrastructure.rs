//! Infrastructure in one environment, with nothing left to look up in the manifest.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::infrastructure::{Infrastructure, ProjectSource, SourceFrom};
use super::resolved::{ResolveError, ResolvedEnvironment};
use super::resolved_stack::{StackParameter, in_order};
use super::stored::StoredManifest;
use crate::build::{Projects, Source};

/// How long a build may take where the manifest does not say, in minutes.
const TIMEOUT_MINUTES: u32 = 60;

/// Infrastructure that CodeBuild builds, in one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedInfrastructure {
    /// The CodeBuild projects.
    pub project: Projects,
    /// What is applied.
    pub source: InfrastructureSource,
    /// The variables that the manifest sets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, StackParameter>,
    /// Resources that may be replaced or deleted although they hold data.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub replaceable: BTreeSet<String>,
    /// The infrastructure that it depends on, by the manifest's name for it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub after: BTreeSet<String>,
    /// How long one build may take, in minutes.
    pub timeout_minutes: u32,
}

/// Where a source comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InfrastructureSource {
    /// `lockstep apply` stored it.
    Stored(Source),
    /// It comes with uploaded releases, by this path.
    Released(String),
}

impl Infrastructure {
    /// The infrastructure that it depends on: that which it names, and that whose outputs it uses.
    pub(super) fn dependencies(&self) -> BTreeSet<String> {
        let outputs = self
            .variables
            .values()
            .filter_map(|it| match it.resolve()? {
                StackParameter::Output { component, .. } => Some(component),
                _ => None,
            });
        outputs.chain(self.after.iter().cloned()).collect()
    }
}

impl StoredManifest {
    /// One piece of infrastructure with its defaults.
    pub(super) fn resolve_infrastructure(
        &self,
        infrastructure: Infrastructure,
    ) -> Result<ResolvedInfrastructure, ResolveError> {
        let after = infrastructure.dependencies();
        let variables = infrastructure.variables.iter();
        let variables = variables.filter_map(|(key, it)| Some((key.clone(), it.resolve()?)));
        Ok(ResolvedInfrastructure {
            variables: variables.collect(),
            after,
            project: match infrastructure.project {
                ProjectSource::One(name) => Projects {
                    plan: name.clone(),
                    apply: name,
                },
                ProjectSource::Each(each) => Projects {
                    plan: each.plan,
                    apply: each.apply,
                },
            },
            source: self.infrastructure_source(infrastructure.source)?,
            replaceable: infrastructure.replaceable,
            timeout_minutes: infrastructure.timeout_minutes.unwrap_or(TIMEOUT_MINUTES),
        })
    }

    fn infrastructure_source(
        &self,
        source: SourceFrom,
    ) -> Result<InfrastructureSource, ResolveError> {
        match source {
            SourceFrom::Released(released) => Ok(InfrastructureSource::Released(released.artifact)),
            SourceFrom::Folder(path) => match self.sources.get(&path) {
                Some(source) => Ok(InfrastructureSource::Stored(source.clone())),
                None => Err(ResolveError::MissingSource {
                    application: self.manifest.application.clone(),
                    path,
                }),
            },
        }
    }
}

impl ResolvedEnvironment {
    /// The infrastructure in the order in which it is changed: each piece after those it depends
    /// on.
    pub fn infrastructure_in_order(&self) -> Vec<(&str, &ResolvedInfrastructure)> {
        let after = self.infrastructure.iter();
        let after = after
            .map(|(name, it)| (name.clone(), it.after.clone()))
            .collect();
        // A manifest with a circle was refused; nothing is better than half of it.
        let order = in_order(&after).unwrap_or_default();
        let find = |name: &str| self.infrastructure.get_key_value(name);
        let found = order.into_iter().filter_map(find);
        found.map(|(name, it)| (name.as_str(), it)).collect()
    }

    /// The infrastructure whose source comes with uploaded releases, each with its path.
    pub fn released_sources(&self) -> impl Iterator<Item = (&str, &str)> {
        self.infrastructure
            .iter()
            .filter_map(|(name, it)| match &it.source {
                InfrastructureSource::Released(path) => Some((name.as_str(), path.as_str())),
                InfrastructureSource::Stored(_) => None,
            })
    }
}
