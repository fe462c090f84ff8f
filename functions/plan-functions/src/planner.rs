//! From the ledger's records and the account's functions to a part of a plan.

use lockstep::PhaseError;
use lockstep::lambda::traffic::in_stages;
use lockstep::lambda::{functions_part, with_parameters};
use lockstep::live::live_images;
use lockstep::plan::Part;
use lockstep::record::DeploymentRef;
use lockstep::staging::Turn;
use lockstep_handler::{environment_of, parse, record_of};
use lockstep_lambda::Lambda;
use lockstep_ledger::Ledger;
use lockstep_parameters::Parameters;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::functions::Functions;

/// The kind of targets under which the part is stored.
const OF: &str = "functions";

/// The payload of the PlanFunctions states.
#[derive(Debug, Deserialize)]
struct Request {
    deployment: DeploymentRef,
    #[serde(default)]
    stage: Turn,
}

/// Plans the functions of deployments.
#[derive(Debug)]
pub(crate) struct Planner {
    pub(crate) ledger: Ledger,
    pub(crate) lambda: Lambda,
    pub(crate) parameters: Parameters,
    /// How many control-plane calls may be made in a second.
    pub(crate) rate: u32,
}

impl Planner {
    /// One invocation: stores the part of the plan that is about functions, with the checks
    /// that failed, which are told together with those of everything else.
    pub(crate) async fn handle(&self, payload: Value) -> Result<Value, PhaseError> {
        let Request { deployment, stage } = parse(payload)?;
        let part = self.part(&deployment).await?;
        let of = stage.part_of(OF);
        self.ledger.put_part(&deployment.id, &of, &part).await?;
        let (steps, failed) = (part.steps.len(), part.failed.len());
        let targets: Vec<_> = part.steps.iter().map(|step| step.target.as_str()).collect();
        tracing::info!(
            deployment = deployment.id.as_str(),
            failed,
            "planned: {}",
            targets.join(", ")
        );
        Ok(json!({"steps": steps, "failed": failed}))
    }

    async fn part(&self, deployment: &DeploymentRef) -> Result<Part, PhaseError> {
        let record = record_of(&self.ledger, deployment).await?;
        let environment = environment_of(&self.ledger, deployment, record.manifest_version).await?;
        let current = self
            .ledger
            .current_release(&deployment.application, &deployment.environment)
            .await?;
        let verified = current.map(|current| current.release.artifacts);
        let verified = verified.unwrap_or_default();
        let functions = Functions {
            lambda: self.lambda.paced(self.rate, None),
            environment: &environment,
            only: &record.only,
            requested: &record.requested,
            verified: &verified,
        };
        let (changes, mut failed) = functions.plan().await?;
        let (requested, arn) = (&record.requested, &record.execution.arn);
        let images = live_images(deployment, &changes, requested, &verified, arn);
        let (parameters, refused) = self.parameters.plan(deployment, images).await?;
        failed.extend(refused);
        let release = record.release.as_ref().map(|it| it.version.as_str());
        let part = functions_part(
            deployment,
            release,
            changes,
            &environment.functions,
            failed,
            self.rate,
        );
        let part = with_parameters(part, &parameters);
        Ok(in_stages(part, environment.traffic.as_ref()))
    }
}
