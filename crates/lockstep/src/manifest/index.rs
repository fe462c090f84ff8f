//! The trigger index: which repository's pushes concern which environments.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::infrastructure::{Infrastructure, SourceFrom};
use super::resolved::NamedEnvironment;
use super::stacks::{Stack, TemplateSource};
use super::stored::StoredManifest;
use super::types::Manifest;
use crate::release::Component;

/// One environment that runs images of one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerIndexEntry {
    /// The ECR repository's name.
    pub repository: String,
    /// The application's name.
    pub application: String,
    /// The environment's name.
    pub environment: String,
    /// What runs the repository's images: containers as `service/container`, functions and
    /// groups of them by the manifest's name.
    pub components: Vec<Component>,
    /// Patterns of the tags that deploy by themselves; empty when only people deploy here.
    pub tags: Vec<String>,
}

/// The index entries of a manifest, ordered by environment and repository. Environments
/// without a trigger have entries too, so that a push can be told apart from one of an
/// unknown repository.
pub fn trigger_index(stored: &StoredManifest) -> Vec<TriggerIndexEntry> {
    NamedEnvironment::all(&stored.manifest)
        .flat_map(|named| entries(&stored.manifest, &named))
        .collect()
}

impl StoredManifest {
    /// The environments to which an uploaded release of the application can go, and whether
    /// it does so by itself. An uploaded release names its application, so this needs no index:
    /// the newest manifest answers it.
    pub fn release_environments(&self) -> Vec<(String, bool)> {
        let environments = NamedEnvironment::all(&self.manifest).filter(|named| {
            let mut functions = named.functions();
            let released =
                |(_, stack): (&str, Stack)| matches!(stack.template, TemplateSource::Released(_));
            let built =
                |(_, it): (&str, Infrastructure)| matches!(it.source, SourceFrom::Released(_));
            functions.any(|(_, function)| function.image.is_none())
                || named.stacks().any(released)
                || named.infrastructure().any(built)
        });
        let automatic = |named: NamedEnvironment<'_>| {
            let releases = named.trigger().is_some_and(|trigger| trigger.releases);
            (named.name().to_owned(), releases)
        };
        environments.map(automatic).collect()
    }
}

fn entries(manifest: &Manifest, named: &NamedEnvironment<'_>) -> Vec<TriggerIndexEntry> {
    let mut components: BTreeMap<String, Vec<Component>> = BTreeMap::new();
    for (name, service) in named.services() {
        for (container, repository) in service.containers {
            components
                .entry(repository)
                .or_default()
                .push(format!("{name}/{container}"));
        }
    }
    for (name, function) in named.functions() {
        if let Some(repository) = function.image {
            components
                .entry(repository)
                .or_default()
                .push(name.to_owned());
        }
    }
    let tags = named
        .trigger()
        .map(|trigger| trigger.tags)
        .unwrap_or_default();
    let entry = |(repository, components)| TriggerIndexEntry {
        repository,
        application: manifest.application.clone(),
        environment: named.name().to_owned(),
        components,
        tags: tags.clone(),
    };
    components.into_iter().map(entry).collect()
}
