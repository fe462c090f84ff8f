//! One invocation: looks at the stage, goes on to the next when it is over, and gives each
//! function's new version the share that it should have.

use std::time::Duration;

use jiff::Timestamp;
use lockstep::PhaseError;
use lockstep::lambda::traffic::{
    Decision, Judgement, Look, Watched, alarms_are_quiet, decide, judge,
};
use lockstep::manifest::ResolvedTraffic;
use lockstep::plan::Plan;
use lockstep::record::DeploymentRef;
use lockstep_handler::{hold_lock, mandate, parse};
use lockstep_lambda::Lambda;
use lockstep_ledger::Ledger;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::fleet::{Come, Fleet};
use crate::metrics::{Behind, Metrics};
use crate::progress::{Progress, Reached};

/// For how many functions that failed a log is looked for.
const LOGS: usize = 3;

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
                // The execution may be stopped while one invocation is at it, and somebody else
                // puts the aliases back.
                let mandate = mandate(&self.ledger, deployment, request.fence, false);
                let lambda = self.lambda.paced(step.rate_per_second, Some(until));
                let work = Work {
                    traffic,
                    stages: traffic.stages(),
                    metrics: &self.metrics,
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

fn of_functions(plan: &Plan) -> Option<(&lockstep::lambda::FunctionsStep, &ResolvedTraffic)> {
    plan.steps.iter().find_map(|step| step.change.in_stages())
}

struct Work<'a> {
    fleet: Fleet<'a>,
    traffic: &'a ResolvedTraffic,
    stages: Vec<u32>,
    metrics: &'a Metrics,
}

impl Work<'_> {
    async fn go_on(&self, progress: &mut Progress) -> Result<Reached, PhaseError> {
        if progress.functions.is_empty() {
            alarms_are_quiet(&self.metrics.alarms(&self.traffic.alarms).await?)?;
        }
        if let Some(since) = progress.since {
            match self.look(progress, since).await? {
                Decision::Wait { seconds, note } => return Ok(again(seconds, note)),
                Decision::Fail(error) => return Err(error),
                Decision::Advance { note } => tracing::info!("{note}"),
            }
            progress.stage += 1;
            progress.since = None;
        }
        let percent = self.stages.get(progress.stage).copied();
        Ok(
            match (self.fleet.shift(progress, percent).await?, percent) {
                (Come::OnTheWay(note), _) => again(1, note),
                (Come::There, None) => Reached::Passed {
                    note: format!(
                        "{} serve their new versions alone",
                        self.fleet.step.resource()
                    ),
                },
                (Come::There, Some(percent)) => {
                    progress.since = Some(Timestamp::now());
                    self.begun(percent)
                }
            },
        )
    }

    /// A stage that begins now has nothing to show yet.
    fn begun(&self, percent: u32) -> Reached {
        let look = Look {
            percent,
            elapsed_seconds: 0,
            functions: Vec::new(),
            alarms: Vec::new(),
        };
        match decide(self.traffic, &look) {
            Decision::Wait { seconds, note } => again(seconds, note),
            Decision::Advance { note } => again(1, note),
            Decision::Fail(error) => again(1, error.to_string()),
        }
    }

    async fn look(&self, progress: &Progress, since: Timestamp) -> Result<Decision, PhaseError> {
        let now = Timestamp::now();
        let alarms = self.metrics.alarms(&self.traffic.alarms).await?;
        let behind: Vec<_> = self
            .fleet
            .functions()
            .filter_map(|change| {
                let version = &progress.functions.get(&change.function)?.version;
                // Where the new version is the one that serves, nothing was shifted.
                let is_new = change.before.version.as_ref() != Some(version);
                let alias = change.alias.as_deref()?;
                let (function, version) = (change.function.as_str(), version.as_str());
                is_new.then_some((
                    change,
                    Behind {
                        function,
                        alias,
                        version,
                    },
                ))
            })
            .collect();
        let versions: Vec<_> = behind.iter().map(|(_, behind)| *behind).collect();
        let seen = self.metrics.seen(&versions, since, now).await?;
        let mut functions = Vec::new();
        let mut logs_left = LOGS;
        for ((change, behind), seen) in behind.iter().zip(seen) {
            let mut logs = String::new();
            if logs_left > 0 && judge(self.traffic, seen) == Judgement::Bad {
                logs = self.fleet.logs(behind.function, behind.version).await;
                logs_left -= 1;
            }
            functions.push(Watched {
                resource: change.resource(),
                version: behind.version.to_owned(),
                seen,
                logs,
            });
        }
        let elapsed = now.duration_since(since).as_secs();
        let look = Look {
            percent: self.stages.get(progress.stage).copied().unwrap_or(100),
            elapsed_seconds: u64::try_from(elapsed).unwrap_or_default(),
            functions,
            alarms,
        };
        Ok(decide(self.traffic, &look))
    }
}

fn again(wait_seconds: u32, note: String) -> Reached {
    Reached::Again { wait_seconds, note }
}

/// The answer to the state machine. What comes next begins without our progress.
fn answer(deployment: &DeploymentRef, reached: &Reached, progress: &Progress) -> Value {
    let (status, wait_seconds, note) = match reached {
        Reached::Passed { note } => ("passed", 0, note),
        Reached::Again { wait_seconds, note } => ("running", *wait_seconds, note),
    };
    tracing::info!(deployment = deployment.id.as_str(), status, "{note}");
    let progress = (status == "running").then_some(progress);
    json!({"status": status, "wait_seconds": wait_seconds, "progress": progress, "note": note})
}

#[cfg(test)]
mod tests;
