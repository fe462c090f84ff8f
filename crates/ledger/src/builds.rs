//! What is known of the infrastructure that CodeBuild builds.

use lockstep::PhaseError;
use lockstep::build::{Applied, BuildRecord};
use lockstep::record::DeploymentRef;

use crate::environment::lock;
use crate::error::LedgerError;
use crate::item::{Item, body, body_item, json, text};
use crate::transaction::{Expression, Outcome, Transaction};
use crate::{Ledger, keys};

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// It is written.
    Written,
    /// Somebody else wrote another one first: look again.
    Changed,
    /// The environment's lock is not the deployment's any more.
    LockLost {
        /// Who holds it now, in words.
        holder: String,
    },
}

impl Ledger {
    /// What is known of a component of an environment; nothing at first.
    pub async fn build_record(
        &self,
        application: &str,
        environment: &str,
        component: &str,
    ) -> Result<BuildRecord, LedgerError> {
        let key = keys::of_environment(application, environment, keys::infrastructure(component));
        let item = self.get(key).await?;
        Ok(item.as_ref().map(body).transpose()?.unwrap_or_default())
    }

    /// What was applied last of a component, with what it gives to others; `None` when no
    /// deployment ever applied it.
    pub async fn applied(
        &self,
        application: &str,
        environment: &str,
        component: &str,
    ) -> Result<Option<Applied>, LedgerError> {
        let record = self.build_record(application, environment, component);
        Ok(record.await?.applied)
    }

    /// Writes what is known of a component in place of `from`, as long as the deployment holds the
    /// environment. Writing the same again is the same.
    pub async fn put_build_record(
        &self,
        me: &DeploymentRef,
        component: &str,
        from: &BuildRecord,
        to: &BuildRecord,
    ) -> Result<Recorded, LedgerError> {
        let of = |sk: String| keys::of_environment(&me.application, &me.environment, sk);
        let key = of(keys::infrastructure(component));
        let known = json(&key, from)?;
        let wanted = json(&key, to)?;
        let unchanged = if from.is_empty() {
            "attribute_not_exists(pk) OR body = :known OR body = :wanted"
        } else {
            "body = :known OR body = :wanted"
        };
        let mut transaction = Transaction::default();
        let held = Expression::when("deployment = :me").value(":me", text(me.id.as_str()));
        transaction.check(self, of("lock".to_owned()), held)?;
        let put = Expression::when(unchanged)
            .value(":known", text(known))
            .value(":wanted", text(wanted));
        transaction.put(self, body_item(key, to)?, put)?;
        match transaction.commit(self).await? {
            Outcome::Written => Ok(Recorded::Written),
            Outcome::Refused(refused) => match refused.first() {
                Some(Some(item)) => Ok(Recorded::LockLost {
                    holder: holder(item)?,
                }),
                _ => Ok(Recorded::Changed),
            },
        }
    }
}

impl Recorded {
    /// Whether it is written; `false` is to look again.
    ///
    /// # Errors
    /// [`PhaseError::Halted`] when the lock is not the deployment's any more.
    pub fn is_written(&self) -> Result<bool, PhaseError> {
        match self {
            Self::Written => Ok(true),
            Self::Changed => Ok(false),
            Self::LockLost { holder } => Err(PhaseError::Halted {
                by: format!("the lock's new holder, {holder}"),
            }),
        }
    }
}

fn holder(item: &Item) -> Result<String, LedgerError> {
    if item.is_empty() {
        return Ok("nobody".to_owned());
    }
    let holder = lock(item)?.deployment;
    Ok(holder.map_or_else(|| "nobody".to_owned(), |id| format!("deployment {id}")))
}
