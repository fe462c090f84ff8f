//! From the ledger's records and the world to a plan.

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use lockstep::PhaseError;
use lockstep::ecs::ServiceStep;
use lockstep::manifest::ResolvedEnvironment;
use lockstep::plan::{Change, Part, PartStep, Plan};
use lockstep::record::{DeploymentRecord, DeploymentRef};
use lockstep::release::{Artifacts, Release};
use lockstep_handler::{environment_of, parse, record_of};
use lockstep_ledger::Ledger;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::rejection::reject;
use crate::services::{Planned, Services, Wanted};

/// How many services are looked at at the same time: enough to be quick, few enough not
/// to be throttled.
const AT_ONCE: usize = 8;

/// What another planner finds out, where the manifest has functions.
const FUNCTIONS: &str = "functions";

/// The payload of the Plan state.
#[derive(Debug, Deserialize)]
struct Request {
    deployment: DeploymentRef,
}

/// Plans deployments.
#[derive(Debug)]
pub(crate) struct Planner {
    pub(crate) ledger: Ledger,
    pub(crate) services: Services,
}

impl Planner {
    /// One invocation: plans the deployment, stores the plan, and answers with its steps; or,
    /// before, with what another planner has to find out first.
    pub(crate) async fn handle(&self, payload: Value) -> Result<Value, PhaseError> {
        let Request { deployment } = parse(payload)?;
        let record = record_of(&self.ledger, &deployment).await?;
        let environment =
            environment_of(&self.ledger, &deployment, record.manifest_version).await?;
        let Some(functions) = self.functions(&deployment, &environment).await? else {
            return Ok(json!({ "needs": [FUNCTIONS] }));
        };
        let plan = self
            .plan(&deployment, &record, &environment, functions)
            .await?;
        let plan = self.ledger.put_plan(&deployment.id, plan).await?;
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

    async fn plan(
        &self,
        deployment: &DeploymentRef,
        record: &DeploymentRecord,
        environment: &ResolvedEnvironment,
        functions: Part,
    ) -> Result<Plan, PhaseError> {
        let now = Timestamp::now();
        let wanted = environment
            .services
            .iter()
            .map(|(component, resolved)| Wanted {
                deployment,
                component,
                resolved,
                artifacts: &record.requested,
                now,
            });
        let planned = stream::iter(wanted)
            .map(|wanted| self.services.plan(wanted))
            .buffered(AT_ONCE);
        let planned: Vec<Result<Planned, PhaseError>> = planned.collect().await;
        let mut parts = Vec::new();
        for service in planned {
            parts.push(part(service?, &record.requested));
        }
        parts.push(functions);
        let release = Release {
            manifest_version: record.manifest_version,
            artifacts: record.requested.clone(),
        };
        let plan = Part::merged(parts).plan(release);
        plan.map_err(|failed| reject(deployment, &failed))
    }

    /// What the planner of functions found; `None` when it has to be asked first.
    async fn functions(
        &self,
        deployment: &DeploymentRef,
        environment: &ResolvedEnvironment,
    ) -> Result<Option<Part>, PhaseError> {
        if environment.functions.is_empty() {
            return Ok(Some(Part::default()));
        }
        Ok(self.ledger.part(&deployment.id, FUNCTIONS).await?)
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
