//! What a deployment publishes for others, as it was before and as it is afterwards.

use lockstep::DeploymentId;
use lockstep::live::ParameterChange;

use crate::error::LedgerError;
use crate::item::{body, body_item};
use crate::transaction::{Expression, Outcome, Transaction};
use crate::{Ledger, keys};

impl Ledger {
    /// Notes what of the parameters is about to change, unless that was noted before: what was
    /// there before is known only until the first of them is written. Gives what is noted.
    pub async fn note_published(
        &self,
        id: &DeploymentId,
        changes: Vec<ParameterChange>,
    ) -> Result<Vec<ParameterChange>, LedgerError> {
        let mut transaction = Transaction::default();
        let item = body_item(keys::published(id), &changes)?;
        let first = Expression::when("attribute_not_exists(pk)");
        transaction.put(self, item, first)?;
        match transaction.commit(self).await? {
            Outcome::Written => Ok(changes),
            Outcome::Refused(_) => self.published(id).await?.ok_or(LedgerError::Contended {
                what: "noting the parameters".to_owned(),
            }),
        }
    }

    /// What was noted of the parameters; `None` where none were published.
    pub async fn published(
        &self,
        id: &DeploymentId,
    ) -> Result<Option<Vec<ParameterChange>>, LedgerError> {
        let item = self.get(keys::published(id)).await?;
        item.as_ref().map(body).transpose()
    }
}
