//! What became of trigger events.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::LedgerError;
use crate::item::{Item, body, body_item, expires};
use crate::{Ledger, keys};

/// What became of an event that did not start a deployment of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerEvent {
    /// The image, or what else the event was about.
    pub subject: String,
    /// Why nothing was deployed, for a person.
    pub reason: String,
    /// The execution that looked at it.
    pub execution: String,
    /// When.
    pub at: Timestamp,
}

impl Ledger {
    /// Keeps for 30 days why an event did not start a deployment.
    pub async fn record_event(&self, id: &str, event: &TriggerEvent) -> Result<(), LedgerError> {
        let mut item = body_item(keys::event(id), event)?;
        item.insert("expires_at".to_owned(), expires(event.at, 30));
        self.put(item).await
    }

    /// What became of an event.
    pub async fn event(&self, id: &str) -> Result<Option<TriggerEvent>, LedgerError> {
        self.get(keys::event(id))
            .await?
            .as_ref()
            .map(body)
            .transpose()
    }

    pub(crate) async fn put(&self, item: Item) -> Result<(), LedgerError> {
        let sent = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .send()
            .await;
        sent.map(drop)
            .map_err(|error| LedgerError::sdk("dynamodb:PutItem", &error))
    }
}
