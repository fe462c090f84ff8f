//! The conclusion: written exactly once, together with everything that hangs on it.

use std::collections::BTreeSet;

use lockstep::record::{Conclusion, DeploymentRecord, DeploymentRef};

use crate::deployments::HistoryLine;
use crate::environment::{Hold, VerifiedRelease, lock};
use crate::error::LedgerError;
use crate::item::{body_item, json, number, text};
use crate::transaction::{Expression, Outcome, Transaction};
use crate::{Ledger, keys};

/// What is written when a deployment ends.
#[derive(Debug, Clone)]
pub struct ConclusionWrite<'a> {
    /// The record with its conclusion in it.
    pub record: &'a DeploymentRecord,
    /// The fencing number of the lock it holds; 0 when it knows of none.
    pub fence: u64,
    /// The release that was verified, when the verdict is `SUCCEEDED`.
    pub verified: Option<VerifiedRelease>,
    /// What `current` was until now, to become `previous`.
    pub previous: Option<VerifiedRelease>,
    /// Artifacts that must not come back by themselves.
    pub holds: Vec<Hold>,
    /// Digests whose hold is lifted, because they were deployed and verified after all.
    pub lifted: Vec<String>,
}

/// What came of concluding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Concluded {
    /// It is written now.
    Now,
    /// It was concluded before; this is the conclusion that stands.
    Before(Conclusion),
}

impl Ledger {
    /// Writes verdict, history line, holds and verified releases, leaves the queue and
    /// frees the lock, all or nothing and only once. A lock that was lost meanwhile
    /// stays with its new holder. One that was taken by a call whose answer got lost is
    /// freed as well, although the deployment never heard of it.
    pub async fn conclude(&self, write: &ConclusionWrite<'_>) -> Result<Concluded, LedgerError> {
        let mut fence = match write.fence {
            0 => self.fence_of(&write.record.deployment).await?,
            fence => fence,
        };
        loop {
            match self.try_conclude(write, fence).await? {
                Outcome::Written => return Ok(Concluded::Now),
                Outcome::Refused(refused) if refused.first().is_some_and(Option::is_some) => {
                    return self.standing_conclusion(write).await;
                }
                Outcome::Refused(_) if fence > 0 => fence = 0,
                Outcome::Refused(_) => {
                    return Err(LedgerError::Contended {
                        what: "concluding the deployment".to_owned(),
                    });
                }
            }
        }
    }

    /// The fencing number of the lock when the deployment holds it, else 0.
    async fn fence_of(&self, me: &DeploymentRef) -> Result<u64, LedgerError> {
        let key = keys::of_environment(&me.application, &me.environment, "lock");
        let lock = self.get(key).await?.as_ref().map(lock).transpose()?;
        Ok(lock
            .filter(|lock| lock.deployment.as_ref() == Some(&me.id))
            .map_or(0, |lock| lock.fence))
    }

    async fn try_conclude(
        &self,
        write: &ConclusionWrite<'_>,
        fence: u64,
    ) -> Result<Outcome, LedgerError> {
        let me = &write.record.deployment;
        let key = |sk: &str| keys::of_environment(&me.application, &me.environment, sk);
        let record_key = keys::of_deployment(&me.id, "record");
        let body = json(&record_key, write.record)?;
        let mut transaction = Transaction::default();
        let once = Expression::update("SET body = :body, concluded = :yes")
            .only_when("attribute_not_exists(concluded)")
            .value(":body", text(body))
            .value(":yes", text("yes"));
        transaction.update(self, record_key, once)?;
        if fence > 0 {
            let free = Expression::update("REMOVE deployment, since, lease_until, halted_by")
                .only_when("deployment = :me AND fence = :fence")
                .value(":me", text(me.id.as_str()))
                .value(":fence", number(fence));
            transaction.update(self, key("lock"), free)?;
        }
        let line = body_item(
            key(&keys::history_line(&me.id)),
            &HistoryLine::of(write.record),
        )?;
        transaction.put(self, line, Expression::default())?;
        transaction.delete(self, key(&keys::queue(&me.id)))?;
        if let Some(verified) = &write.verified {
            transaction.put(
                self,
                body_item(key("current"), verified)?,
                Expression::default(),
            )?;
            if let Some(previous) = &write.previous {
                transaction.put(
                    self,
                    body_item(key("previous"), previous)?,
                    Expression::default(),
                )?;
            }
        }
        for hold in &write.holds {
            transaction.put(
                self,
                body_item(key(&keys::hold(&hold.digest)), hold)?,
                Expression::default(),
            )?;
        }
        // One image can be deployed to several components, and DynamoDB refuses a transaction
        // that names an item twice.
        for digest in write.lifted.iter().collect::<BTreeSet<_>>() {
            transaction.delete(self, key(&keys::hold(digest)))?;
        }
        transaction.commit(self).await
    }

    async fn standing_conclusion(
        &self,
        write: &ConclusionWrite<'_>,
    ) -> Result<Concluded, LedgerError> {
        let id = &write.record.deployment.id;
        let standing = self.record(id).await?.and_then(|record| record.conclusion);
        standing
            .map(Concluded::Before)
            .ok_or_else(|| LedgerError::Unreadable {
                item: format!("deployment#{id}/record"),
                reason: "it is marked as concluded but has no conclusion".to_owned(),
            })
    }
}
