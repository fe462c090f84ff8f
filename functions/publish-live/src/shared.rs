//! What other stacks read of a verified deployment, as SSM parameters: the outputs of stacks, and
//! what runs. Most of it is known only now, so that it is noted in the ledger, with what was there
//! before, before the first parameter is written. Undo goes by that note.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use lockstep::live::{Facts, Outputs, ParameterChange};
use lockstep::manifest::ResolvedEnvironment;
use lockstep::record::DeploymentRef;
use lockstep::release::Artifacts;
use lockstep::{Check, PhaseError};
use lockstep_aws::Mandate;
use lockstep_cloudformation::CloudFormation;
use lockstep_ecs::{Ecs, ServiceLookup};
use lockstep_handler::{environment_of, record_of};
use lockstep_ledger::Ledger;
use lockstep_parameters::Parameters;

/// How many stacks and services are looked at at the same time.
const AT_ONCE: usize = 8;

/// What may be noted, in bytes: an item of the ledger takes 400 KB.
const LIMIT: usize = 380_000;

/// Publishes for other stacks.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) cloudformation: CloudFormation,
    pub(crate) ecs: Ecs,
}

/// Whom it is published for, and by which right.
#[derive(Debug, Clone, Copy)]
pub(crate) struct By<'a> {
    pub(crate) deployment: &'a DeploymentRef,
    pub(crate) ledger: &'a Ledger,
    pub(crate) parameters: &'a Parameters,
    pub(crate) mandate: &'a Mandate,
}

impl Shared {
    /// Writes every parameter that has another value, or is not there yet. Gives how many were
    /// written.
    pub(crate) async fn publish(
        &self,
        by: By<'_>,
        verified: &Artifacts,
    ) -> Result<usize, PhaseError> {
        let id = &by.deployment.id;
        let changes = if let Some(noted) = by.ledger.published(id).await? {
            noted
        } else {
            let changes = self.changes(by, verified).await?;
            if changes.is_empty() {
                return Ok(0);
            }
            by.ledger.note_published(id, changes).await?
        };
        let publish = by.parameters.publish(by.deployment, &changes, by.mandate);
        publish.await
    }

    /// Puts back what was published. Gives how many parameters were written or deleted.
    pub(crate) async fn withdraw(by: By<'_>) -> Result<usize, PhaseError> {
        let Some(changes) = by.ledger.published(&by.deployment.id).await? else {
            return Ok(0);
        };
        let put_back = by.parameters.put_back(by.deployment, &changes, by.mandate);
        put_back.await
    }

    async fn changes(
        &self,
        by: By<'_>,
        verified: &Artifacts,
    ) -> Result<Vec<ParameterChange>, PhaseError> {
        let deployment = by.deployment;
        let record = record_of(by.ledger, deployment).await?;
        let environment = environment_of(by.ledger, deployment, record.manifest_version).await?;
        // What a deployment of a part is not about stays as it was told.
        let environment = record.only.part_of(&environment);
        let release = record.release.as_ref();
        let release = release.filter(|_| record.only.is_everything());
        let facts = Facts {
            deployment,
            environment: &environment,
            requested: &record.requested,
            verified,
            version: release.map(|it| it.version.as_str()),
            arn: &record.execution.arn,
            outputs: &self.outputs(&environment).await?,
            built: &built(by, &environment).await?,
            task_definitions: &self.task_definitions(&environment).await?,
        };
        let planned = by.parameters.plan(deployment, facts.parameters()?).await?;
        let (changes, failed) = planned;
        if !failed.is_empty() {
            return Err(refused(&failed));
        }
        not_too_many(&changes)?;
        Ok(changes)
    }

    /// The outputs of all stacks of the manifest, also of those that stayed as they are.
    async fn outputs(&self, environment: &ResolvedEnvironment) -> Result<Outputs, PhaseError> {
        let looks = stream::iter(&environment.stacks).map(async |(component, resolved)| {
            let live = self.cloudformation.stack(&resolved.stack).await?;
            let live = live.filter(|live| !live.status.is_deleted());
            Ok::<_, PhaseError>(live.map(|live| (component.clone(), live.outputs)))
        });
        let looks: Vec<_> = looks.buffered(AT_ONCE).collect().await;
        let found: Vec<_> = looks.into_iter().collect::<Result<_, _>>()?;
        Ok(found.into_iter().flatten().collect())
    }

    /// The revisions that the services of the manifest run.
    async fn task_definitions(
        &self,
        environment: &ResolvedEnvironment,
    ) -> Result<BTreeMap<String, String>, PhaseError> {
        let looks = stream::iter(&environment.services).map(async |(component, resolved)| {
            let (cluster, service) = (&resolved.cluster, &resolved.service);
            Ok::<_, PhaseError>(match self.ecs.find_service(cluster, service).await? {
                ServiceLookup::Found(live) if live.status == "ACTIVE" => {
                    Some((component.clone(), live.revision().to_owned()))
                }
                _ => None,
            })
        });
        let looks: Vec<_> = looks.buffered(AT_ONCE).collect().await;
        let found: Vec<_> = looks.into_iter().collect::<Result<_, _>>()?;
        Ok(found.into_iter().flatten().collect())
    }
}

/// What builds gave of the infrastructure of the manifest, as it was applied last.
async fn built(by: By<'_>, environment: &ResolvedEnvironment) -> Result<Outputs, PhaseError> {
    let (application, name) = (&environment.application, &environment.environment);
    let mut built = Outputs::new();
    for component in environment.infrastructure.keys() {
        let applied = by.ledger.applied(application, name, component).await?;
        built.extend(applied.map(|applied| (component.clone(), applied.outputs)));
    }
    Ok(built)
}

/// Parameters that came to be somebody else's after the deployment was planned.
fn refused(failed: &[Check]) -> PhaseError {
    let told: Vec<_> = failed.iter().map(ToString::to_string).collect();
    PhaseError::Rejected {
        resource: "what other stacks read".into(),
        reason: told.join("; "),
    }
}

fn not_too_many(changes: &[ParameterChange]) -> Result<(), PhaseError> {
    let size = serde_json::to_vec(changes).map_or(usize::MAX, |json| json.len());
    if size <= LIMIT {
        return Ok(());
    }
    Err(PhaseError::Rejected {
        resource: "what other stacks read".into(),
        reason: format!(
            "{} parameters change at once, which with their values are {} KB; one deployment can change {} KB: take \
             outputs that nobody reads out of the templates",
            changes.len(),
            size / 1000,
            LIMIT / 1000
        ),
    })
}
