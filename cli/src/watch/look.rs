//! One look at a deployment: what phase it is in, and what that waits for.

use jiff::Timestamp;
use lockstep::DeploymentId;
use lockstep::image_build::FIRST;
use lockstep::plan::{Plan, Stage};
use lockstep::question::Question;
use lockstep::record::{DeploymentRecord, StepJournal};
use lockstep_ledger::LedgerError;

use super::history;
use super::timeline::{PhaseSpan, Timeline};
use crate::aws::Controller;
use crate::error::CliError;
use crate::view::question::is_asked;

/// The most recoveries that the watchdog starts for one deployment.
const RECOVERIES: usize = 5;

/// Looks at one deployment again and again, and remembers what does not change.
#[derive(Debug)]
pub struct Watcher {
    controller: Controller,
    id: DeploymentId,
    /// The execution and its recoveries, as far as they are known.
    executions: Vec<Execution>,
    plan: Option<Plan>,
}

#[derive(Debug, Default)]
struct Execution {
    arn: String,
    timeline: Timeline,
    known: bool,
}

/// What one look showed.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// When it was.
    pub at: Timestamp,
    /// The deployment's record; `None` until its trigger has run.
    pub record: Option<DeploymentRecord>,
    /// All phases so far, those of recoveries too.
    pub phases: Vec<PhaseSpan>,
    /// All messages that went out so far: the sending state's name and when.
    pub messages: Vec<(String, Timestamp)>,
    /// What the current phase waits for; empty when that is not known.
    pub waits_for: String,
    /// What it asks, and waits for the answer to.
    pub question: Option<Question>,
    /// The last execution that is known, and how it ended.
    pub timeline: Timeline,
    /// Whether that was a recovery.
    pub recovering: bool,
}

impl Look {
    /// The phase it is in.
    pub fn current(&self) -> Option<&PhaseSpan> {
        self.timeline.current()
    }

    /// Since when the deployment runs.
    pub fn started_at(&self) -> Option<Timestamp> {
        let record = self
            .record
            .as_ref()
            .map(|record| record.execution.started_at);
        record.or_else(|| self.phases.first().map(|phase| phase.started_at))
    }
}

impl Watcher {
    /// Watches the deployment that `execution` (its ARN) runs.
    pub fn new(controller: Controller, id: DeploymentId, execution: &str) -> Self {
        let first = Execution {
            arn: execution.to_owned(),
            ..Execution::default()
        };
        Self {
            controller,
            id,
            executions: vec![first],
            plan: None,
        }
    }

    /// The deployment.
    pub const fn id(&self) -> &DeploymentId {
        &self.id
    }

    /// The controller it belongs to.
    pub const fn controller(&self) -> &Controller {
        &self.controller
    }

    /// Looks once.
    pub async fn look(&mut self) -> Result<Look, CliError> {
        let ledger = self.controller.ledger.clone();
        let record = ledger
            .record(&self.id)
            .await
            .map_err(|error| self.failed(error))?;
        self.read_histories().await?;
        let concluded = record
            .as_ref()
            .is_some_and(|record| record.conclusion.is_some());
        let question = if concluded {
            None
        } else {
            self.question().await?
        };
        let waits_for = match &question {
            Some(question) => format!("an answer, until {}", question.until()),
            None if concluded => String::new(),
            None => self.waits_for(record.as_ref()).await?,
        };
        let timelines = || self.executions.iter().map(|execution| &execution.timeline);
        Ok(Look {
            at: Timestamp::now(),
            record,
            phases: timelines().flat_map(|it| it.phases.clone()).collect(),
            messages: timelines().flat_map(|it| it.messages.clone()).collect(),
            waits_for,
            question,
            timeline: self.last().timeline.clone(),
            recovering: self.executions.len() > 1,
        })
    }

    /// The builds of images, which come before the plan, and all steps of the plan, with their
    /// journals, as far as they are known.
    pub async fn steps(&mut self) -> Result<Vec<(lockstep::plan::Step, StepJournal)>, CliError> {
        let ledger = self.controller.ledger.clone();
        // Where stacks change, what runs on them is planned after they did.
        let is_whole = |plan: &Plan| plan.stage == Stage::Whole;
        if !self.plan.as_ref().is_some_and(is_whole) {
            self.plan = ledger
                .plan(&self.id)
                .await
                .map_err(|error| self.failed(error))?;
        }
        let builds = ledger.build_steps(&self.id).await;
        let builds = builds.map_err(|error| self.failed(error))?;
        let mut steps = Vec::new();
        let planned = self.plan.iter().flat_map(|plan| &plan.steps);
        for step in builds.iter().chain(planned) {
            let journal = ledger.journal(&self.id, step.number).await;
            steps.push((step.clone(), journal.map_err(|error| self.failed(error))?));
        }
        Ok(steps)
    }

    /// All questions so far, the first one first.
    pub async fn questions(&self) -> Result<Vec<Question>, CliError> {
        let questions = self.controller.ledger.questions(&self.id).await;
        questions.map_err(|error| self.failed(error))
    }

    /// What it asks now: only shifting traffic asks.
    async fn question(&self) -> Result<Option<Question>, CliError> {
        let current = self.last().timeline.current();
        if current.is_none_or(|phase| phase.phase != "traffic") {
            return Ok(None);
        }
        let now = Timestamp::now();
        let questions = self.questions().await?.into_iter();
        Ok(questions.rev().find(|it| is_asked(it, now)))
    }

    /// The histories that may have grown. An execution that ended without a verdict is
    /// followed by a recovery.
    async fn read_histories(&mut self) -> Result<(), CliError> {
        loop {
            let Some(execution) = self.executions.last_mut() else {
                return Ok(());
            };
            if execution.timeline.ended.is_none() {
                let read = history::update(
                    &self.controller.sfn,
                    &execution.arn,
                    &mut execution.timeline,
                );
                execution.known = read.await?;
            }
            if execution
                .timeline
                .ended
                .as_ref()
                .is_none_or(|ended| ended.status == "SUCCEEDED")
            {
                return Ok(());
            }
            match self.recovery().await? {
                Some(recovery) => self.executions.push(recovery),
                None => return Ok(()),
            }
        }
    }

    async fn recovery(&self) -> Result<Option<Execution>, CliError> {
        let number = self.executions.len();
        if number > RECOVERIES {
            return Ok(None);
        }
        let arn = recovery_arn(&self.executions[0].arn, &self.id, number);
        let mut timeline = Timeline::default();
        let known = history::update(&self.controller.sfn, &arn, &mut timeline).await?;
        Ok(known.then_some(Execution {
            arn,
            timeline,
            known,
        }))
    }

    async fn waits_for(&mut self, record: Option<&DeploymentRecord>) -> Result<String, CliError> {
        let Some(phase) = self.last().timeline.current().cloned() else {
            return Ok(String::new());
        };
        match (phase.phase, record) {
            ("lock", Some(record)) => self.lock_holder(record).await,
            (
                "builds" | "gates" | "infrastructure" | "migrate" | "rollout" | "gates after"
                | "contract" | "undo",
                _,
            ) => {
                let steps = self.steps().await?;
                let seen = steps
                    .iter()
                    .filter(|(step, _)| (step.number >= FIRST) == (phase.phase == "builds"))
                    .map(|(step, journal)| (step.target.as_str(), journal));
                Ok(under_way(seen, phase.phase == "undo"))
            }
            _ => Ok(phase.note),
        }
    }

    async fn lock_holder(&self, record: &DeploymentRecord) -> Result<String, CliError> {
        let me = &record.deployment;
        let state = self
            .controller
            .ledger
            .environment(&me.application, &me.environment)
            .await;
        let lock = state.map_err(|error| self.failed(error))?.lock;
        let holder = lock
            .and_then(|lock| lock.deployment)
            .filter(|holder| *holder != me.id);
        Ok(holder.map_or_else(String::new, |holder| {
            format!("deployment {holder} has {}", me.environment)
        }))
    }

    fn last(&self) -> &Execution {
        // There is always the first one.
        &self.executions[self.executions.len() - 1]
    }

    fn failed(&self, error: LedgerError) -> CliError {
        self.controller
            .explain(&format!("looking at deployment {}", self.id), error)
    }
}

/// The targets of the steps that are not finished, each with what was last seen of it.
fn under_way<'a>(steps: impl Iterator<Item = (&'a str, &'a StepJournal)>, undo: bool) -> String {
    let span = |journal: &StepJournal| {
        if undo {
            (journal.undo_started_at, journal.undone_at)
        } else {
            (journal.started_at, journal.finished_at)
        }
    };
    let told = steps.filter_map(
        |(target, journal)| match (span(journal), journal.note.as_str()) {
            ((_, Some(_)), _) => None,
            ((_, None), note) if note.starts_with(target) => Some(note.to_owned()),
            ((None, None), _) | (_, "") => Some(target.to_owned()),
            (_, note) => Some(format!("{target}: {note}")),
        },
    );
    told.collect::<Vec<_>>().join("; ")
}

/// A recovery's execution has the deployment's id and `-recovery`, from the second on with
/// a number, as its name.
fn recovery_arn(first: &str, id: &DeploymentId, number: usize) -> String {
    let machine = first.rsplit_once(':').map_or(first, |(machine, _)| machine);
    match number {
        1 => format!("{machine}:{id}-recovery"),
        number => format!("{machine}:{id}-recovery-{number}"),
    }
}

#[cfg(test)]
mod tests;
