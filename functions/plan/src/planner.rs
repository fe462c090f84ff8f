//! From the ledger's records and the world to a plan.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use lockstep::PhaseError;
use lockstep::ecs::ServiceStep;
use lockstep::gate::{GateInputs, commit_of, plan_gates};
use lockstep::manifest::ResolvedEnvironment;
use lockstep::order::Waves;
use lockstep::plan::{Change, Part, PartStep, Plan, Stage};
use lockstep::record::{DeploymentRecord, DeploymentRef};
use lockstep::release::{Artifact, Artifacts, Release, UnbuiltImage};
use lockstep::staging::{Turn, first_plan};
use lockstep_handler::{environment_of, parse, record_of};
use lockstep_ledger::Ledger;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::migrations::Migrations;
use crate::rejection::reject;
use crate::services::{Planned, Services, Wanted};
use crate::sites::Sites;

/// How many services are looked at at the same time: enough to be quick, few enough not
/// to be throttled.
const AT_ONCE: usize = 8;

/// What has to be done first: images that are to be built.
const BUILDS: &str = "builds";

/// What other planners find out, where the manifest has functions, infrastructure that CodeBuild
/// builds, or stacks.
const FUNCTIONS: &str = "functions";
const INFRASTRUCTURE: &str = "infrastructure";
const STACKS: &str = "stacks";

/// The payload of the states that plan.
#[derive(Debug, Deserialize)]
struct Request {
    deployment: DeploymentRef,
    #[serde(default)]
    stage: Turn,
}

/// Plans deployments.
#[derive(Debug)]
pub(crate) struct Planner {
    pub(crate) ledger: Ledger,
    pub(crate) services: Services,
    pub(crate) sites: Sites,
}

/// A deployment and what it is planned with.
struct Planning<'a> {
    deployment: &'a DeploymentRef,
    record: &'a DeploymentRecord,
    environment: &'a ResolvedEnvironment,
}

impl Planner {
    /// One invocation: plans the deployment, stores the plan, and answers with its steps; or,
    /// before, with what another planner has to find out first.
    pub(crate) async fn handle(&self, payload: Value) -> Result<Value, PhaseError> {
        let Request { deployment, stage } = parse(payload)?;
        let record = record_of(&self.ledger, &deployment).await?;
        if let Some(image) = record.requested.values().find_map(Artifact::as_unbuilt) {
            self.not_built_before(&deployment, image).await?;
            return Ok(json!({ "needs": [BUILDS] }));
        }
        let environment =
            environment_of(&self.ledger, &deployment, record.manifest_version).await?;
        let planning = Planning {
            deployment: &deployment,
            record: &record,
            environment: &environment,
        };
        let Some(functions) = self.functions(&planning, stage).await? else {
            return Ok(json!({ "needs": [FUNCTIONS] }));
        };
        let plan = match stage {
            Turn::First => self.first(&planning, functions).await?,
            Turn::Rollout => Ok(self.rollout(&planning, functions).await?),
        };
        let plan = match plan {
            Ok(plan) => plan,
            Err(needed) => return Ok(json!({ "needs": [needed] })),
        };
        tracing::info!(
            deployment = deployment.id.as_str(),
            steps = plan.steps.len(),
            "planned: {}",
            plan.summary()
        );
        let hash = plan.hash().map_err(|error| PhaseError::Rejected {
            resource: "the plan".into(),
            reason: format!("it cannot be written as JSON: {error}; this is a fault of Lockstep, please report it"),
        })?;
        Ok(json!({"steps": plan.references(), "hash": hash, "summary": plan.summary()}))
    }

    /// Builds are asked for once. Whoever comes back without the image would be sent round for ever.
    async fn not_built_before(
        &self,
        deployment: &DeploymentRef,
        image: &UnbuiltImage,
    ) -> Result<(), PhaseError> {
        let builds = self.ledger.build_steps(&deployment.id).await?;
        if builds.is_empty() {
            return Ok(());
        }
        Err(PhaseError::Rejected {
            resource: format!("build {}", image.build),
            reason: format!(
                "{} although the builds are over; this is a fault of Lockstep, please report it, and deploy the commit again",
                image.label()
            ),
        })
    }

    /// The plan before anything is changed: all of it, or that of the infrastructure where some
    /// changes. `Err` inside names the planner that has to be asked first.
    async fn first(
        &self,
        planning: &Planning<'_>,
        functions: Part,
    ) -> Result<Result<Plan, &'static str>, PhaseError> {
        let (rest, waves) = self.rest(planning, functions).await?;
        let (infrastructure, needed) = self.infrastructure(planning).await?;
        match first_plan(planning.release(), rest, infrastructure) {
            Ok(Some(plan)) => {
                let publishes = planning.environment.publishes();
                let plan = Plan { publishes, ..plan };
                let plan = self.with_gates(planning, plan).await?;
                let plan = waves.told(plan);
                let id = &planning.deployment.id;
                Ok(Ok(self.ledger.put_plan(id, plan).await?))
            }
            Ok(None) => Ok(Err(needed)),
            Err(failed) => Err(reject(planning.deployment, &failed, None)),
        }
    }

    /// The plan with its gates, where it changes anything.
    async fn with_gates(&self, planning: &Planning<'_>, plan: Plan) -> Result<Plan, PhaseError> {
        let (deployment, record) = (planning.deployment, planning.record);
        let gates = &planning.environment.gates;
        if gates.is_empty() || plan.steps.is_empty() {
            return Ok(plan);
        }
        let current = self
            .ledger
            .current_release(&deployment.application, &deployment.environment)
            .await?;
        let live = current.iter().flat_map(|it| it.release.artifacts.values());
        let commit = commit_of(record.requested.values()).or_else(|| commit_of(live));
        let inputs = GateInputs {
            deployment,
            gates,
            version: record.release.as_ref().map(|it| it.version.as_str()),
            commit,
        };
        let gates = plan_gates(&inputs).map_err(|failed| reject(deployment, &failed, None))?;
        Ok(plan.with_gates(gates))
    }

    /// What is to be done to infrastructure: first to what CodeBuild builds, then to the stacks. `None`
    /// as long as one of their planners was not asked, with the one that is next.
    async fn infrastructure(
        &self,
        planning: &Planning<'_>,
    ) -> Result<(Option<Part>, &'static str), PhaseError> {
        let (id, environment) = (&planning.deployment.id, planning.environment);
        let mut parts = Vec::new();
        if planning.has_any(environment.infrastructure.keys()) {
            let Some(builds) = self.ledger.part(id, INFRASTRUCTURE).await? else {
                return Ok((None, INFRASTRUCTURE));
            };
            if !builds.failed.is_empty() {
                // Nobody would execute the change sets of the stacks.
                return Ok((Some(builds), STACKS));
            }
            parts.push(builds);
        }
        // Who plans stacks looks at what is published for others, too.
        if environment.publishes() {
            let Some(stacks) = self.ledger.part(id, STACKS).await? else {
                return Ok((None, STACKS));
            };
            parts.push(stacks);
        }
        Ok((Some(Part::merged(parts)), STACKS))
    }

    /// The plan as a whole, now that its infrastructure was changed.
    async fn rollout(&self, planning: &Planning<'_>, functions: Part) -> Result<Plan, PhaseError> {
        let deployment = planning.deployment;
        let standing = self.ledger.plan(&deployment.id).await?;
        let standing = standing.ok_or_else(|| PhaseError::InvalidRequest {
            field: "stage".into(),
            reason: format!("deployment {} has no plan to extend", deployment.id),
        })?;
        if standing.stage == Stage::Whole {
            return Ok(standing);
        }
        let (rest, waves) = self.rest(planning, functions).await?;
        let changed = if planning.environment.infrastructure.is_empty() {
            "the stacks were"
        } else {
            "the infrastructure was"
        };
        let whole = standing
            .extended(rest)
            .map_err(|failed| reject(deployment, &failed, Some(changed)))?;
        let whole = waves.told(whole);
        Ok(self.ledger.extend_plan(&deployment.id, whole).await?)
    }

    /// What is to be done to everything but stacks, as it is now, and in which waves.
    async fn rest(
        &self,
        planning: &Planning<'_>,
        functions: Part,
    ) -> Result<(Part, Waves), PhaseError> {
        let now = Timestamp::now();
        let requested = &planning.record.requested;
        let mine = planning.record.only.part_of(planning.environment);
        let services = mine.services.iter();
        let wanted = services.map(|(component, resolved)| Wanted {
            deployment: planning.deployment,
            component,
            resolved,
            artifacts: requested,
            now,
        });
        let components = mine.services.keys();
        let planned = stream::iter(wanted)
            .map(|wanted| self.services.plan(wanted))
            .buffered(AT_ONCE);
        let planned: Vec<Result<Planned, PhaseError>> = planned.collect().await;
        let planned = planned.into_iter().collect::<Result<Vec<_>, _>>()?;
        let services: BTreeMap<_, _> = components.map(String::as_str).zip(&planned).collect();
        let migrations = Migrations {
            ledger: &self.ledger,
            deployment: planning.deployment,
            record: planning.record,
            environment: &mine,
        };
        let (before, after) = migrations.plan(&services).await?;
        let mut parts = vec![before];
        parts.extend(planned.into_iter().map(|service| part(service, requested)));
        parts.extend([functions, after]);
        if planning.has_any(planning.environment.sites.keys()) {
            parts.push(self.sites(planning).await?);
        }
        let rest = Part::merged(parts);
        let waves = Waves::of(planning.environment, &rest);
        Ok((waves.split(rest), waves))
    }

    /// What is to be done to sites.
    async fn sites(&self, planning: &Planning<'_>) -> Result<Part, PhaseError> {
        let Planning {
            deployment,
            record,
            environment,
        } = planning;
        let (application, name) = (&deployment.application, &deployment.environment);
        let current = self.ledger.current_release(application, name).await?;
        let verified = current.map(|it| it.release.artifacts).unwrap_or_default();
        let sites = &self.sites;
        sites
            .plan(
                deployment,
                (environment, &record.only),
                &record.requested,
                &verified,
            )
            .await
    }

    /// What the planner of functions found; `None` when it has to be asked first.
    async fn functions(
        &self,
        planning: &Planning<'_>,
        stage: Turn,
    ) -> Result<Option<Part>, PhaseError> {
        if !planning.has_any(planning.environment.functions.keys()) {
            return Ok(Some(Part::default()));
        }
        let of = stage.part_of(FUNCTIONS);
        Ok(self.ledger.part(&planning.deployment.id, &of).await?)
    }
}

impl Planning<'_> {
    /// Whether the deployment is about any of these components.
    fn has_any<'n>(&self, mut components: impl Iterator<Item = &'n String>) -> bool {
        components.any(|component| self.record.only.has(component))
    }

    fn release(&self) -> Release {
        Release {
            manifest_version: self.record.manifest_version,
            artifacts: self.record.requested.clone(),
        }
    }
}

fn part(planned: Planned, artifacts: &Artifacts) -> Part {
    let step = planned.step.map(|step| part_step(step, artifacts));
    Part {
        steps: step.into_iter().collect(),
        failed: planned.failed,
    }
}

fn part_step(step: ServiceStep, artifacts: &Artifacts) -> PartStep {
    PartStep {
        target: step.resource(),
        before: step.before_label(),
        after: after(&step, artifacts),
        change: Change::Service(Box::new(step)),
    }
}

/// What a service is to run, by the tags that were asked for where there are some.
fn after(step: &ServiceStep, artifacts: &Artifacts) -> String {
    let of_service = |name: &str| name.split('/').next() == Some(step.component.as_str());
    let asked = artifacts.iter().filter(|(name, _)| of_service(name));
    let labels: Vec<_> = asked.map(|(_, image)| image.label()).collect();
    if labels.is_empty() {
        step.after_label()
    } else {
        labels.join(", ")
    }
}
