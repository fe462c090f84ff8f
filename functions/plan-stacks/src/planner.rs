//! From the ledger's records and the account's stacks to a part of a plan.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use lockstep::live::{is_published, live_path};
use lockstep::manifest::{ResolvedEnvironment, ResolvedStack};
use lockstep::plan::{Change, Part, PartStep};
use lockstep::record::DeploymentRef;
use lockstep::stack::{StackStep, identity};
use lockstep::{Check, Only, PhaseError};
use lockstep_cloudformation::CloudFormation;
use lockstep_handler::{environment_of, hold_lock, parse, record_of};
use lockstep_ledger::Ledger;
use lockstep_parameters::Parameters;
use lockstep_sources::{Known, Sources, Values, or_check};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::bucket::Bucket;
use crate::labels;
use crate::progress::{Budget, Progress};
use crate::stack::{Outcome, Planned, Wanted};

/// The kind of targets under which the part is stored.
const OF: &str = "stacks";

/// The part that the planner of infrastructure stores before.
const BUILDS: &str = "infrastructure";

/// The payload of the PlanStacks state.
#[derive(Debug, Deserialize)]
struct Request {
    deployment: DeploymentRef,
    fence: u64,
    progress: Option<Progress>,
}

/// Plans the stacks of deployments.
#[derive(Debug)]
pub(crate) struct Planner {
    pub(crate) ledger: Ledger,
    pub(crate) cloudformation: CloudFormation,
    pub(crate) bucket: Bucket,
    pub(crate) values: Values,
    pub(crate) parameters: Parameters,
    /// The role that CloudFormation uses where the manifest names none.
    pub(crate) role: Option<String>,
    /// The name of the controller's own stack.
    pub(crate) controller: String,
}

/// What one look at all stacks came to.
enum Look {
    /// The part of the plan is stored.
    Passed(String),
    /// Something is to be waited for.
    Again(String),
}

impl Planner {
    /// One invocation: one look.
    pub(crate) async fn handle(&self, payload: Value) -> Result<Value, PhaseError> {
        let request: Request = parse(payload)?;
        let deployment = &request.deployment;
        hold_lock(&self.ledger, deployment, request.fence, false).await?;
        let now = Timestamp::now();
        let mut progress = request.progress.unwrap_or_else(|| Progress::begin(now));
        let look = if self.ledger.part(&deployment.id, OF).await?.is_some() {
            Look::Passed("the stacks were planned before".to_owned())
        } else {
            self.plan(deployment, &mut progress, now).await?
        };
        let (status, wait_seconds, progress, note) = match look {
            Look::Passed(note) => ("passed", 0, None, note),
            Look::Again(note) => ("running", progress.pause(now), Some(progress), note),
        };
        tracing::info!(deployment = deployment.id.as_str(), status, "{note}");
        Ok(
            json!({"status": status, "wait_seconds": wait_seconds, "progress": progress, "note": note}),
        )
    }

    async fn plan(
        &self,
        deployment: &DeploymentRef,
        progress: &mut Progress,
        now: Timestamp,
    ) -> Result<Look, PhaseError> {
        let record = record_of(&self.ledger, deployment).await?;
        let environment = environment_of(&self.ledger, deployment, record.manifest_version).await?;
        let current = self
            .ledger
            .current_release(&deployment.application, &deployment.environment)
            .await?;
        let verified = current.map_or_else(BTreeMap::new, |it| it.release.artifacts);
        let mut seen = Seen {
            known: self.known(deployment, &environment).await?,
            ..Seen::default()
        };
        let needed = record.only.needs(&environment);
        seen.failed.extend(unbuilt(&seen.known, &needed));
        let (budget, known_before) = (Budget::begin(), progress.clone());
        for (component, resolved) in environment.stacks_in_order() {
            if !record.only.has(component) {
                if needed.contains(component) {
                    let outcome = self.left_alone(component, resolved).await?;
                    seen.take(component, outcome);
                }
                continue;
            }
            if budget.is_used_up() {
                seen.waiting
                    .get_or_insert_with(|| "there are more stacks to look at".to_owned());
                break;
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
                progress: &known_before,
                now,
            };
            let outcome = self.look(wanted).await?;
            if matches!(outcome, Outcome::Unchanged(_)) {
                progress.unchanged.insert(component.to_owned());
            }
            seen.take(component, outcome);
        }
        if let (Some(note), true) = (&seen.waiting, seen.failed.is_empty()) {
            return Ok(Look::Again(note.clone()));
        }
        let part = record.only.part_of(&environment);
        let conflicts = self.conflicts(deployment, &part).await?;
        seen.failed.extend(conflicts);
        let part = self.part(seen).await?;
        self.ledger.put_part(&deployment.id, OF, &part).await?;
        Ok(Look::Passed(told(&part)))
    }

    /// A stack that the deployment is not about, and whose outputs it takes: as it is.
    async fn left_alone(
        &self,
        component: &str,
        resolved: &ResolvedStack,
    ) -> Result<Outcome, PhaseError> {
        let live = match or_check(self.cloudformation.stack(&resolved.stack).await)? {
            Ok(live) => live,
            Err(check) => return Ok(Outcome::Failed(vec![check])),
        };
        let live = live.filter(|live| !live.status.is_deleted());
        Ok(match live {
            Some(live) => Outcome::Unchanged(live.outputs),
            None => Outcome::Failed(vec![Only::missing(format!("stack {component}"))]),
        })
    }

    /// What is known of the infrastructure that CodeBuild builds. It comes before the stacks, so that
    /// what of it changes gives its outputs only then.
    async fn known(
        &self,
        deployment: &DeploymentRef,
        environment: &ResolvedEnvironment,
    ) -> Result<BTreeMap<String, Known>, PhaseError> {
        let mut known = BTreeMap::new();
        if environment.infrastructure.is_empty() {
            return Ok(known);
        }
        let part = self.ledger.part(&deployment.id, BUILDS).await?;
        let steps = part.unwrap_or_default().steps;
        let changes = |component: &str| {
            let mut builds = steps.iter().filter_map(|step| step.change.as_build());
            builds.any(|build| build.component == component)
        };
        for component in environment.infrastructure.keys() {
            let (application, environment) = (&deployment.application, &deployment.environment);
            let record = self
                .ledger
                .build_record(application, environment, component);
            let outputs = record.await?.certain().map(|it| it.outputs.clone());
            let outputs = outputs.filter(|_| !changes(component));
            let outputs = outputs.map_or(Known::NotYet, Known::Outputs);
            known.insert(component.clone(), outputs);
        }
        Ok(known)
    }

    /// What is published for others must not be somebody else's: all that is there below the
    /// environment's path is looked at, because outputs of stacks are not known before these changed.
    async fn conflicts(
        &self,
        deployment: &DeploymentRef,
        environment: &ResolvedEnvironment,
    ) -> Result<Vec<Check>, PhaseError> {
        let path = live_path(deployment);
        let is_written = |name: &str| is_published(deployment, environment, name);
        let parameters = &self.parameters;
        parameters.conflicts(deployment, &path, is_written).await
    }

    /// The part of the plan. Where there can be none, nobody will execute the change sets.
    async fn part(&self, seen: Seen) -> Result<Part, PhaseError> {
        if seen.failed.is_empty() {
            let steps = seen.steps.into_iter();
            return Ok(Part {
                steps: steps.map(part_step).collect(),
                failed: Vec::new(),
            });
        }
        for planned in &seen.steps {
            self.forget(&planned.step).await?;
        }
        Ok(Part {
            steps: Vec::new(),
            failed: seen.failed,
        })
    }

    /// Deletes the change set that was made for the plan, if there is one.
    pub(crate) async fn forget(&self, step: &StackStep) -> Result<(), PhaseError> {
        let name = identity::change_set(&step.deployment, false);
        self.cloudformation
            .delete_change_set(&step.stack, &name)
            .await
            .map(drop)
    }
}

/// What was seen of the stacks so far.
#[derive(Default)]
struct Seen {
    known: BTreeMap<String, Known>,
    steps: Vec<Planned>,
    failed: Vec<Check>,
    /// The first thing that is waited for.
    waiting: Option<String>,
}

impl Seen {
    fn take(&mut self, component: &str, outcome: Outcome) {
        self.known.insert(component.to_owned(), outcome.known());
        match outcome {
            Outcome::Unchanged(_) => {}
            Outcome::Step(planned) => self.steps.push(*planned),
            Outcome::Failed(mut failed) => self.failed.append(&mut failed),
            Outcome::NotYet(note) => drop(self.waiting.get_or_insert(note)),
        }
    }
}

/// The infrastructure whose outputs the deployment takes, which it is not about, and which was
/// not built to the end.
fn unbuilt(known: &BTreeMap<String, Known>, needed: &BTreeSet<String>) -> Vec<Check> {
    let open = known
        .iter()
        .filter(|(name, known)| needed.contains(*name) && **known == Known::NotYet);
    open.map(|(name, _)| Only::missing(format!("infrastructure {name}")))
        .collect()
}

fn part_step(planned: Planned) -> PartStep {
    let step = &planned.step;
    PartStep {
        target: step.resource(),
        before: labels::before(step),
        after: labels::after(step, planned.cure.as_deref()),
        change: Change::Stack(Box::new(planned.step)),
    }
}

fn told(part: &Part) -> String {
    match (part.failed.len(), part.steps.len()) {
        (0, 0) => "all stacks are as they should be".to_owned(),
        (0, 1) => "1 stack is to be changed".to_owned(),
        (0, steps) => format!("{steps} stacks are to be changed"),
        (1, _) => "1 check of the stacks failed".to_owned(),
        (failed, _) => format!("{failed} checks of the stacks failed"),
    }
}
