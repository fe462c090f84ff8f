//! One look at a run: the ledger, and its task or build.

use jiff::{SignedDuration, Timestamp};
use lockstep::PhaseError;
use lockstep::migration::{Means, MigrationStep, Run, TaskEnd};
use lockstep_ledger::MigrationRun;

use super::carried::{Carried, is_late};
use super::{MigratePhase, deployment};

/// ECS remembers a client token until an hour after its task has stopped. Asking again for a task
/// that nobody has seen is safe well before that, and never afterwards.
const ASK_AGAIN: SignedDuration = SignedDuration::from_mins(45);

/// How long ECS may take to show a task that it started, or CodeBuild a build.
const SHOWN_WITHIN: SignedDuration = SignedDuration::from_mins(2);

/// The last lines of a log can come this much later than the end of its task.
const LOG_WITHIN: SignedDuration = SignedDuration::from_secs(5);

/// What a look at a run shows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing was asked for.
    NotBegun,
    /// It was begun, and no task or build of it is known; asking again starts at most one.
    NoTask {
        /// Since when.
        since: Timestamp,
    },
    /// It is not over.
    Waits {
        /// What is waited for.
        note: String,
    },
    /// Nobody can tell any more what became of it.
    Lost {
        /// When it was begun.
        since: Timestamp,
    },
    /// It is over.
    Ended {
        /// How.
        end: TaskEnd,
        /// Whether it was stopped because its time was over.
        late: bool,
    },
}

impl MigratePhase {
    /// Looks at a run, keeps what is new about it, and tells a task to stop whose time is over.
    pub(super) async fn look(&self, step: &MigrationStep, run: Run) -> Result<Look, PhaseError> {
        let id = deployment(step)?.id;
        let name = step.run_name(run);
        let record = self.ledger.migration_run(&id, &name).await?;
        self.look_at(step, run, &record, Timestamp::now()).await
    }

    /// [`Self::look`], at a run as the ledger has it.
    pub(super) async fn look_at(
        &self,
        step: &MigrationStep,
        run: Run,
        record: &MigrationRun,
        now: Timestamp,
    ) -> Result<Look, PhaseError> {
        let Some(since) = record.begun_at else {
            return Ok(Look::NotBegun);
        };
        if let Some(end) = record.end.clone() {
            let late = is_late(&end);
            return Ok(Look::Ended { end, late });
        }
        let age = now.duration_since(since);
        let Some(carried) = self.find(step, run, record).await? else {
            // CodeBuild shows builds for a year, so that what it does not show was not started.
            let ask_again = matches!(step.means, Means::Build(_)) || age < ASK_AGAIN;
            return Ok(match record.task {
                Some(_) if age < SHOWN_WITHIN => Look::Waits {
                    note: "AWS does not show what was started yet".to_owned(),
                },
                None if ask_again => Look::NoTask { since },
                _ => Look::Lost { since },
            });
        };
        if carried.is_over() {
            return self.end(step, run, record, &carried, now).await;
        }
        let limit = i64::try_from(step.timeout_seconds).unwrap_or(i64::MAX);
        let used = now.duration_since(carried.since().unwrap_or(since));
        if used > SignedDuration::from_secs(limit) {
            self.stop_late(step, run, &carried).await?;
            return Ok(Look::Waits {
                note: format!("its time is over, and {} is being stopped", carried.named()),
            });
        }
        Ok(Look::Waits {
            note: carried.note(),
        })
    }

    /// Keeps how it ended, with the end of its log where it did not succeed.
    async fn end(
        &self,
        step: &MigrationStep,
        run: Run,
        record: &MigrationRun,
        carried: &Carried,
        now: Timestamp,
    ) -> Result<Look, PhaseError> {
        let mut end = carried.end(step, record);
        if end.ran && !end.succeeded && self.has_log(step, carried) {
            end.log = self.log_tail(step, carried).await;
            let ended = carried.ended_at();
            let soon = ended.is_some_and(|at| now.duration_since(at) < LOG_WITHIN);
            if end.log.is_empty() && soon {
                return Ok(Look::Waits {
                    note: format!(
                        "{} is over; the end of its log is on its way",
                        carried.named()
                    ),
                });
            }
        }
        let id = deployment(step)?.id;
        let end = self
            .ledger
            .end_migration(&id, &step.run_name(run), &end)
            .await?;
        let late = is_late(&end);
        Ok(Look::Ended { end, late })
    }
}
