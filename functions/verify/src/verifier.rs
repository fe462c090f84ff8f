//! One look at a release, or at what was put back.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use lockstep::PhaseError;
use lockstep::ecs::{ServiceStep, Settle, keeps_after, keeps_before};
use lockstep::plan::{Change, Plan};
use lockstep::record::DeploymentRef;
use lockstep_aws::HttpGet;
use lockstep_ecs::{Ecs, ServiceLookup};
use lockstep_handler::{environment_of, hold_lock, parse};
use lockstep_ledger::Ledger;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::http;
use crate::progress::{Look, Progress};
use crate::settle::settle;

/// How many services are looked at at the same time.
const AT_ONCE: usize = 8;

/// The payload of the Verify states.
#[derive(Debug, Deserialize)]
struct Request {
    deployment: DeploymentRef,
    fence: u64,
    target: Target,
    progress: Option<Progress>,
}

/// What is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Target {
    /// The new release.
    After,
    /// What was put back.
    Before,
}

/// Verifies releases.
#[derive(Debug)]
pub(crate) struct Verifier {
    pub(crate) ledger: Ledger,
    pub(crate) ecs: Ecs,
    pub(crate) http: HttpGet,
}

impl Verifier {
    /// One invocation: one look.
    pub(crate) async fn handle(&self, payload: Value) -> Result<Value, PhaseError> {
        let request: Request = parse(payload)?;
        let deployment = &request.deployment;
        let undo = request.target == Target::Before;
        hold_lock(&self.ledger, &request.deployment, request.fence, undo).await?;
        let now = Timestamp::now();
        let mut progress = request
            .progress
            .clone()
            .unwrap_or_else(|| Progress::begin(now));
        let look = match self.ledger.plan(&deployment.id).await? {
            Some(plan) => self.look(&request, &plan, &mut progress, now).await?,
            None => Look::Passed {
                note: "nothing was planned, so nothing was changed".into(),
            },
        };
        Ok(answer(deployment, &look, &progress))
    }

    /// Services come first: why a task crashed says more than that an address does not answer.
    async fn look(
        &self,
        request: &Request,
        plan: &Plan,
        progress: &mut Progress,
        now: Timestamp,
    ) -> Result<Look, PhaseError> {
        let steps: Vec<_> = plan
            .steps
            .iter()
            .filter_map(|step| match &step.change {
                Change::Service(step) => Some(&**step),
                _ => None,
            })
            .collect();
        let began_here = request.target == Target::Before && made_stacks(plan);
        let looks = Looks {
            target: request.target,
            since: progress.since,
            began_here,
        };
        let services = self.services(&steps, looks).await?;
        let me = &request.deployment;
        // Nothing ran before the first stack was made: there is nothing to answer.
        if began_here
            && self
                .ledger
                .current_release(&me.application, &me.environment)
                .await?
                .is_none()
        {
            return Ok(Look::Passed {
                note: "the stacks were new, and nothing was verified here before".into(),
            });
        }
        // What others rolled out meanwhile is theirs to check, and a service that was down before
        // is not expected to answer.
        let migrations = plan
            .steps
            .iter()
            .filter(|step| step.change.as_migration().is_some());
        let services_alone = steps.len() + migrations.count() == plan.steps.len();
        if services_alone && services.iter().all(|service| *service == Settle::LeftAlone) {
            return Ok(Look::Passed {
                note: "no service that served before was put back".into(),
            });
        }
        let (deployment, version) = (&request.deployment, plan.release.manifest_version);
        let verify = environment_of(&self.ledger, deployment, version)
            .await?
            .verify;
        if let Some(again) = http::ask(&self.http, &verify.http, &mut progress.http).await? {
            return Ok(again);
        }
        settle(progress, &services, verify.settle_seconds, now)
    }

    async fn services(
        &self,
        steps: &[&ServiceStep],
        looks: Looks,
    ) -> Result<Vec<Settle>, PhaseError> {
        let looks = steps.iter().map(async |step| {
            if looks.began_here && self.is_gone(step).await? {
                return Ok(Settle::LeftAlone);
            }
            let world = self.ecs.look(step).await?;
            match looks.target {
                Target::After => keeps_after(step, &world, looks.since),
                Target::Before => keeps_before(step, &world, looks.since),
            }
        });
        stream::iter(looks).buffered(AT_ONCE).try_collect().await
    }

    /// Whether a service went with the new stack that it was a part of.
    async fn is_gone(&self, step: &ServiceStep) -> Result<bool, PhaseError> {
        let found = self.ecs.find_service(&step.cluster, &step.service).await?;
        Ok(!matches!(found, ServiceLookup::Found(live) if live.status == "ACTIVE"))
    }
}

/// How services are looked at.
#[derive(Debug, Clone, Copy)]
struct Looks {
    target: Target,
    since: Timestamp,
    /// Whether services may be gone again with the stacks that the deployment had made.
    began_here: bool,
}

fn made_stacks(plan: &Plan) -> bool {
    let mut stacks = plan.steps.iter().filter_map(|step| step.change.as_stack());
    stacks.any(|stack| stack.before.is_none())
}

fn answer(deployment: &DeploymentRef, look: &Look, progress: &Progress) -> Value {
    let (status, wait_seconds, note) = match look {
        Look::Passed { note } => ("passed", 0, note),
        Look::Again { wait_seconds, note } => ("running", *wait_seconds, note),
    };
    tracing::info!(deployment = deployment.id.as_str(), status, "{note}");
    json!({"status": status, "wait_seconds": wait_seconds, "progress": progress, "note": note})
}

#[cfg(test)]
mod tests;
