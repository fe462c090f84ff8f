//! Taking a run back.

use jiff::{SignedDuration, Timestamp};
use lockstep::migration::{Means, MigrationStep, Run, TaskEnd};
use lockstep::plan::Change;
use lockstep::{PhaseError, Progress};

use super::look::Look;
use super::{MigratePhase, deployment, lost, too_late};

/// No call of this function takes longer: what was begun and has asked AWS for nothing by then
/// never will.
const LONGEST_CALL: SignedDuration = SignedDuration::from_secs(30);

impl MigratePhase {
    /// Makes sure that the run does not begin any more, or is over. One that succeeded is taken
    /// back by the manifest's `undo` where it has one, once the old release serves again; one
    /// that failed is not, since nobody knows what there is to take back.
    pub(super) async fn take_back(&self, step: &MigrationStep) -> Result<Progress, PhaseError> {
        let id = deployment(step)?.id;
        let (name, now) = (step.run_name(step.run), Timestamp::now());
        let record = self.ledger.close_migration(&id, &name, now).await?;
        match self.look_at(step, step.run, &record, now).await? {
            Look::NotBegun => Ok(done("it did not run")),
            Look::NoTask { since } if now.duration_since(since) < LONGEST_CALL => {
                Ok(waiting("making sure that nothing of it starts any more"))
            }
            Look::NoTask { .. } => Ok(done("it did not run: nothing of it was ever started")),
            Look::Lost { since } => Err(lost(step, step.run, since)),
            Look::Waits { note } => {
                let record = self.ledger.migration_run(&id, &name).await?;
                if let Some(carried) = self.find(step, step.run, &record).await?
                    && !carried.is_over()
                {
                    let reason = format!("Lockstep: deployment {id} is being put back");
                    self.stop(step, &carried, &reason).await?;
                    let named = carried.named();
                    return Ok(waiting(&format!("its {named} is being stopped")));
                }
                Ok(waiting(&note))
            }
            Look::Ended { end, .. } if !end.ran => Ok(done("it did not run")),
            Look::Ended { end, .. } if !end.succeeded => Ok(done(&half_done(step))),
            Look::Ended { end, .. } => self.run_undo(step, &end).await,
        }
    }

    /// Runs what takes back a run that succeeded.
    async fn run_undo(&self, step: &MigrationStep, end: &TaskEnd) -> Result<Progress, PhaseError> {
        if !step.has_undo() {
            self.remember(step, end, false).await?;
            return Ok(done(
                "it stays: the manifest has no `undo`, and the old release goes on with the new schema",
            ));
        }
        let me = deployment(step)?;
        let name = step.run_name(Run::Undo);
        match self.look(step, Run::Undo).await? {
            Look::NotBegun => {
                self.only_when_all_is_back(step).await?;
                let now = Timestamp::now();
                self.ledger.begin_migration(&me.id, &name, now).await?;
                self.launch_undo(step).await
            }
            Look::NoTask { .. } => self.launch_undo(step).await,
            Look::Waits { note } => Ok(waiting(&format!("its undo: {note}"))),
            Look::Lost { since } => Err(lost(step, Run::Undo, since)),
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

    async fn launch_undo(&self, step: &MigrationStep) -> Result<Progress, PhaseError> {
        let held_up = self.launch(step, Run::Undo).await?;
        let begins = match &step.means {
            Means::Task(_) => "its undo command begins",
            Means::Build(_) => "the build of its undo begins",
        };
        Ok(waiting(&held_up.unwrap_or_else(|| begins.to_owned())))
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
                        "its undo was not run: {} is not back on the old release and may need the new schema",
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
    let undo = if step.has_undo() {
        "; its `undo` was not run, since nobody knows how far it came"
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
