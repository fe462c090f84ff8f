//! What the phase does for a run of a migration; what it means is decided in
//! [`lockstep::migration`].
//!
//! A run is begun in the ledger before ECS is asked for anything, its task carries the run's
//! name, and how it ended is kept. So it is found again after every lost answer: by the ledger,
//! by the task's name, by the token that ECS remembers.

mod look;
mod undo;

use std::time::Duration;

use jiff::Timestamp;
use lockstep::migration::{MigrationStep, Run, TaskEnd};
use lockstep::record::DeploymentRef;
use lockstep::{DeploymentId, Phase, PhaseError, Progress, WakeKey};
use lockstep_ecs::Ecs;
use lockstep_ledger::Ledger;
use look::Look;

use crate::log::Logs;

/// How long everything around a command may take: starting its task, and stopping it.
const AROUND: Duration = Duration::from_mins(10);

/// Runs one command, exactly once.
#[derive(Debug)]
pub(crate) struct MigratePhase {
    pub(crate) ecs: Ecs,
    pub(crate) logs: Logs,
    pub(crate) ledger: Ledger,
}

impl MigratePhase {
    /// Registers the one-shot definition, unless an earlier attempt did, and starts the task.
    async fn launch(&self, step: &MigrationStep, run: Run) -> Result<(), PhaseError> {
        let Some(command) = step.command_of(run) else {
            return Ok(());
        };
        let id = deployment(step)?;
        let revision = self.ecs.one_shot_revision(&step.task_definition).await?;
        let input = step.run_input(run, command, &revision);
        tracing::info!(target = step.resource(), revision, "starting the task");
        if let Some(task) = self.ecs.run_task(&input).await? {
            let name = step.run_name(run);
            self.ledger
                .note_migration_task(&id.id, &name, &task)
                .await?;
        }
        Ok(())
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
        let runs = [step.run, Run::Undo];
        let used = match step.run {
            Run::Contract => 1,
            Run::Expand | Run::Undo => 2,
        };
        let key = |run| WakeKey::task(&step.cluster, &step.started_by(run));
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
        self.launch(step, step.run).await
    }

    /// Looks at the run's task. A command whose time is over is told to stop: that changes
    /// nothing of what is planned, and nobody else would.
    async fn observe(&self, step: &MigrationStep) -> Result<Progress, PhaseError> {
        match self.look(step, step.run).await? {
            Look::NotBegun | Look::NoTask { .. } => Ok(Progress::NotStarted),
            Look::Waits { note } => Ok(Progress::Running { note }),
            Look::Lost { since } => Err(lost(step, since)),
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

/// Nobody can tell any more whether a command ran, and it must not run twice.
fn lost(step: &MigrationStep, since: Timestamp) -> PhaseError {
    PhaseError::Rejected {
        resource: step.resource(),
        reason: format!(
            "its task was asked for at {since:.0}, and ECS, which shows stopped tasks for about an hour, does not show it (any more); \
             look in the log of {} in cluster {} whether {} ran",
            step.family(),
            step.cluster,
            step.run_label(step.run)
        ),
    }
}

fn too_late(step: &MigrationStep, run: Run, end: &TaskEnd) -> PhaseError {
    PhaseError::DeadlineExceeded {
        what: format!(
            "{}: {} was stopped, see {}; it",
            step.resource(),
            step.run_label(run),
            step.log_link(&end.task)
        ),
        after: Duration::from_secs(step.timeout_seconds),
    }
}

#[cfg(test)]
mod tests;
