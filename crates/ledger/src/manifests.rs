//! Manifests by version, and the trigger index that goes with the newest one.

use jiff::Timestamp;
use lockstep::manifest::{StoredManifest, TriggerIndexEntry};
use serde::{Deserialize, Serialize};

use crate::error::LedgerError;
use crate::item::{Item, body, body_item, get_number, number, text};
use crate::transaction::{Expression, Outcome, Transaction};
use crate::{Ledger, keys};

/// The most writes one DynamoDB transaction takes.
const TRANSACTION_LIMIT: usize = 100;

/// One environment that a repository's pushes concern, with the manifest version that says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerTarget {
    /// What the manifest says of the repository and the environment.
    #[serde(flatten)]
    pub entry: TriggerIndexEntry,
    /// The manifest's version.
    pub manifest_version: u64,
    /// The SNS topic's name or ARN, where the manifest names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
}

/// One applied manifest.
#[derive(Serialize, Deserialize)]
struct AppliedManifest {
    version: u64,
    applied_at: Timestamp,
    applied_by: String,
    manifest: StoredManifest,
}

impl Ledger {
    /// The newest manifest version of an application; `None` when none was ever applied.
    pub async fn manifest_version(&self, application: &str) -> Result<Option<u64>, LedgerError> {
        let item = self.get(keys::manifest_pointer(application)).await?;
        item.as_ref().map(version).transpose()
    }

    /// One version of an application's manifest.
    pub async fn manifest(
        &self,
        application: &str,
        version: u64,
    ) -> Result<Option<StoredManifest>, LedgerError> {
        let item = self.get(keys::manifest(application, version)).await?;
        Ok(item
            .as_ref()
            .map(body::<AppliedManifest>)
            .transpose()?
            .map(|applied| applied.manifest))
    }

    /// The environments that pushes to `repository` concern.
    pub async fn trigger_targets(
        &self,
        repository: &str,
    ) -> Result<Vec<TriggerTarget>, LedgerError> {
        self.range(keys::repository(repository), "0", "~")
            .await?
            .iter()
            .map(body)
            .collect()
    }

    /// Stores a manifest as the version after `replaced` and puts its trigger index in
    /// place of the old one, all in one transaction.
    ///
    /// # Errors
    /// [`LedgerError::Contended`] when somebody else applied a manifest in between, and
    /// [`LedgerError::Unreadable`] when the index needs more than 100 writes.
    pub async fn apply_manifest(
        &self,
        manifest: &StoredManifest,
        index: &[TriggerIndexEntry],
        replaced: Option<(u64, &[TriggerIndexEntry])>,
        by: &str,
        now: Timestamp,
    ) -> Result<u64, LedgerError> {
        let application = &manifest.manifest.application;
        let old_version = replaced.map_or(0, |(version, _)| version);
        let version = old_version + 1;
        let mut transaction = Transaction::default();
        let pointer = Expression::update("SET version = :next")
            .only_when("attribute_not_exists(version) OR version = :old")
            .value(":next", number(version))
            .value(":old", number(old_version));
        transaction.update(self, keys::manifest_pointer(application), pointer)?;
        let applied = AppliedManifest {
            version,
            applied_at: now,
            applied_by: by.to_owned(),
            manifest: manifest.clone(),
        };
        transaction.put(
            self,
            body_item(keys::manifest(application, version), &applied)?,
            Expression::default(),
        )?;
        let writes = self.replace_index(
            &mut transaction,
            manifest,
            index,
            replaced.map_or(&[], |(_, old)| old),
            version,
        )?;
        if writes + 2 > TRANSACTION_LIMIT {
            return Err(LedgerError::Unreadable {
                item: format!("trigger index of {application}"),
                reason: format!(
                    "it needs {writes} writes and one transaction takes {}; split the application in two",
                    TRANSACTION_LIMIT - 2
                ),
            });
        }
        match transaction.commit(self).await? {
            Outcome::Written => Ok(version),
            Outcome::Refused(_) => Err(LedgerError::Contended {
                what: format!("the manifest of {application}"),
            }),
        }
    }

    fn replace_index(
        &self,
        transaction: &mut Transaction,
        manifest: &StoredManifest,
        index: &[TriggerIndexEntry],
        old: &[TriggerIndexEntry],
        manifest_version: u64,
    ) -> Result<usize, LedgerError> {
        let place = |entry: &TriggerIndexEntry| {
            keys::trigger_target(&entry.repository, &entry.application, &entry.environment)
        };
        let topic = manifest
            .manifest
            .notifications
            .as_ref()
            .map(|notifications| notifications.topic.clone());
        let kept: Vec<_> = index.iter().map(place).collect();
        let mut writes = index.len();
        for entry in index {
            let target = TriggerTarget {
                entry: entry.clone(),
                manifest_version,
                topic: topic.clone(),
            };
            let mut item = body_item(place(entry), &target)?;
            item.insert("application".to_owned(), text(&entry.application));
            transaction.put(self, item, Expression::default())?;
        }
        for key in old.iter().map(place).filter(|key| !kept.contains(key)) {
            transaction.delete(self, key)?;
            writes += 1;
        }
        Ok(writes)
    }
}

fn version(item: &Item) -> Result<u64, LedgerError> {
    Ok(u64::try_from(get_number(item, "version")?).unwrap_or_default())
}
