//! Parts of a plan: what the planner of one kind of target found.

use lockstep::DeploymentId;
use lockstep::plan::Part;

use crate::error::LedgerError;
use crate::item::{body, body_item};
use crate::transaction::{Expression, Transaction};
use crate::{Ledger, keys};

impl Ledger {
    /// Stores the part of a plan that the planner `of` one kind of target, such as
    /// `functions`, made. Planning again replaces it: only the plan itself is for ever.
    pub async fn put_part(
        &self,
        id: &DeploymentId,
        of: &str,
        part: &Part,
    ) -> Result<(), LedgerError> {
        let mut transaction = Transaction::default();
        let item = body_item(keys::part(id, of), part)?;
        transaction.put(self, item, Expression::default())?;
        transaction.commit(self).await.map(drop)
    }

    /// The part that the planner `of` one kind of target made; `None` when it made none.
    pub async fn part(&self, id: &DeploymentId, of: &str) -> Result<Option<Part>, LedgerError> {
        self.get(keys::part(id, of))
            .await?
            .as_ref()
            .map(body)
            .transpose()
    }
}
