//! One invocation: looks at the stage, goes on to the next when it is over, and gives each
//! function's new version the share that it should have.

use std::time::Duration;

use lockstep::PhaseError;
use lockstep::lambda::FunctionsStep;
use lockstep::manifest::ResolvedTraffic;
use lockstep::plan::Plan;
use lockstep::record::DeploymentRef;
use lockstep_handler::{hold_lock, mandate, parse};
use lockstep_lambda::Lambda;
use lockstep_ledger::Ledger;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::asking::Asking;
use crate::fleet::Fleet;
use crate::metrics::Metrics;
use crate::progress::{Progress, Reached};
use crate::work::Work;

/// The payload of the Traffic state.
#[derive(Debug, Deserialize)]
struct Request {
    deployment: DeploymentRef,
    fence: u64,
    progress: Option<Progress>,
}

/// Shifts the traffic of deployments.
#[derive(Debug)]
pub(crate) struct Shifter {
    pub(crate) ledger: Ledger,
    pub(crate) lambda: Lambda,
    pub(crate) metrics: Metrics,
}

impl Shifter {
    /// One invocation, of which Lambda leaves `left`: half of it is for calls that begin.
    pub(crate) async fn handle(&self, payload: Value, left: Duration) -> Result<Value, PhaseError> {
        let until = Instant::now() + left / 2;
        let request: Request = parse(payload)?;
        let deployment = &request.deployment;
        hold_lock(&self.ledger, &request.deployment, request.fence, false).await?;
        let plan = self.ledger.plan(&deployment.id).await?;
        let mut progress = request.progress.unwrap_or_default();
        let reached = match plan.as_ref().and_then(of_functions) {
            Some((step, traffic)) => {
                let (step, traffic) = (&step, &traffic);
                // The execution may be stopped while one invocation is at it, and somebody else
                // puts the aliases back.
                let mandate = mandate(&self.ledger, deployment, request.fence, false);
                let lambda = self.lambda.paced(step.rate_per_second, Some(until));
                let work = Work {
                    traffic,
                    stages: traffic.stages(),
                    metrics: &self.metrics,
                    asking: Asking {
                        ledger: &self.ledger,
                        deployment,
                        fence: request.fence,
                        traffic,
                    },
                    fleet: Fleet {
                        lambda: lambda.under(Some(mandate)),
                        step,
                        until,
                    },
                };
                work.go_on(&mut progress).await?
            }
            None => Reached::Passed {
                note: "no traffic is shifted in stages".into(),
            },
        };
        Ok(answer(deployment, &reached, &progress))
    }
}

/// The functions of all waves, as one step: their traffic is shifted together.
fn of_functions(plan: &Plan) -> Option<(FunctionsStep, ResolvedTraffic)> {
    let mut steps = plan.steps.iter().filter_map(|step| step.change.in_stages());
    let (first, traffic) = steps.next()?;
    let mut all = first.clone();
    for (more, _) in steps {
        all.functions.extend(more.functions.iter().cloned());
    }
    Some((all, traffic.clone()))
}

/// The answer to the state machine. What comes next begins without our progress.
fn answer(deployment: &DeploymentRef, reached: &Reached, progress: &Progress) -> Value {
    let (status, wait_seconds, note, asking) = match reached {
        Reached::Passed { note } => ("passed", 0, note, None),
        Reached::Again {
            wait_seconds,
            note,
            asking,
        } => ("running", *wait_seconds, note, asking.as_ref()),
    };
    tracing::info!(deployment = deployment.id.as_str(), status, "{note}");
    let progress = (status == "running").then_some(progress);
    json!({
        "status": status, "wait_seconds": wait_seconds, "progress": progress, "note": note, "asking": asking,
    })
}

#[cfg(test)]
mod tests;
