//! What the phase does for a run of a migration; what it means is decided in
//! [`lockstep::migration`].
//!
//! A run is begun in the ledger before AWS is asked for anything, its task or build carries the
//! run's name, and how it ended is kept. So it is found again after every lost answer: by the
//! ledger, by the run's name, by the token that AWS remembers.

mod carried;
mod look;
mod undo;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use lockstep::migration::{Means, MigrationStep, Run, TaskEnd};
use lockstep::record::DeploymentRef;
use lockstep::{DeploymentId, Phase, PhaseError, Progress, WakeKey};
use lockstep_codebuild::CodeBuild;
use lockstep_ecs::Ecs;
use lockstep_ledger::Ledger;
use look::Look;

use crate::log::Logs;

/// How long everything around a run may take: starting its task or build, and stopping it.
const AROUND: Duration = Duration::from_mins(10);

/// Runs one migration, exactly once.
#[derive(Debug)]
pub(crate) struct MigratePhase {
    ecs: Ecs,
    logs: Logs,
    codebuild: CodeBuild,
    ledger: Ledger,
    /// What is waited for, as the start knows it that was made just now, until somebody asks.
    held_up: Mutex<Option<String>>,
}

impl MigratePhase {
    pub(crate) const fn new(ecs: Ecs, logs: Logs, codebuild: CodeBuild, ledger: Ledger) -> Self {
        Self {
            ecs,
            logs,
            codebuild,
            ledger,
            held_up: Mutex::new(None),
        }
    }

    /// Notes what is waited for, or takes the note away.
    fn hold_up(&self, note: Option<String>) -> Option<String> {
        let mut held_up = self.held_up.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *held_up, note)
    }

    /// That a run succeeded, where every later plan sees it; with `unless_closed` not after an
    /// undo began, which may have taken it back already.
    async fn remember(
        &self,
        step: &MigrationStep,
        end: &TaskEnd,
        unless_closed: bool,
    ) -> Result<(), PhaseError> {
        let me = deployment(step)?;
        let ran = self
            .ledger
            .migrated(&me.application, &me.environment, &step.component)
            .await?;
        if ran.has(step.run, &step.identity) {
            return Ok(());
        }
        let with = ran.with(step.mark(&end.task, Timestamp::now()));
        let name = step.run_name(step.run);
        let unless_closed = unless_closed.then_some(name.as_str());
        Ok(self
            .ledger
            .put_migrated(&me, &step.component, &with, unless_closed)
            .await?)
    }

    /// A contract that begins is owed until it succeeded.
    async fn owe(&self, step: &MigrationStep) -> Result<(), PhaseError> {
        let me = deployment(step)?;
        let ran = self
            .ledger
            .migrated(&me.application, &me.environment, &step.component)
            .await?;
        if ran.open.as_ref() == Some(&step.identity) {
            return Ok(());
        }
        let owing = ran.opening(&step.identity);
        Ok(self
            .ledger
            .put_migrated(&me, &step.component, &owing, None)
            .await?)
    }
}

impl Phase for MigratePhase {
    type Step = MigrationStep;

    /// The command's own time is watched by [`Phase::observe`], which stops its task; this one is
    /// for a task that does not even stop.
    fn deadline(&self, step: &MigrationStep) -> Duration {
        Duration::from_secs(step.timeout_seconds) * 2 + AROUND
    }

    fn wake_keys(&self, step: &MigrationStep) -> Vec<WakeKey> {
        let task = match &step.means {
            Means::Task(task) => task,
            Means::Build(build) => return vec![WakeKey::builds(&build.project)],
        };
        let runs = [step.run, Run::Undo];
        let used = match step.run {
            Run::Contract => 1,
            Run::Expand | Run::Undo => 2,
        };
        let key = |run| WakeKey::task(&task.cluster, &step.started_by(run));
        runs.into_iter().take(used).map(key).collect()
    }

    async fn start(&self, step: &MigrationStep) -> Result<(), PhaseError> {
        let me = deployment(step)?;
        let name = step.run_name(step.run);
        let begun = self
            .ledger
            .begin_migration(&me.id, &name, Timestamp::now())
            .await?;
        if begun.is_none() {
            return Err(PhaseError::Halted {
                by: "the undo of the same deployment".to_owned(),
            });
        }
        if step.run == Run::Contract {
            self.owe(step).await?;
        }
        let held_up = self.launch(step, step.run).await?;
        self.hold_up(held_up);
        Ok(())
    }

    /// Looks at the run's task or build. What is over its time is told to stop: that changes
    /// nothing of what is planned, and nobody else would.
    async fn observe(&self, step: &MigrationStep) -> Result<Progress, PhaseError> {
        let held_up = self.hold_up(None);
        match self.look(step, step.run).await? {
            Look::NotBegun | Look::NoTask { .. } => Ok(match held_up {
                Some(note) => Progress::Running { note },
                None => Progress::NotStarted,
            }),
            Look::Waits { note } => Ok(Progress::Running { note }),
            Look::Lost { since } => Err(lost(step, step.run, since)),
            Look::Ended { end, late } if end.succeeded && !late => {
                self.remember(step, &end, true).await?;
                Ok(Progress::Done {
                    summary: format!("ran {}", step.run_label(step.run)),
                })
            }
            Look::Ended { end, late: false } => Err(step.failure(step.run, &end)),
            Look::Ended { end, late: true } => Err(too_late(step, step.run, &end)),
        }
    }

    async fn undo(&self, step: &MigrationStep) -> Result<Progress, PhaseError> {
        match step.run {
            Run::Contract => Ok(Progress::Done {
                summary: "nothing goes back behind a contract".to_owned(),
            }),
            Run::Expand | Run::Undo => self.take_back(step).await,
        }
    }
}

/// Which deployment a step belongs to.
fn deployment(step: &MigrationStep) -> Result<DeploymentRef, PhaseError> {
    let id = DeploymentId::parse(&step.deployment).ok_or_else(|| PhaseError::InvalidRequest {
        field: "step.deployment".to_owned(),
        reason: format!("`{}` is no deployment's id", step.deployment),
    })?;
    Ok(DeploymentRef {
        id,
        application: step.application.clone(),
        environment: step.environment.clone(),
    })
}

/// Nobody can tell any more whether it ran, and it must not run twice.
fn lost(step: &MigrationStep, run: Run, since: Timestamp) -> PhaseError {
    let label = step.run_label(run);
    let reason = match &step.means {
        Means::Task(task) => format!(
            "its task was asked for at {since:.0}, and ECS, which shows stopped tasks for about an hour, does not show it (any more); \
             look in the log of {} in cluster {} whether {label} ran",
            task.family(),
            task.cluster,
        ),
        Means::Build(build) => format!(
            "its build was asked for at {since:.0}, and CodeBuild does not show it (any more); look in the history of project {} \
             whether {label} ran",
            build.project
        ),
    };
    PhaseError::Rejected {
        resource: step.resource(),
        reason,
    }
}

fn too_late(step: &MigrationStep, run: Run, end: &TaskEnd) -> PhaseError {
    let see = step.link(end).map(|link| format!(", see {link}"));
    PhaseError::DeadlineExceeded {
        what: format!(
            "{}: {} was stopped{}; it",
            step.resource(),
            step.run_label(run),
            see.unwrap_or_default()
        ),
        after: Duration::from_secs(step.timeout_seconds),
    }
}

#[cfg(test)]
mod tests;
