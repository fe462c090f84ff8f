//! What the phase does to one component; what it means is decided in [`lockstep::build`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use lockstep::build::identity::Purpose;
use lockstep::build::{
    Build, BuildStep, Do, InfrastructureChange, Looked, Next, next, observe, undo_next,
};
use lockstep::record::DeploymentRef;
use lockstep::{Phase, PhaseError, Progress, WakeKey};
use lockstep_ledger::Ledger;

use crate::builds::Builds;
use crate::store::{Left, Store};

/// Has one component built.
#[derive(Debug)]
pub(crate) struct BuildPhase {
    ledger: Ledger,
    builds: Builds,
    store: Store,
    /// What is waited for, as the start knows it that was made just now, until somebody asks.
    held_up: Mutex<Option<String>>,
}

/// How often one invocation looks and acts at most: more than any way through takes. What is left
/// is done by the next one.
const ROUNDS: usize = 12;

impl BuildPhase {
    pub(crate) const fn new(ledger: Ledger, builds: Builds, store: Store) -> Self {
        Self {
            ledger,
            builds,
            store,
            held_up: Mutex::new(None),
        }
    }

    /// Looks and acts by turns until there is nothing to do but to wait. No call is made twice in
    /// a row: it was taken, and only does not show yet.
    async fn go_on(&self, step: &BuildStep, undo: bool) -> Result<Progress, PhaseError> {
        let mut made = None;
        for _ in 0..ROUNDS {
            let looked = self.look(step, undo).await?;
            let decided = if undo {
                undo_next(step, &looked)?
            } else {
                next(step, &looked)?
            };
            match decided {
                Next::Act(action) if made.as_ref() == Some(&action) => break,
                Next::Act(action) => {
                    if let Some(note) = self.act(step, &looked, &action).await? {
                        return Ok(Progress::Running { note });
                    }
                    made = Some(action);
                }
                Next::Wait { note } => return Ok(Progress::Running { note }),
                Next::Done { summary } => return Ok(Progress::Done { summary }),
            }
        }
        Ok(Progress::Running {
            note: "CodeBuild was asked for a build; it does not show it yet".to_owned(),
        })
    }

    /// Makes one call. Why it could not be made yet, where that passes by itself.
    async fn act(
        &self,
        step: &BuildStep,
        looked: &Looked,
        action: &Do,
    ) -> Result<Option<String>, PhaseError> {
        tracing::info!(target = step.resource(), action = ?action, "acting");
        match action {
            Do::Start(purpose) => self.begin(step, looked, *purpose).await,
            Do::Record(record) => {
                let (deployment, component) = (reference(step), &step.component);
                let ledger = &self.ledger;
                let put = ledger.put_build_record(&deployment, component, &looked.record, record);
                // Where somebody else was quicker, the next look shows it.
                put.await?.is_written()?;
                Ok(None)
            }
        }
    }

    async fn begin(
        &self,
        step: &BuildStep,
        looked: &Looked,
        purpose: Purpose,
    ) -> Result<Option<String>, PhaseError> {
        let Some((project, source, variables)) = step.build(purpose, &looked.variables) else {
            return Err(PhaseError::InvalidRequest {
                field: "before".to_owned(),
                reason: format!("{} was not applied before", step.resource()),
            });
        };
        if purpose.is_plan() {
            let work = step.work_of(purpose.is_undo());
            self.store.put_variables(&work, variables).await?;
        }
        self.builds.start(step, purpose, project, source).await
    }

    /// Looks at the step's builds, at what they left, and at what the ledger knows.
    async fn look(&self, step: &BuildStep, undo: bool) -> Result<Looked, PhaseError> {
        let mut purposes = vec![Purpose::Apply];
        if step.planned.is_none() {
            purposes.push(Purpose::Plan);
        }
        if undo {
            purposes.extend([Purpose::UndoPlan, Purpose::UndoApply]);
        }
        // Why the change failed was told when it failed.
        let told = purposes.iter().copied();
        let told: Vec<_> = told.filter(|it| it.is_undo() == undo).collect();
        let mut builds = self.builds.find(step, &purposes, &told).await?;
        let (plan, apply) = (
            builds.remove(&Purpose::Plan),
            builds.remove(&Purpose::Apply),
        );
        let (undo_plan, undo_apply) = (
            builds.remove(&Purpose::UndoPlan),
            builds.remove(&Purpose::UndoApply),
        );
        let left = self.left(step, false, plan.as_ref(), apply.as_ref());
        let (changes, outputs) = left.await?;
        let left = self.left(step, true, undo_plan.as_ref(), undo_apply.as_ref());
        let (undo_changes, undo_outputs) = left.await?;
        Ok(Looked {
            now: Timestamp::now(),
            plan,
            apply,
            undo_plan,
            undo_apply,
            changes,
            outputs,
            undo_changes,
            undo_outputs,
            // The way back has variables of its own, and needs no other component.
            variables: if undo {
                BTreeMap::new()
            } else {
                self.variables(step).await?
            },
            record: self.record(step, &step.component).await?,
        })
    }

    /// What the builds left, as soon as they succeeded. A plan of nothing tells the outputs, too.
    async fn left(
        &self,
        step: &BuildStep,
        undo: bool,
        plan: Option<&Build>,
        apply: Option<&Build>,
    ) -> Result<
        (
            Option<Left<Vec<InfrastructureChange>>>,
            Option<Left<BTreeMap<String, String>>>,
        ),
        PhaseError,
    > {
        let work = step.work_of(undo);
        let changes = match plan {
            Some(plan) if plan.has_succeeded() => Some(self.store.changes(&work).await?),
            _ => None,
        };
        let is_empty = changes
            .as_ref()
            .is_some_and(|it| it.as_ref().is_ok_and(Vec::is_empty));
        let is_told = match apply {
            Some(apply) => apply.has_succeeded(),
            None => is_empty,
        };
        let outputs = if is_told {
            Some(self.store.outputs(&work).await?)
        } else {
            None
        };
        Ok((changes, outputs))
    }

    /// The variables. Those that are outputs of other components are read now: the components
    /// before this one have been applied by the steps before it.
    async fn variables(&self, step: &BuildStep) -> Result<BTreeMap<String, String>, PhaseError> {
        let mut outputs = BTreeMap::new();
        for component in step.takes_from() {
            let record = self.record(step, component).await?;
            let applied = record.applied.map(|it| it.outputs);
            outputs.insert(component.to_owned(), applied.unwrap_or_default());
        }
        step.resolved(&outputs)
    }

    async fn record(
        &self,
        step: &BuildStep,
        component: &str,
    ) -> Result<lockstep::build::BuildRecord, PhaseError> {
        let (application, environment) = (&step.application, &step.environment);
        let record = self
            .ledger
            .build_record(application, environment, component);
        Ok(record.await?)
    }

    /// Notes what is waited for, or takes the note away.
    fn hold_up(&self, note: Option<String>) -> Option<String> {
        let mut held_up = self.held_up.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *held_up, note)
    }
}

fn reference(step: &BuildStep) -> DeploymentRef {
    DeploymentRef {
        id: step.deployment.clone(),
        application: step.application.clone(),
        environment: step.environment.clone(),
    }
}

impl Phase for BuildPhase {
    type Step = BuildStep;

    fn deadline(&self, step: &BuildStep) -> Duration {
        Duration::from_secs(step.deadline_seconds)
    }

    fn wake_keys(&self, step: &BuildStep) -> Vec<WakeKey> {
        let before = step.before.applied.as_ref().map(|it| &it.project);
        let projects = [&step.project].into_iter().chain(before);
        let names: BTreeSet<_> = projects.flat_map(|it| [&it.plan, &it.apply]).collect();
        names.into_iter().map(|it| WakeKey::builds(it)).collect()
    }

    /// Makes one call after the other, with a look before each, until CodeBuild is at work or
    /// nothing is left to do.
    async fn start(&self, step: &BuildStep) -> Result<(), PhaseError> {
        if let Progress::Running { note } = self.go_on(step, false).await? {
            self.hold_up(Some(note));
        }
        Ok(())
    }

    async fn observe(&self, step: &BuildStep) -> Result<Progress, PhaseError> {
        let held_up = self.hold_up(None);
        let seen = observe(step, &self.look(step, false).await?)?;
        Ok(match (seen, held_up) {
            (Progress::NotStarted, Some(note)) => Progress::Running { note },
            (seen, _) => seen,
        })
    }

    async fn undo(&self, step: &BuildStep) -> Result<Progress, PhaseError> {
        self.go_on(step, true).await
    }
}

#[cfg(test)]
mod tests;
