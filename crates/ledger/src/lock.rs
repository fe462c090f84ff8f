//! The lock: one deployment at a time per environment.

use jiff::{SignedDuration, Timestamp};
use lockstep::DeploymentId;
use lockstep::record::{DeploymentRecord, DeploymentRef};
use lockstep::release::Artifacts;

use crate::environment::{EnvironmentState, Lock, Waiting};
use crate::error::LedgerError;
use crate::item::{body_item, number, text};
use crate::transaction::{Expression, Outcome, Transaction};
use crate::{Ledger, keys};

/// For how long a holder need not be doubted after it last took up a step. Ten polls of
/// a waiting phase (30 s each on AWS) fit in, so a slow or retried invocation keeps it.
pub const LEASE: SignedDuration = SignedDuration::from_mins(15);

/// What came of trying to take the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acquired {
    /// The deployment holds the lock, with this fencing number.
    Yes {
        /// The fencing number, at least 1.
        fence: u64,
    },
    /// Somebody else was quicker.
    No,
}

impl Lock {
    /// Whether `me` may take the lock: it is free, or mine already, or its holder's lease ran out.
    pub fn is_open_to(&self, me: &DeploymentId, now: Timestamp) -> bool {
        let Some(holder) = &self.deployment else {
            return true;
        };
        holder == me || self.lease_until.is_some_and(|until| until < now)
    }
}

impl Ledger {
    /// Takes the lock if it still is as `state` shows it, takes over what the older
    /// waiting deployments `overtaken` wanted (`record.requested` already holds it), and
    /// marks those as superseded. All or nothing.
    pub async fn acquire_lock(
        &self,
        record: &DeploymentRecord,
        state: &EnvironmentState,
        overtaken: &[Waiting],
        now: Timestamp,
    ) -> Result<Acquired, LedgerError> {
        let me = &record.deployment;
        let of_environment =
            |sk: String| keys::of_environment(&me.application, &me.environment, sk);
        let fence = state.lock.as_ref().map_or(0, |lock| lock.fence);
        let mut transaction = Transaction::default();
        let take = Expression::update(
            "SET deployment = :me, since = :now, lease_until = :until, fence = :next REMOVE halted_by",
        )
        .only_when("attribute_not_exists(fence) OR fence = :fence")
        .value(":me", text(me.id.as_str()))
        .value(":now", text(now.to_string()))
        .value(":until", text((now + LEASE).to_string()))
        .value(":fence", number(fence))
        .value(":next", number(fence + 1));
        transaction.update(self, of_environment("lock".to_owned()), take)?;
        transaction.put(
            self,
            body_item(keys::of_deployment(&me.id, "record"), record)?,
            Expression::when(
                "attribute_not_exists(superseded_by) AND attribute_not_exists(concluded)",
            ),
        )?;
        transaction.delete(self, of_environment(keys::queue(&me.id)))?;
        for waiting in overtaken {
            transaction.delete(self, of_environment(keys::queue(&waiting.deployment)))?;
            let superseded =
                Expression::update("SET superseded_by = :me").value(":me", text(me.id.as_str()));
            transaction.update(
                self,
                keys::of_deployment(&waiting.deployment, "record"),
                superseded,
            )?;
        }
        Ok(match transaction.commit(self).await? {
            Outcome::Written => Acquired::Yes { fence: fence + 1 },
            Outcome::Refused(_) => Acquired::No,
        })
    }

    /// Puts a deployment into its environment's queue. Doing it again changes nothing, and
    /// so does a late call for a deployment that has ended or was taken over meanwhile: its
    /// entry would stay for good.
    pub async fn enqueue(
        &self,
        me: &DeploymentRef,
        artifacts: &Artifacts,
    ) -> Result<(), LedgerError> {
        let key = keys::of_environment(&me.application, &me.environment, keys::queue(&me.id));
        let mut transaction = Transaction::default();
        let alive = Expression::update("SET queued = :yes")
            .only_when(
                "attribute_exists(pk) AND attribute_not_exists(superseded_by) AND attribute_not_exists(concluded)",
            )
            .value(":yes", text("yes"));
        transaction.update(self, keys::of_deployment(&me.id, "record"), alive)?;
        transaction.put(self, body_item(key, artifacts)?, Expression::default())?;
        transaction.commit(self).await.map(drop)
    }
}
