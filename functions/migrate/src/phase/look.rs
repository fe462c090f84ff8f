//! One look at a run: the ledger, and its task.

use jiff::{SignedDuration, Timestamp};
use lockstep::PhaseError;
use lockstep::ecs::short_name;
use lockstep::migration::{MigrationStep, OneShotTask, Run, TaskEnd};
use lockstep_ledger::MigrationRun;

use super::{MigratePhase, deployment};

/// ECS remembers a client token until an hour after its task has stopped. Asking again for a task
/// that nobody has seen is safe well before that, and never afterwards.
const ASK_AGAIN: SignedDuration = SignedDuration::from_mins(45);

/// How long ECS may take to show a task that it started.
const SHOWN_WITHIN: SignedDuration = SignedDuration::from_mins(2);

/// The last lines of a log can come this much later than the end of its task.
const LOG_WITHIN: SignedDuration = SignedDuration::from_secs(5);

/// What a look at a run shows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing was asked for.
    NotBegun,
    /// It was begun, and no task of it is known; asking again starts at most one.
    NoTask {
        /// Since when.
        since: Timestamp,
    },
    /// Its task has not stopped.
    Waits {
        /// What is waited for.
        note: String,
    },
    /// Nobody can tell any more what became of it.
    Lost {
        /// When it was begun.
        since: Timestamp,
    },
    /// Its task has stopped.
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
        let Some(task) = self.find(step, run, record).await? else {
            return Ok(match record.task {
                Some(_) if age < SHOWN_WITHIN => Look::Waits {
                    note: "ECS does not show its task yet".to_owned(),
                },
                None if age < ASK_AGAIN => Look::NoTask { since },
                _ => Look::Lost { since },
            });
        };
        if task.is_over() {
            return self.end(step, run, &task, now).await;
        }
        let limit = i64::try_from(step.timeout_seconds).unwrap_or(i64::MAX);
        if age > SignedDuration::from_secs(limit) {
            self.ecs
                .stop_task(&step.cluster, task.arn(), &late_reason(step))
                .await?;
            return Ok(Look::Waits {
                note: format!(
                    "its time is over, and task {} is being stopped",
                    short_name(task.arn())
                ),
            });
        }
        Ok(Look::Waits {
            note: format!(
                "task {} is {}",
                short_name(task.arn()),
                task.status.to_lowercase()
            ),
        })
    }

    /// The run's task, as the ledger or else its name knows it.
    pub(super) async fn find(
        &self,
        step: &MigrationStep,
        run: Run,
        record: &MigrationRun,
    ) -> Result<Option<OneShotTask>, PhaseError> {
        if let Some(task) = &record.task {
            return self.ecs.task(&step.cluster, task).await;
        }
        let started_by = step.started_by(run);
        let tasks = self
            .ecs
            .started_tasks(&step.cluster, step.family(), &started_by)
            .await?;
        let found = tasks.into_iter().next();
        if let Some(found) = &found {
            let id = deployment(step)?.id;
            self.ledger
                .note_migration_task(&id, &step.run_name(run), found.arn())
                .await?;
        }
        Ok(found)
    }

    /// Keeps how a task ended, with the end of its log where it did not succeed.
    async fn end(
        &self,
        step: &MigrationStep,
        run: Run,
        task: &OneShotTask,
        now: Timestamp,
    ) -> Result<Look, PhaseError> {
        let mut end = task.end(&step.container);
        if end.ran && !end.succeeded && self.logs.can_read(step) {
            end.log = self.logs.tail(step, &end.task).await;
            let stopped = task.stopped_at();
            let soon = stopped.is_some_and(|at| now.duration_since(at) < LOG_WITHIN);
            if end.log.is_empty() && soon {
                return Ok(Look::Waits {
                    note: "its task has stopped; the end of its log is on its way".to_owned(),
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

/// With which reason a task is stopped whose time is over, and by which that is known later.
fn late_reason(step: &MigrationStep) -> String {
    format!("{LATE} {} s", step.timeout_seconds)
}

const LATE: &str = "Lockstep: not finished within";

fn is_late(end: &TaskEnd) -> bool {
    !end.succeeded && end.cause.starts_with(LATE)
}
