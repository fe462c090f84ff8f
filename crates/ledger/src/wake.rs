//! Wake registrations: which waiting phase wants to look when something happens.

use jiff::Timestamp;
use lockstep::WakeKey;
use lockstep::record::DeploymentRef;
use serde_json::Value;

use crate::error::LedgerError;
use crate::item::{Item, expires, get_text, key_item, text};
use crate::keys::Key;
use crate::{Ledger, keys};

/// A waiting phase. The newest registration of a step under a key replaces the one
/// before it, whose task token is dead by then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// What it waits for.
    pub key: WakeKey,
    /// Who waits: `ID#STEP#VERB`.
    pub waiter: String,
    /// The function to invoke again.
    pub function: String,
    /// The payload it was invoked with, task token included. A token is a credential:
    /// it is never logged.
    pub payload: String,
}

impl Registration {
    /// The name of a waiting step.
    pub fn waiter(deployment: &DeploymentRef, step: Option<u32>, verb: &str) -> String {
        match step {
            Some(step) => format!("{}#{step:04}#{verb}", deployment.id),
            None => format!("{}#-#{verb}", deployment.id),
        }
    }

    pub(crate) fn table_key(&self) -> Key {
        Key {
            pk: keys::wake(&self.key),
            sk: self.waiter.clone(),
        }
    }

    pub(crate) fn item(&self, now: Timestamp) -> Item {
        let mut item = key_item(self.table_key());
        item.insert("function".to_owned(), text(&self.function));
        item.insert("payload".to_owned(), text(&self.payload));
        item.insert("expires_at".to_owned(), expires(now, 1));
        item
    }
}

impl Ledger {
    /// Registers a phase that does not work on a step.
    pub async fn register(
        &self,
        registration: &Registration,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.put(registration.item(now)).await
    }

    /// Everybody who waits for `key`.
    pub async fn waiters(&self, key: &WakeKey) -> Result<Vec<(String, Value)>, LedgerError> {
        let items = self.range(keys::wake(key), "0", "~").await?;
        items.iter().map(waiter).collect()
    }
}

fn waiter(item: &Item) -> Result<(String, Value), LedgerError> {
    let payload = serde_json::from_str(get_text(item, "payload")?)
        .map_err(|error| crate::item::unreadable(item, &format!("payload: {error}")))?;
    Ok((get_text(item, "function")?.to_owned(), payload))
}
