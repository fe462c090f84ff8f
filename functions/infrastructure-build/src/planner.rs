//! From the ledger's records and what plan builds say to a part of a plan.

use std::collections::BTreeMap;

use aws_types::SdkConfig;
use jiff::Timestamp;
use lockstep::plan::{Change, Part, PartStep};
use lockstep::record::DeploymentRef;
use lockstep::{Check, Only, PhaseError};
use lockstep_handler::{environment_of, hold_lock, parse, record_of};
use lockstep_ledger::Ledger;
use lockstep_sources::{Known, Sources, Values};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::builds::Builds;
use crate::component::{Outcome, Planned, Wanted};
use crate::progress::Progress;
use crate::store::Store;

/// The kind of targets under which the part is stored.
const OF: &str = "infrastructure";

/// The payload of the PlanInfrastructure state.
#[derive(Debug, Deserialize)]
struct Request {
    deployment: DeploymentRef,
    fence: u64,
    progress: Option<Progress>,
}

/// Plans the infrastructure of deployments that CodeBuild builds.
#[derive(Debug)]
pub(crate) struct Planner {
    pub(crate) ledger: Ledger,
    pub(crate) builds: Builds,
    pub(crate) store: Store,
    pub(crate) values: Values,
}

impl Planner {
    pub(crate) fn new(sdk: &SdkConfig, ledger: Ledger, builds: Builds, store: Store) -> Self {
        Self {
            values: Values::new(sdk, store.bucket()),
            ledger,
            builds,
            store,
        }
    }

    /// One invocation: one look at every component.
    pub(crate) async fn handle(&self, payload: Value) -> Result<Value, PhaseError> {
        let request: Request = parse(payload)?;
        let deployment = &request.deployment;
        hold_lock(&self.ledger, deployment, request.fence, false).await?;
        let now = Timestamp::now();
        let progress = request.progress.unwrap_or_else(|| Progress::begin(now));
        let waiting = if self.ledger.part(&deployment.id, OF).await?.is_some() {
            Ok("the infrastructure was planned before".to_owned())
        } else {
            self.plan(deployment, &progress, now).await?
        };
        let (status, wait_seconds, progress, note) = match waiting {
            Ok(note) => ("passed", 0, None, note),
            Err(note) => ("running", progress.pause(now), Some(progress), note),
        };
        tracing::info!(deployment = deployment.id.as_str(), status, "{note}");
        Ok(
            json!({"status": status, "wait_seconds": wait_seconds, "progress": progress, "note": note}),
        )
    }

    /// What the plan says, which is stored then; or, as an error, what is waited for.
    ///
    /// Builds that plan are waited for also when the plan is already known to fail: they may hold
    /// the lock of their tool's state, and each of them may fail for a reason of its own.
    async fn plan(
        &self,
        deployment: &DeploymentRef,
        progress: &Progress,
        now: Timestamp,
    ) -> Result<Result<String, String>, PhaseError> {
        let record = record_of(&self.ledger, deployment).await?;
        let environment = environment_of(&self.ledger, deployment, record.manifest_version).await?;
        let current = self
            .ledger
            .current_release(&deployment.application, &deployment.environment)
            .await?;
        let verified = current.map_or_else(BTreeMap::new, |it| it.release.artifacts);
        let mut seen = Seen::default();
        let needed = record.only.needs(&environment);
        for (component, resolved) in environment.infrastructure_in_order() {
            if !record.only.has(component) {
                if needed.contains(component) {
                    let outcome = self.left_alone(deployment, component).await?;
                    seen.take(component, outcome);
                }
                continue;
            }
            let wanted = Wanted {
                component,
                resolved,
                sources: Sources {
                    deployment,
                    record: &record,
                    environment: &environment,
                    verified: &verified,
                    known: &seen.known.clone(),
                },
                seen: &seen,
                progress,
                now,
            };
            let outcome = self.look(&wanted).await?;
            seen.take(component, outcome);
        }
        if let Some(note) = seen.waiting {
            return Ok(Err(note));
        }
        let part = if seen.failed.is_empty() {
            let steps = seen.steps.into_iter();
            Part {
                steps: steps.map(part_step).collect(),
                failed: Vec::new(),
            }
        } else {
            Part {
                steps: Vec::new(),
                failed: seen.failed,
            }
        };
        self.ledger.put_part(&deployment.id, OF, &part).await?;
        Ok(Ok(told(&part)))
    }
}

impl Planner {
    /// A component that the deployment is not about, and whose outputs it takes: as it is.
    async fn left_alone(
        &self,
        deployment: &DeploymentRef,
        component: &str,
    ) -> Result<Outcome, PhaseError> {
        let (application, environment) = (&deployment.application, &deployment.environment);
        let ledger = &self.ledger;
        let record = ledger.build_record(application, environment, component);
        let outputs = record.await?.certain().map(|it| it.outputs.clone());
        let missing = || Only::missing(format!("infrastructure {component}"));
        Ok(outputs.map_or_else(|| Outcome::Failed(vec![missing()]), Outcome::Unchanged))
    }
}

/// What was seen of the components so far.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    known: BTreeMap<String, Known>,
    /// What each component came to.
    came_to: BTreeMap<String, Standing>,
    steps: Vec<Planned>,
    failed: Vec<Check>,
    /// The first thing that is waited for.
    waiting: Option<String>,
}

/// What is known of a component that others may depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It stays as it is.
    Unchanged,
    /// It is changed.
    Changes,
    /// It cannot be changed.
    Failed,
    /// It cannot be told yet.
    Waits,
}

impl Seen {
    /// What a component that was looked at before came to.
    pub(crate) fn standing(&self, component: &str) -> Standing {
        let standing = self.came_to.get(component).copied();
        standing.unwrap_or(Standing::Unchanged)
    }

    /// Whether a check failed, so that nothing new need be begun.
    pub(crate) const fn has_failed(&self) -> bool {
        !self.failed.is_empty()
    }

    fn take(&mut self, component: &str, outcome: Outcome) {
        let (standing, known) = match outcome {
            Outcome::Unchanged(outputs) => (Standing::Unchanged, Known::Outputs(outputs)),
            Outcome::Step(planned) => {
                self.steps.push(*planned);
                (Standing::Changes, Known::NotYet)
            }
            Outcome::Failed(mut failed) => {
                self.failed.append(&mut failed);
                (Standing::Failed, Known::NotYet)
            }
            Outcome::NotYet(note) => {
                self.waiting.get_or_insert(note);
                (Standing::Waits, Known::NotYet)
            }
        };
        self.known.insert(component.to_owned(), known);
        self.came_to.insert(component.to_owned(), standing);
    }
}

fn part_step(planned: Planned) -> PartStep {
    let step = planned.step;
    PartStep {
        target: step.resource(),
        before: step.before_label(),
        after: planned.after,
        change: Change::InfrastructureBuild(Box::new(step)),
    }
}

fn told(part: &Part) -> String {
    match (part.failed.len(), part.steps.len()) {
        (0, 0) => "all infrastructure is as it should be".to_owned(),
        (0, 1) => "1 component of the infrastructure is to be changed".to_owned(),
        (0, steps) => format!("{steps} components of the infrastructure are to be changed"),
        (1, _) => "1 check of the infrastructure failed".to_owned(),
        (failed, _) => format!("{failed} checks of the infrastructure failed"),
    }
}
