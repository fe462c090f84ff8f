//! Migrations: which of them run, and whether the release may be deployed on the schema at all.

use std::collections::BTreeMap;

use lockstep::PhaseError;
use lockstep::manifest::{ResolvedEnvironment, ResolvedMigration};
use lockstep::migration::{Migrated, MigrationInputs, RollbackFloor, below_floor, plan_migration};
use lockstep::plan::Part;
use lockstep::record::{DeploymentRecord, DeploymentRef, ReleaseRequest};
use lockstep::release::Artifact;
use lockstep_ledger::Ledger;

use crate::services::Planned;

/// What migrations are planned from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Migrations<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) deployment: &'a DeploymentRef,
    pub(crate) record: &'a DeploymentRecord,
    pub(crate) environment: &'a ResolvedEnvironment,
}

impl Migrations<'_> {
    /// What comes before everything else of a rollout, and what comes after all of it.
    pub(crate) async fn plan(
        &self,
        services: &BTreeMap<&str, &Planned>,
    ) -> Result<(Part, Part), PhaseError> {
        let (mut before, mut after) = (Part::default(), Part::default());
        let mut floors = Vec::new();
        for (component, resolved) in &self.environment.migrations {
            let me = self.deployment;
            let migrated = self
                .ledger
                .migrated(&me.application, &me.environment, component)
                .await?;
            self.one(
                component,
                resolved,
                services,
                &migrated,
                &mut before,
                &mut after,
            );
            floors.extend(migrated.done.into_iter().filter_map(|mark| mark.floor));
        }
        before.failed.extend(self.floor(floors).await?);
        Ok((before, after))
    }

    fn one(
        &self,
        component: &str,
        resolved: &ResolvedMigration,
        services: &BTreeMap<&str, &Planned>,
        migrated: &Migrated,
        before: &mut Part,
        after: &mut Part,
    ) {
        let service = services.get(resolved.service.as_str());
        // What is wrong with the service is told with the service.
        let Some((live, running)) = service.and_then(|it| it.found.as_ref()) else {
            return;
        };
        let container = format!("{}/{}", resolved.service, resolved.container);
        let artifact = self.record.requested.get(&container);
        let floor = self.record.release.as_ref().and_then(ReleaseRequest::floor);
        let planned = plan_migration(&MigrationInputs {
            deployment: self.deployment,
            component,
            resolved,
            cluster: &live.cluster,
            live,
            running,
            planned: service.and_then(|it| it.step.as_ref()),
            artifact: artifact.and_then(Artifact::as_image),
            migrated,
            floor: floor.as_ref(),
        });
        match planned {
            Ok(planned) => {
                before.steps.extend(planned.expand);
                after.steps.extend(planned.contract);
            }
            Err(check) => before.failed.push(check),
        }
    }

    /// Whether an uploaded release is older than what the schema supports: by what the last
    /// verified release says, and by the migrations that ran and were not undone.
    async fn floor(
        &self,
        mut floors: Vec<RollbackFloor>,
    ) -> Result<Option<lockstep::Check>, PhaseError> {
        let Some(release) = &self.record.release else {
            return Ok(None);
        };
        let me = self.deployment;
        let current = self
            .ledger
            .current_release(&me.application, &me.environment)
            .await?;
        floors.extend(current.and_then(|current| current.rollback_floor));
        Ok(below_floor(&release.version, &floors))
    }
}
