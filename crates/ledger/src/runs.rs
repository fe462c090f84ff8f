//! Runs of something outside that must not begin behind the back of whoever puts things back:
//! migrations' tasks, and builds.
//!
//! A run is begun here before anything is asked of AWS, and closed before anything is undone. What
//! is closed never begins any more.

use jiff::Timestamp;
use lockstep::DeploymentId;

use crate::error::LedgerError;
use crate::item::{find_time, text};
use crate::keys::Key;
use crate::transaction::{Expression, Outcome, Transaction};
use crate::{Ledger, keys};

/// A build of a deployment, as far as it came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BuildRun {
    /// When it was decided to start it; `None` before.
    pub begun_at: Option<Timestamp>,
    /// Since when it may not be started any more.
    pub closed_at: Option<Timestamp>,
}

impl Ledger {
    /// Notes that a build begins, before CodeBuild is asked for anything; the first time counts.
    /// Says whether it may.
    pub async fn begin_build(
        &self,
        id: &DeploymentId,
        run: &str,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        self.begin_run(keys::build_run(id, run), now).await
    }

    /// Keeps a build from beginning. Gives it as it is then: what began goes on.
    pub async fn close_build(
        &self,
        id: &DeploymentId,
        run: &str,
        now: Timestamp,
    ) -> Result<BuildRun, LedgerError> {
        let key = keys::build_run(id, run);
        self.close_run(key.clone(), now).await?;
        let item = self.get(key).await?;
        Ok(item.map_or_else(BuildRun::default, |item| BuildRun {
            begun_at: find_time(&item, "begun_at"),
            closed_at: find_time(&item, "closed"),
        }))
    }

    /// Begins the run that has this key, unless it is closed. Says whether it may begin.
    pub(crate) async fn begin_run(&self, key: Key, now: Timestamp) -> Result<bool, LedgerError> {
        let begin = Expression::update("SET begun_at = if_not_exists(begun_at, :now)")
            .only_when("attribute_not_exists(closed)")
            .value(":now", text(now.to_string()));
        let written = self.write_run(key, begin).await?;
        Ok(matches!(written, Outcome::Written))
    }

    /// Closes the run that has this key.
    pub(crate) async fn close_run(&self, key: Key, now: Timestamp) -> Result<(), LedgerError> {
        let close = Expression::update("SET closed = if_not_exists(closed, :now)")
            .value(":now", text(now.to_string()));
        self.write_run(key, close).await.map(drop)
    }

    pub(crate) async fn write_run(
        &self,
        key: Key,
        update: Expression,
    ) -> Result<Outcome, LedgerError> {
        let mut transaction = Transaction::default();
        transaction.update(self, key, update)?;
        transaction.commit(self).await
    }
}
