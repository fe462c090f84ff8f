//! What an environment publishes of itself for other stacks to read, as SSM parameters: the outputs
//! of its stacks, and what runs.

use std::collections::BTreeMap;

use super::live_image;
use crate::PhaseError;
use crate::manifest::ResolvedEnvironment;
use crate::record::DeploymentRef;
use crate::release::Artifacts;

/// How much a parameter holds, in bytes: more takes the Advanced tier, which costs money for each.
const LIMIT: usize = 4096;

/// The first part of the names of outputs; none is mistaken for a service's fact.
const STACKS: &str = "stacks";
const INFRASTRUCTURE: &str = "infrastructure";
const IMAGE: &str = "image";
const TASK_DEFINITION: &str = "task-definition";
const RELEASE: &str = "release";
const VERSION: &str = "version";

/// Outputs, by the manifest's name of the stack or the infrastructure and the output's name.
pub type Outputs = BTreeMap<String, BTreeMap<String, String>>;

/// Everything that a verified deployment knows of its environment.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The deployment.
    pub deployment: &'a DeploymentRef,
    /// The environment.
    pub environment: &'a ResolvedEnvironment,
    /// The artifacts that it was asked to deploy.
    pub requested: &'a Artifacts,
    /// Those of the last verified release, which stay where none was asked for.
    pub verified: &'a Artifacts,
    /// The version of the uploaded release, where there is one.
    pub version: Option<&'a str>,
    /// Any ARN of the account and region.
    pub arn: &'a str,
    /// The outputs of the stacks that there are.
    pub outputs: &'a Outputs,
    /// What builds gave of the infrastructure as it was applied.
    pub built: &'a Outputs,
    /// The ARNs of the task definitions that the services run, by the manifest's name of the service.
    pub task_definitions: &'a BTreeMap<String, String>,
}

/// The path under which everything of an environment is published.
pub fn live_path(deployment: &DeploymentRef) -> String {
    let DeploymentRef {
        application,
        environment,
        ..
    } = deployment;
    format!("/lockstep/{application}/{environment}")
}

/// Whether a name is one that a deployment may have to publish at, also where that is not known
/// before stacks have changed: all outputs of the manifest's stacks are. Images of functions are
/// planned with these.
pub fn is_published(
    deployment: &DeploymentRef,
    environment: &ResolvedEnvironment,
    name: &str,
) -> bool {
    let path = live_path(deployment);
    let Some(rest) = name
        .strip_prefix(&path)
        .and_then(|rest| rest.strip_prefix('/'))
    else {
        return false;
    };
    let parts: Vec<_> = rest.split('/').collect();
    match parts.as_slice() {
        [STACKS, stack, _] => environment.stacks.contains_key(*stack),
        [INFRASTRUCTURE, name, _] => environment.infrastructure.contains_key(*name),
        [RELEASE, VERSION] => true,
        [service, TASK_DEFINITION] => environment.services.contains_key(*service),
        [service, container, IMAGE] => {
            let service = environment.services.get(*service);
            service.is_some_and(|it| it.containers.contains_key(*container))
        }
        _ => false,
    }
}

/// The names that do not depend on what a stack gives as its outputs.
pub fn lasting_names(
    deployment: &DeploymentRef,
    environment: &ResolvedEnvironment,
    verified: &Artifacts,
) -> Vec<String> {
    let path = live_path(deployment);
    let mut names = Vec::new();
    for (name, service) in &environment.services {
        for container in service.containers.keys() {
            if verified.contains_key(&format!("{name}/{container}")) {
                names.push(format!("{path}/{name}/{container}/{IMAGE}"));
            }
        }
        names.push(format!("{path}/{name}/{TASK_DEFINITION}"));
    }
    names
}

/// The name of a stack's output.
pub fn output_name(deployment: &DeploymentRef, stack: &str, output: &str) -> String {
    format!("{}/{STACKS}/{stack}/{output}", live_path(deployment))
}

impl Facts<'_> {
    /// Every parameter with its value. Outputs without a value have none: SSM keeps no empty text.
    /// Services that no image was deployed to yet have no image: the one they begin with is
    /// nobody's release.
    ///
    /// # Errors
    /// [`PhaseError::Rejected`] where a value is too long to be kept.
    pub fn parameters(&self) -> Result<Vec<(String, String)>, PhaseError> {
        let outputs = self.of_outputs(STACKS, self.outputs);
        let built = self.of_outputs(INFRASTRUCTURE, self.built);
        let all: Vec<_> = outputs
            .chain(built)
            .chain(self.of_services())
            .chain(self.version())
            .collect();
        for (name, value) in &all {
            fits(name, value)?;
        }
        Ok(all)
    }

    fn of_outputs<'o>(
        &self,
        kind: &'static str,
        outputs: &'o Outputs,
    ) -> impl Iterator<Item = (String, String)> + use<'o> {
        let path = live_path(self.deployment);
        let all = outputs.iter().flat_map(|(component, outputs)| {
            let outputs = outputs.iter();
            outputs.map(move |(output, value)| (component, output, value))
        });
        all.filter(|(.., value)| !value.is_empty())
            .map(move |(component, output, value)| {
                (format!("{path}/{kind}/{component}/{output}"), value.clone())
            })
    }

    fn of_services(&self) -> Vec<(String, String)> {
        let path = live_path(self.deployment);
        let mut all = Vec::new();
        for (name, service) in &self.environment.services {
            for container in service.containers.keys() {
                let component = format!("{name}/{container}");
                let asked = self.requested.get(&component);
                let artifact = asked.or_else(|| self.verified.get(&component));
                let Some(image) = artifact.and_then(|it| it.as_image()) else {
                    continue;
                };
                let image = live_image(image, self.arn);
                all.push((format!("{path}/{component}/{IMAGE}"), image));
            }
            let definition = self.task_definitions.get(name);
            all.extend(definition.map(|arn| {
                let name = format!("{path}/{name}/{TASK_DEFINITION}");
                (name, arn.clone())
            }));
        }
        all
    }

    fn version(&self) -> Option<(String, String)> {
        let name = format!("{}/{RELEASE}/{VERSION}", live_path(self.deployment));
        Some((name, self.version?.to_owned()))
    }
}

/// SSM takes some characters in names only, and so many bytes in a value.
fn fits(name: &str, value: &str) -> Result<(), PhaseError> {
    let rejected = |reason: String| PhaseError::Rejected {
        resource: format!("parameter {name}"),
        reason,
    };
    let is_taken = |it: char| it.is_ascii_alphanumeric() || "_.-/".contains(it);
    if !name.chars().all(is_taken) {
        return Err(rejected(
            "SSM takes letters, digits, `_`, `.` and `-` in names; give the output another one"
                .into(),
        ));
    }
    if value.len() > LIMIT {
        return Err(rejected(format!(
            "its value has {} bytes, and a parameter holds {LIMIT}; shorten the output in the template, or take it out",
            value.len()
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
