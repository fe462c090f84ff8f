//! From a service's change to the runs of its migration, or to none.

use super::definition::one_shot;
use super::floor::RollbackFloor;
use super::identity::{Identity, Migrated, Run, digest, of_build};
use super::means::{BuildMeans, Means, TaskMeans};
use super::step::MigrationStep;
use crate::Check;
use crate::ecs::{
    DEPLOYMENT_TAG, ImageReference, LiveService, Revision, ServiceStep, image, short_name,
};
use crate::manifest::{MigrationWork, ResolvedMigration};
use crate::plan::{Change, PartStep};
use crate::record::DeploymentRef;
use crate::release::ImageArtifact;

/// What one migration is planned from.
#[derive(Debug, Clone, Copy)]
pub struct MigrationInputs<'a> {
    /// The deployment that plans.
    pub deployment: &'a DeploymentRef,
    /// The manifest's name of the migration.
    pub component: &'a str,
    /// What the manifest says of it.
    pub resolved: &'a ResolvedMigration,
    /// The service's cluster.
    pub cluster: &'a str,
    /// The service as it is.
    pub live: &'a LiveService,
    /// The revision that it runs.
    pub running: &'a Revision,
    /// The service's own step, where it has one.
    pub planned: Option<&'a ServiceStep>,
    /// The image that is asked for in the migration's container.
    pub artifact: Option<&'a ImageArtifact>,
    /// What ran before.
    pub migrated: &'a Migrated,
    /// What the release says of the releases that may be gone back to.
    pub floor: Option<&'a RollbackFloor>,
}

/// The runs of one migration.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlannedMigration {
    /// What comes before the rollout.
    pub expand: Option<PartStep>,
    /// What comes after verification.
    pub contract: Option<PartStep>,
}

/// Plans one migration. It runs once for each image that is new to its service: not for one that
/// ran it before, not for one that is older than one that did (its changes are a part of the
/// schema already, and going back must not migrate), and not for a change of settings alone. A
/// contract that began and did not succeed is planned again with the image that began it.
///
/// # Errors
/// The check that fails, when the task definition has no such container.
pub fn plan_migration(inputs: &MigrationInputs<'_>) -> Result<PlannedMigration, Check> {
    let container = &inputs.resolved.container;
    let running = image(&inputs.running.definition, container);
    let wanted = match inputs.planned {
        Some(step) => image(&step.after.task_definition, container),
        None => running,
    };
    let wanted = wanted.ok_or_else(|| unknown_container(inputs))?;
    let made_at = inputs.artifact.map(|image| image.pushed_at);
    let is_new = running.map(digest) != Some(digest(wanted));
    let runs = is_new && !inputs.migrated.is_ahead_of(made_at);
    let migrated = inputs.migrated;
    let mut planned = PlannedMigration::default();
    if let Some((means, expand)) = means(inputs, wanted, Run::Expand)
        && runs
        && !migrated.has(Run::Expand, &expand)
    {
        planned.expand = Some(part(inputs, wanted, Run::Expand, means, expand));
    }
    if let Some((means, contract)) = means(inputs, wanted, Run::Contract) {
        let open = migrated.open.as_ref() == Some(&contract);
        if !migrated.has(Run::Contract, &contract) && (runs || open) {
            planned.contract = Some(part(inputs, wanted, Run::Contract, means, contract));
        }
    }
    Ok(planned)
}

/// What carries out a run, and what the run is; `None` where the manifest has none such.
fn means(inputs: &MigrationInputs<'_>, wanted: &str, run: Run) -> Option<(Means, Identity)> {
    let is_expand = run == Run::Expand;
    match &inputs.resolved.work {
        MigrationWork::Task {
            command,
            undo,
            contract,
        } => {
            let command = if is_expand {
                command
            } else {
                contract.as_ref()?
            };
            let task = TaskMeans {
                cluster: inputs.cluster.to_owned(),
                service_arn: inputs.live.arn.clone(),
                container: inputs.resolved.container.clone(),
                command: command.clone(),
                undo: undo.clone().filter(|_| is_expand),
                task_definition: definition(inputs),
                placement: inputs.live.placement.clone(),
            };
            let identity = Identity::of(wanted, command);
            Some((Means::Task(Box::new(task)), identity))
        }
        MigrationWork::Build {
            project,
            environment,
            undo,
            contract,
        } => {
            if !is_expand && !contract {
                return None;
            }
            let build = BuildMeans {
                project: project.clone(),
                image: wanted.to_owned(),
                variables: environment.clone(),
                undo: *undo && is_expand,
            };
            Some((Means::Build(build), of_build(wanted, project, environment)))
        }
    }
}

fn part(
    inputs: &MigrationInputs<'_>,
    wanted: &str,
    run: Run,
    means: Means,
    identity: Identity,
) -> PartStep {
    let label = ImageReference::parse(wanted).label();
    let label = inputs.artifact.map_or(label, ImageArtifact::label);
    let step = MigrationStep {
        deployment: inputs.deployment.id.to_string(),
        application: inputs.deployment.application.clone(),
        environment: inputs.deployment.environment.clone(),
        component: inputs.component.to_owned(),
        run,
        image: label,
        means,
        identity,
        made_at: inputs.artifact.map(|image| image.pushed_at),
        floor: inputs.floor.cloned(),
        timeout_seconds: u64::from(inputs.resolved.timeout_minutes) * 60,
    };
    let last = inputs.migrated.last();
    let before = match (run, last) {
        (Run::Expand | Run::Undo, Some(last)) => {
            format!("the schema of deployment {}", last.deployment)
        }
        (Run::Expand | Run::Undo, None) => "not run here yet".to_owned(),
        (Run::Contract, _) => "not run for this release yet".to_owned(),
    };
    PartStep {
        target: step.resource(),
        before,
        after: step.run_label(run),
        change: match run {
            Run::Contract => Change::Contract(Box::new(step)),
            Run::Expand | Run::Undo => Change::Migrate(Box::new(step)),
        },
    }
}

/// What the service is to run, or runs, as a one-shot task of a family of its own. The mark is
/// that of the deployment, by which a revision is found again.
fn definition(inputs: &MigrationInputs<'_>) -> serde_json::Value {
    let service = match inputs.planned {
        Some(step) => &step.after.task_definition,
        None => &inputs.running.definition,
    };
    let family = service.get("family").and_then(|it| it.as_str());
    let family = family.unwrap_or_default();
    let family = format!("{family}-migration-{}", inputs.component);
    let tag = |key: &str, value: &str| serde_json::json!({"key": key, "value": value});
    let tags = vec![
        tag(DEPLOYMENT_TAG, &inputs.deployment.id.to_string()),
        tag("lockstep:application", &inputs.deployment.application),
        tag("lockstep:environment", &inputs.deployment.environment),
    ];
    one_shot(service, &inputs.resolved.container, &family, tags)
}

fn unknown_container(inputs: &MigrationInputs<'_>) -> Check {
    let containers = crate::ecs::containers(&inputs.running.definition);
    let names = containers.iter().filter_map(|it| it.get("name")?.as_str());
    Check {
        what: "container".into(),
        resource: format!("migration {}", inputs.component),
        found: format!(
            "{} with {}",
            short_name(&inputs.running.arn),
            names.collect::<Vec<_>>().join(", ")
        ),
        expected: format!("a container {}", inputs.resolved.container),
        todo: "correct the migration's container in lockstep.yaml and apply it".into(),
        curable: false,
    }
}

#[cfg(test)]
mod tests;
