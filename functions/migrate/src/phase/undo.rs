//! Taking a run back.

use jiff::{SignedDuration, Timestamp};
use lockstep::ecs::short_name;
use lockstep::migration::{MigrationStep, Run, TaskEnd};
use lockstep::plan::Change;
use lockstep::{PhaseError, Progress};

use super::look::Look;
use super::{MigratePhase, deployment, lost, too_late};

/// No call of this function takes longer: what was begun and has asked ECS for nothing by then
/// never will.
const LONGEST_CALL: SignedDuration = SignedDuration::from_secs(30);

impl MigratePhase {
    /// Makes sure that the run does not begin any more, or is over. One that succeeded is taken
    /// back by the manifest's command where it has one, once the old release serves again; one
    /// that failed is not, since nobody knows what there is to take back.
    pub(super) async fn take_back(&self, step: &MigrationStep) -> Result<Progress, PhaseError> {
        let id = deployment(step)?.id;
        let (name, now) = (step.run_name(step.run), Timestamp::now());
        let record = self.ledger.close_migration(&id, &name, now).await?;
        match self.look_at(step, step.run, &record, now).await? {
            Look::NotBegun => Ok(done("it did not run")),
            Look::NoTask { since } if now.duration_since(since) < LONGEST_CALL => {
                Ok(waiting("making sure that its task does not start any more"))
            }
            Look::NoTask { .. } => Ok(done("it did not run: its task was never started")),
            Look::Lost { since } => Err(lost(step, since)),
            Look::Waits { note } => {
                let record = self.ledger.migration_run(&id, &name).await?;
                if let Some(task) = self.find(step, step.run, &record).await?
                    && !task.is_over()
                {
                    let reason = format!("Lockstep: deployment {id} is being put back");
                    self.ecs
                        .stop_task(&step.cluster, task.arn(), &reason)
                        .await?;
                    let task = short_name(task.arn());
                    return Ok(waiting(&format!("its task {task} is being stopped")));
                }
                Ok(waiting(&note))
            }
            Look::Ended { end, .. } if !end.ran => Ok(done("it did not run")),
            Look::Ended { end, .. } if !end.succeeded => Ok(done(&half_done(step))),
            Look::Ended { end, .. } => self.run_undo(step, &end).await,
        }
    }

    /// Runs the command that takes back a run that succeeded.
    async fn run_undo(&self, step: &MigrationStep, end: &TaskEnd) -> Result<Progress, PhaseError> {
        if step.undo.is_none() {
            self.remember(step, end, false).await?;
            return Ok(done(
                "it stays: the manifest has no `undo` command, and the old release goes on with the new schema",
            ));
        }
        let me = deployment(step)?;
        let name = step.run_name(Run::Undo);
        match self.look(step, Run::Undo).await? {
            Look::NotBegun => {
                self.only_when_all_is_back(step).await?;
                let now = Timestamp::now();
                self.ledger.begin_migration(&me.id, &name, now).await?;
                self.launch(step, Run::Undo).await?;
                Ok(waiting("its undo command begins"))
            }
            Look::NoTask { .. } => {
                self.launch(step, Run::Undo).await?;
                Ok(waiting("its undo command begins"))
            }
            Look::Waits { note } => Ok(waiting(&format!("its undo: {note}"))),
            Look::Lost { since } => Err(lost(step, since)),
            Look::Ended { end, .. } if end.succeeded => {
                let ran = self
                    .ledger
                    .migrated(&me.application, &me.environment, &step.component)
                    .await?;
                if ran.has(step.run, &step.identity) {
                    let without = ran.without(step.run, &step.identity);
                    self.ledger
                        .put_migrated(&me, &step.component, &without, None)
                        .await?;
                }
                Ok(done(&format!("undone by {}", step.run_label(Run::Undo))))
            }
            Look::Ended { end, late: true } => Err(too_late(step, Run::Undo, &end)),
            Look::Ended { end, late: false } => Err(step.failure(Run::Undo, &end)),
        }
    }

    /// What may still run the new release needs the new schema.
    async fn only_when_all_is_back(&self, step: &MigrationStep) -> Result<(), PhaseError> {
        let id = deployment(step)?.id;
        let plan = self.ledger.plan(&id).await?;
        let steps = plan.map(|plan| plan.steps).unwrap_or_default();
        for other in steps {
            let runs = matches!(other.change, Change::Service(_) | Change::Functions(_));
            if runs
                && self
                    .ledger
                    .journal(&id, other.number)
                    .await?
                    .undone_at
                    .is_none()
            {
                return Err(PhaseError::Rejected {
                    resource: step.resource(),
                    reason: format!(
                        "its undo command was not run: {} is not back on the old release and may need the new schema",
                        other.target
                    ),
                });
            }
        }
        Ok(())
    }
}

/// What is known after a run that did not end well.
fn half_done(step: &MigrationStep) -> String {
    let undo = if step.undo.is_some() {
        "; its `undo` command was not run, since nobody knows how far it came"
    } else {
        ""
    };
    format!("it did not finish, and the schema is as it left it{undo}")
}

fn done(summary: &str) -> Progress {
    Progress::Done {
        summary: summary.to_owned(),
    }
}

fn waiting(note: &str) -> Progress {
    Progress::Running {
        note: note.to_owned(),
    }
}
