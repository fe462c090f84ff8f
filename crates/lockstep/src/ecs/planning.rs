//! From the live service and the wanted images to a step, or to none.

use jiff::{Timestamp, Unit};
use serde_json::Value;

use super::arn::short_name;
use super::definition::{self, Revision, register_input, tag};
use super::image::by_digest;
use super::json::text;
use super::live::LiveService;
use super::normalise::normalise;
use super::settings::Settings;
use super::step::{After, Before, DEPLOYMENT_TAG, ServiceStep};
use crate::Check;
use crate::manifest::ResolvedService;
use crate::record::DeploymentRef;
use crate::release::{Artifact, Artifacts};

/// What one service is planned from.
#[derive(Debug, Clone, Copy)]
pub struct ServiceInputs<'a> {
    /// The deployment that plans.
    pub deployment: &'a DeploymentRef,
    /// The manifest's name of the service.
    pub component: &'a str,
    /// What the manifest says of it.
    pub resolved: &'a ResolvedService,
    /// The release's images, by `service/container`.
    pub artifacts: &'a Artifacts,
    /// The service as it is.
    pub live: &'a LiveService,
    /// The revision that it runs.
    pub revision: &'a Revision,
    /// The time of planning.
    pub now: Timestamp,
}

/// Plans one service: `None` when it already runs what it should.
///
/// The new task definition is the manifest's file, or else the one that runs, with the
/// release's images by digest. Containers that the release does not name keep the image
/// they run. Rollout settings alone make no step: they are no release, ECS would not
/// start a deployment for them, and they take effect with the next one anyway.
///
/// # Errors
/// All checks of the service that fail, not only the first.
pub fn plan_service(inputs: &ServiceInputs<'_>) -> Result<Option<ServiceStep>, Vec<Check>> {
    let (wanted, mut failed) = wanted_definition(inputs);
    failed.extend(super::checks::of_service(inputs));
    if !failed.is_empty() {
        return Err(failed);
    }
    let same = normalise(&wanted) == normalise(&inputs.revision.definition);
    if same && !gave_up(inputs.live) {
        return Ok(None);
    }
    Ok(Some(step(inputs, wanted)))
}

/// A service whose rollout ECS gave up on is deployed again, even to the same definition.
fn gave_up(live: &LiveService) -> bool {
    live.primary()
        .is_some_and(|primary| primary.rollout == super::live::Rollout::Failed)
}

fn step(inputs: &ServiceInputs<'_>, mut wanted: Value) -> ServiceStep {
    let ServiceInputs {
        deployment,
        component,
        resolved,
        live,
        revision,
        ..
    } = *inputs;
    let before = Settings::of(live);
    let after = before.with(&resolved.rollout, live);
    let tags = tags(inputs, &wanted);
    if let Some(fields) = wanted.as_object_mut() {
        fields.insert("tags".into(), tags.into());
    }
    ServiceStep {
        deployment: deployment.id.to_string(),
        application: deployment.application.clone(),
        environment: deployment.environment.clone(),
        component: component.to_owned(),
        cluster: resolved.cluster.clone(),
        service: resolved.service.clone(),
        service_arn: live.arn.clone(),
        before: Before {
            task_definition: revision.arn.clone(),
            settings: before,
            serving: live.serves(),
            images: definition::images(&revision.definition).into(),
        },
        after: After {
            task_definition: wanted,
            settings: after,
        },
        stopped_tasks: resolved.rollout.stopped_tasks,
        timeout_seconds: u64::from(resolved.rollout.timeout_minutes) * 60,
        planned_at: whole_second(inputs.now),
    }
}

/// The definition to register, without Lockstep's tags, and what is wrong with it.
fn wanted_definition(inputs: &ServiceInputs<'_>) -> (Value, Vec<Check>) {
    let live = &inputs.revision.definition;
    let file = inputs.resolved.task_definition.as_ref();
    let mut wanted = register_input(file.unwrap_or(live));
    if text(&wanted, "family").is_empty()
        && let Some(fields) = wanted.as_object_mut()
    {
        fields.insert("family".into(), inputs.revision.family().into());
    }
    let mut failed = Vec::new();
    for (name, repository) in &inputs.resolved.containers {
        match wanted_image(inputs, &wanted, name, repository) {
            Ok(image) => definition::set_image(&mut wanted, name, &image),
            Err(check) => failed.push(check),
        }
    }
    (wanted, failed)
}

fn wanted_image(
    inputs: &ServiceInputs<'_>,
    wanted: &Value,
    name: &str,
    repository: &str,
) -> Result<String, Check> {
    if definition::container(wanted, name).is_none() {
        return Err(unknown_container(inputs, wanted, name));
    }
    let running = definition::image(&inputs.revision.definition, name);
    let artifact = inputs
        .artifacts
        .get(&format!("{}/{name}", inputs.component))
        .and_then(Artifact::as_image);
    match (artifact, running) {
        (Some(artifact), _) => {
            let current = running
                .or_else(|| definition::image(wanted, name))
                .unwrap_or_default();
            Ok(by_digest(
                current,
                &artifact.repository,
                &artifact.digest,
                &inputs.live.arn,
            ))
        }
        (None, Some(running)) => Ok(running.to_owned()),
        (None, None) => Err(Check {
            what: "image".into(),
            resource: format!("container {}/{name}", inputs.component),
            found: format!(
                "no image in the release, and {} has no such container",
                short_name(&inputs.revision.arn)
            ),
            expected: "an image to start with".into(),
            todo: format!(
                "push an image to {repository}, or name one: lockstep deploy --image {}/{name}=TAG",
                inputs.component
            ),
            curable: false,
        }),
    }
}

fn unknown_container(inputs: &ServiceInputs<'_>, wanted: &Value, name: &str) -> Check {
    let names: Vec<_> = definition::containers(wanted)
        .iter()
        .map(|container| text(container, "name"))
        .collect();
    let resource = match &inputs.resolved.task_definition {
        Some(_) => format!("the manifest's task definition of {}", inputs.component),
        None => format!("task definition {}", short_name(&inputs.revision.arn)),
    };
    Check {
        what: "container".into(),
        resource,
        found: names.join(", "),
        expected: name.to_owned(),
        todo: "correct the container's name in lockstep.yaml and apply it".into(),
        curable: false,
    }
}

/// The tags of the new revision: those of the file or else of the running revision, and
/// Lockstep's own. The deployment's id is the mark by which it is found again.
fn tags(inputs: &ServiceInputs<'_>, wanted: &Value) -> Vec<Value> {
    let own = wanted
        .get("tags")
        .and_then(Value::as_array)
        .map(Vec::as_slice);
    let mut tags = definition::kept_tags(own.unwrap_or(&inputs.revision.tags));
    tags.push(tag(DEPLOYMENT_TAG, &inputs.deployment.id.to_string()));
    tags.push(tag("lockstep:application", &inputs.deployment.application));
    tags.push(tag("lockstep:environment", &inputs.deployment.environment));
    tags
}

/// ECS times can come in whole seconds; so must what they are compared with.
fn whole_second(now: Timestamp) -> Timestamp {
    let floor = jiff::TimestampRound::new()
        .smallest(Unit::Second)
        .mode(jiff::RoundMode::Floor);
    now.round(floor).unwrap_or(now)
}

#[cfg(test)]
mod tests;
