//! Checks of a service that need nothing but what the plan already read.

use serde_json::Value;

use super::arn::short_name;
use super::live::{Deployment, LiveService, Rollout};
use super::planning::ServiceInputs;
use super::platform::{self, Platform};
use super::{ImageReference, definition};
use crate::Check;

/// The checks of a service that fail.
pub(super) fn of_service(inputs: &ServiceInputs<'_>) -> Vec<Check> {
    let resource = format!(
        "service {}/{}",
        inputs.resolved.cluster, inputs.resolved.service
    );
    let live = inputs.live;
    if live.status != "ACTIVE" {
        return vec![missing_service(&resource, &live.status)];
    }
    [
        controller(&resource, live),
        strategy(&resource, live),
        quiet(&resource, live),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The check that fails when there is no such service.
pub fn missing_service(resource: &str, found: &str) -> Check {
    Check {
        what: "service".into(),
        resource: resource.into(),
        found: found.into(),
        expected: "an ACTIVE service".into(),
        todo: "create the service first; Lockstep deploys to services, it does not create them"
            .into(),
        curable: true,
    }
}

/// The check that fails when there is no such cluster.
pub fn missing_cluster(cluster: &str) -> Check {
    Check {
        what: "cluster".into(),
        resource: format!("cluster {cluster}"),
        found: "none".into(),
        expected: "an ACTIVE cluster".into(),
        todo: "create the cluster, or correct its name in lockstep.yaml and apply it".into(),
        curable: true,
    }
}

/// Whether an image that is available for `found` can run in the task.
pub fn image_platform(
    definition: &Value,
    live: &LiveService,
    image: &str,
    found: &[Platform],
) -> Option<Check> {
    let needed = platform::needed(definition, live)?;
    if found.is_empty() || found.contains(&needed) {
        return None;
    }
    let names: Vec<_> = found.iter().map(Platform::to_string).collect();
    Some(Check {
        what: "image platform".into(),
        resource: format!("image {}", ImageReference::parse(image).label()),
        found: names.join(", "),
        expected: needed.to_string(),
        todo: format!(
            "build it with --platform {needed}, or set runtimePlatform in the task definition"
        ),
        curable: false,
    })
}

/// The log groups that must exist: those of `awslogs` containers that do not make theirs.
pub fn needed_log_groups(definition: &Value) -> Vec<definition::LogLocation> {
    let logs = definition::containers(definition)
        .iter()
        .filter_map(definition::LogLocation::of);
    let mut needed: Vec<_> = logs.filter(|log| !log.creates_group).collect();
    needed.sort_by(|a, b| (&a.region, &a.group).cmp(&(&b.region, &b.group)));
    needed.dedup_by(|a, b| (&a.region, &a.group) == (&b.region, &b.group));
    needed
}

fn controller(resource: &str, live: &LiveService) -> Option<Check> {
    if live.controller == "ECS" {
        return None;
    }
    Some(Check {
        what: "deployment controller".into(),
        resource: resource.into(),
        found: live.controller.clone(),
        expected: "ECS".into(),
        todo: "recreate the service with deployment controller ECS; UpdateService cannot deploy to this one".into(),
        curable: false,
    })
}

fn strategy(resource: &str, live: &LiveService) -> Option<Check> {
    if live.strategy() == "ROLLING" {
        return None;
    }
    Some(Check {
        what: "deployment strategy".into(),
        resource: resource.into(),
        found: live.strategy().into(),
        expected: "ROLLING".into(),
        todo: "set the service's deploymentConfiguration.strategy to ROLLING".into(),
        curable: false,
    })
}

/// No other deployment may be under way. One that ECS gave up on is not in the way: the
/// next release is how it gets fixed.
fn quiet(resource: &str, live: &LiveService) -> Option<Check> {
    let untold = |deployment: &Deployment| {
        deployment.rollout == Rollout::Untold && !live.finished(deployment)
    };
    let busy =
        |deployment: &&Deployment| deployment.rollout == Rollout::InProgress || untold(deployment);
    let busy = live.deployments.iter().find(busy)?;
    let tasks = busy.tasks;
    Some(Check {
        what: "other deployments".into(),
        resource: resource.into(),
        found: format!(
            "{} in progress to {}, {} of {} tasks running",
            busy.id,
            short_name(&busy.task_definition),
            tasks.running,
            tasks.desired
        ),
        expected: "none in progress".into(),
        todo: "wait until it is finished, or stop it, then deploy again".into(),
        curable: false,
    })
}
