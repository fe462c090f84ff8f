//! The lock: one deployment at a time per environment.

use jiff::{SignedDuration, Timestamp};
use lockstep::DeploymentId;
use lockstep::record::DeploymentRecord;

use crate::environment::{EnvironmentState, Lock, Waiting};
use crate::error::LedgerError;
use crate::item::{body_item, json, number, text};
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

/// What becomes of the deployments that wait when one takes the lock.
#[derive(Debug, Clone, Copy, Default)]
pub struct Passed<'a> {
    /// Those whose wishes it takes over, and which end as superseded by it.
    pub overtaken: &'a [Waiting],
    /// Those that go on waiting, without the wishes about which it decides.
    pub struck: &'a [Waiting],
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
    /// Takes the lock if it still is as `state` shows it, takes over what the older waiting
    /// deployments wanted that are overtaken (`record.requested` already holds it), marks those as
    /// superseded, and strikes out of the others what it decides about. All or nothing.
    pub async fn acquire_lock(
        &self,
        record: &DeploymentRecord,
        state: &EnvironmentState,
        passed: Passed<'_>,
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
        for waiting in passed.overtaken {
            transaction.delete(self, of_environment(keys::queue(&waiting.deployment)))?;
            let superseded =
                Expression::update("SET superseded_by = :me").value(":me", text(me.id.as_str()));
            transaction.update(
                self,
                keys::of_deployment(&waiting.deployment, "record"),
                superseded,
            )?;
        }
        for waiting in passed.struck {
            let key = of_environment(keys::queue(&waiting.deployment));
            let struck = json(&key, &waiting.struck)?;
            // One that left the queue meanwhile must not come back to it.
            let strike = Expression::update("SET struck = :struck")
                .only_when("attribute_exists(pk)")
                .value(":struck", text(struck));
            transaction.update(self, key, strike)?;
        }
        Ok(match transaction.commit(self).await? {
            Outcome::Written => Acquired::Yes { fence: fence + 1 },
            Outcome::Refused(_) => Acquired::No,
        })
    }

    /// Puts a deployment into its environment's queue. Doing it again changes nothing, and
    /// so does a late call for a deployment that has ended or was taken over meanwhile: its
    /// entry would stay for good.
    pub async fn enqueue(&self, record: &DeploymentRecord) -> Result<(), LedgerError> {
        let me = &record.deployment;
        let key = keys::of_environment(&me.application, &me.environment, keys::queue(&me.id));
        let mut transaction = Transaction::default();
        let alive = Expression::update("SET queued = :yes")
            .only_when(
                "attribute_exists(pk) AND attribute_not_exists(superseded_by) AND attribute_not_exists(concluded)",
            )
            .value(":yes", text("yes"));
        transaction.update(self, keys::of_deployment(&me.id, "record"), alive)?;
        // An update: what was struck out of the entry meanwhile stays so.
        let entry = Expression::update("SET body = :body, about = :about");
        let entry = entry
            .value(":body", text(json(&key, &record.requested)?))
            .value(":about", text(json(&key, &record.only)?));
        transaction.update(self, key, entry)?;
        transaction.commit(self).await.map(drop)
    }
}
