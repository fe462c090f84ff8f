//! Migrations: what ran in an environment, and each run of a deployment.

use jiff::Timestamp;
use lockstep::DeploymentId;
use lockstep::migration::{Migrated, TaskEnd};
use lockstep::record::DeploymentRef;

use crate::error::LedgerError;
use crate::item::{Item, body, find_text, find_time, get_number, json, number, text, unreadable};
use crate::transaction::{Expression, Outcome, Transaction};
use crate::{Ledger, keys};

/// One run of a migration as far as it came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MigrationRun {
    /// When it was decided to run it; `None` before.
    pub begun_at: Option<Timestamp>,
    /// The ARN of its task, or the id of its build, once it is known.
    pub task: Option<String>,
    /// Whether it was told to stop because its time was over.
    pub late: bool,
    /// How its task or build ended.
    pub end: Option<TaskEnd>,
    /// Whether it may not begin any more.
    pub closed: bool,
}

impl Ledger {
    /// What ran of a migration in an environment.
    pub async fn migrated(
        &self,
        application: &str,
        environment: &str,
        component: &str,
    ) -> Result<Migrated, LedgerError> {
        let key = keys::of_environment(application, environment, keys::migration(component));
        let item = self.get(key).await?;
        item.as_ref().map_or_else(|| Ok(Migrated::default()), read)
    }

    /// Writes what ran, where nobody else did since it was read. With the name of a run only while
    /// that is not closed: whoever closed it has seen how it ended, and says what remains.
    ///
    /// # Errors
    /// [`LedgerError::Contended`] when somebody else wrote.
    pub async fn put_migrated(
        &self,
        me: &DeploymentRef,
        component: &str,
        migrated: &Migrated,
        unless_closed: Option<&str>,
    ) -> Result<(), LedgerError> {
        let key =
            keys::of_environment(&me.application, &me.environment, keys::migration(component));
        let update = Expression::update("SET body = :body, revision = :next")
            .only_when("attribute_not_exists(revision) OR revision = :seen")
            .value(":body", text(json(&key, migrated)?))
            .value(":next", number(migrated.revision + 1))
            .value(":seen", number(migrated.revision));
        let mut transaction = Transaction::default();
        transaction.update(self, key, update)?;
        if let Some(run) = unless_closed {
            let open = Expression::when("attribute_not_exists(closed)");
            transaction.check(self, keys::migration_run(&me.id, run), open)?;
        }
        match transaction.commit(self).await? {
            Outcome::Written => Ok(()),
            Outcome::Refused(refused) if refused.get(1).is_some_and(Option::is_some) => Ok(()),
            Outcome::Refused(_) => Err(LedgerError::Contended {
                what: format!("noting what ran of migration {component}"),
            }),
        }
    }

    /// A run of a deployment, such as `schema#expand`.
    pub async fn migration_run(
        &self,
        id: &DeploymentId,
        run: &str,
    ) -> Result<MigrationRun, LedgerError> {
        let item = self.get(keys::migration_run(id, run)).await?;
        item.as_ref()
            .map_or_else(|| Ok(MigrationRun::default()), read_run)
    }

    /// Notes that a run begins, before anything is asked of AWS; the first time counts. `None`
    /// when it may not begin any more.
    pub async fn begin_migration(
        &self,
        id: &DeploymentId,
        run: &str,
        now: Timestamp,
    ) -> Result<Option<MigrationRun>, LedgerError> {
        let begin = Expression::update("SET begun_at = if_not_exists(begun_at, :now)")
            .only_when("attribute_not_exists(closed)")
            .value(":now", text(now.to_string()));
        match self.write_run(id, run, begin).await? {
            Outcome::Written => self.migration_run(id, run).await.map(Some),
            Outcome::Refused(_) => Ok(None),
        }
    }

    /// Keeps a run from beginning. Gives it as it is then: whatever began goes on.
    pub async fn close_migration(
        &self,
        id: &DeploymentId,
        run: &str,
        now: Timestamp,
    ) -> Result<MigrationRun, LedgerError> {
        let close = Expression::update("SET closed = if_not_exists(closed, :now)")
            .value(":now", text(now.to_string()));
        self.write_run(id, run, close).await?;
        self.migration_run(id, run).await
    }

    /// Keeps a run from beginning, unless it began already. Says whether it had not.
    pub async fn close_unless_begun(
        &self,
        id: &DeploymentId,
        run: &str,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let close = Expression::update("SET closed = if_not_exists(closed, :now)")
            .only_when("attribute_not_exists(begun_at)")
            .value(":now", text(now.to_string()));
        let written = self.write_run(id, run, close).await?;
        Ok(matches!(written, Outcome::Written))
    }

    /// Notes that a run is told to stop because its time is over: a build's end does not say so.
    pub async fn note_late_migration(
        &self,
        id: &DeploymentId,
        run: &str,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let note = Expression::update("SET late = if_not_exists(late, :now)")
            .value(":now", text(now.to_string()));
        self.write_run(id, run, note).await.map(drop)
    }

    /// Notes the task or build of a run; the first one counts.
    pub async fn note_migration_task(
        &self,
        id: &DeploymentId,
        run: &str,
        task: &str,
    ) -> Result<(), LedgerError> {
        let note =
            Expression::update("SET task = if_not_exists(task, :task)").value(":task", text(task));
        self.write_run(id, run, note).await.map(drop)
    }

    /// Notes how the task or build of a run ended, and gives what holds: the first end counts, with its
    /// log.
    pub async fn end_migration(
        &self,
        id: &DeploymentId,
        run: &str,
        end: &TaskEnd,
    ) -> Result<TaskEnd, LedgerError> {
        let key = keys::migration_run(id, run);
        let update = Expression::update("SET body = if_not_exists(body, :end)")
            .value(":end", text(json(&key, end)?));
        self.write_run(id, run, update).await?;
        let standing = self.migration_run(id, run).await?.end;
        Ok(standing.unwrap_or_else(|| end.clone()))
    }

    async fn write_run(
        &self,
        id: &DeploymentId,
        run: &str,
        update: Expression,
    ) -> Result<Outcome, LedgerError> {
        let mut transaction = Transaction::default();
        transaction.update(self, keys::migration_run(id, run), update)?;
        transaction.commit(self).await
    }
}

fn read(item: &Item) -> Result<Migrated, LedgerError> {
    let revision = get_number(item, "revision")?;
    let revision = u64::try_from(revision).map_err(|_| unreadable(item, "a revision below 0"))?;
    Ok(Migrated {
        revision,
        ..body(item)?
    })
}

fn read_run(item: &Item) -> Result<MigrationRun, LedgerError> {
    Ok(MigrationRun {
        begun_at: find_time(item, "begun_at"),
        task: find_text(item, "task").map(str::to_owned),
        late: find_text(item, "late").is_some(),
        end: find_text(item, "body").map(|_| body(item)).transpose()?,
        closed: find_text(item, "closed").is_some(),
    })
}
