//! Uploaded releases: which is the newest one of an environment, and what each contains.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lockstep::DeploymentId;
use lockstep::record::DeploymentRecord;
use lockstep::release::{Component, ZipArtifact};
use lockstep::release_order::ReleaseAge;
use serde::{Deserialize, Serialize};

use crate::deployments::{Created, HistoryLine, refusal};
use crate::error::LedgerError;
use crate::item::{
    Item, body, body_item, expires, get_number, get_text, json, key_item, number, text,
};
use crate::transaction::{Expression, Outcome, Transaction};
use crate::{Ledger, keys};

/// A release that was asked for, as its environment remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseMark {
    /// Which release.
    #[serde(flatten)]
    pub age: ReleaseAge,
    /// The deployment that asked for it.
    pub deployment: DeploymentId,
}

/// The newest uploaded releases that were ever asked for in an environment: all that the
/// never-older rule goes by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewestReleases {
    /// The newest of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<ReleaseMark>,
    /// The newest with an artifact for each component: a release need not have all.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub components: BTreeMap<Component, ReleaseMark>,
    /// Counts the writes; 0 before the first one.
    #[serde(skip)]
    pub revision: u64,
}

/// What came of writing an uploaded release's artifacts into its deployment's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Released {
    /// They are there now.
    Now,
    /// Somebody else changed the record in between; look again.
    Changed,
}

/// A record, and exactly as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// The record.
    pub record: DeploymentRecord,
    stored: String,
}

impl StoredRecord {
    /// The record as it is stored, for conditions.
    pub(crate) fn stored(&self) -> &str {
        &self.stored
    }
}

impl NewestReleases {
    /// The same with one more deployment of a release: of an artifact for each of `components`.
    #[must_use]
    pub fn with<'a>(
        &self,
        mark: &ReleaseMark,
        components: impl IntoIterator<Item = &'a Component>,
    ) -> Self {
        let keep = |standing: Option<&ReleaseMark>| match standing {
            Some(standing) if mark.age.is_older_than(&standing.age) => standing.clone(),
            _ => mark.clone(),
        };
        let mut marks = self.components.clone();
        for component in components {
            let newest = keep(marks.get(component));
            marks.insert(component.clone(), newest);
        }
        Self {
            newest: Some(keep(self.newest.as_ref())),
            components: marks,
            revision: self.revision,
        }
    }
}

/// One upload, however many events tell of it: the object's version where there is one.
pub fn upload_id(bucket: &str, key: &str, version: &str) -> String {
    format!("s3:{bucket}/{key}@{version}")
}

impl Ledger {
    /// The deployment that an upload led to in an environment; `None` when there is none yet,
    /// or none at all.
    pub async fn deployment_of_upload(
        &self,
        upload: &str,
        application: &str,
        environment: &str,
    ) -> Result<Option<DeploymentId>, LedgerError> {
        let claim = keys::event(&format!("{upload}#{application}#{environment}"));
        let Some(item) = self.get(claim).await? else {
            return Ok(None);
        };
        let id = get_text(&item, "deployment")?;
        crate::environment::deployment_id(&item, id).map(Some)
    }

    /// The newest uploaded releases of an environment.
    pub async fn newest_releases(
        &self,
        application: &str,
        environment: &str,
    ) -> Result<NewestReleases, LedgerError> {
        let key = keys::of_environment(application, environment, keys::NEWEST_RELEASES);
        let item = self.get(key).await?;
        Ok(item
            .as_ref()
            .map(newest_releases)
            .transpose()?
            .unwrap_or_default())
    }

    /// Creates the deployment of an uploaded release, claims the upload, and raises the mark
    /// of the environment from `seen`, where the caller made sure that the release is not
    /// older. All or nothing; a retry of the same execution finds its own record.
    ///
    /// `upload` names the object's version: a copy of the event is a duplicate, and so is
    /// another event about the same upload.
    ///
    /// # Errors
    /// [`LedgerError::Contended`] when the mark is no longer as it was seen.
    pub async fn create_release_deployment(
        &self,
        record: &DeploymentRecord,
        upload: &str,
        age: &ReleaseAge,
        seen: &NewestReleases,
        now: Timestamp,
    ) -> Result<Created, LedgerError> {
        let me = &record.deployment;
        let mut transaction = self.creating(record)?;
        let claim_of = format!("{upload}#{}#{}", me.application, me.environment);
        let mut claim = key_item(keys::event(&claim_of));
        claim.insert("deployment".to_owned(), text(me.id.as_str()));
        claim.insert("expires_at".to_owned(), expires(now, 30));
        transaction.put(self, claim, Expression::when("attribute_not_exists(pk)"))?;
        let mark = ReleaseMark {
            age: age.clone(),
            deployment: me.id.clone(),
        };
        self.raise(&mut transaction, record, &seen.with(&mark, []))?;
        match transaction.commit(self).await? {
            Outcome::Written => Ok(Created::Yes),
            Outcome::Refused(refused) => refusal(&refused, &[], record),
        }
    }

    /// A deployment's record, to be changed by [`Ledger::put_release`].
    pub async fn stored_record(
        &self,
        id: &DeploymentId,
    ) -> Result<Option<StoredRecord>, LedgerError> {
        let item = self.get(keys::of_deployment(id, "record")).await?;
        item.map(|item| {
            Ok(StoredRecord {
                record: body(&item)?,
                stored: get_text(&item, "body")?.to_owned(),
            })
        })
        .transpose()
    }

    /// Writes what an uploaded release consists of into the record of its deployment, which
    /// must still be `standing`, brings its history line up to date, and raises the marks.
    pub async fn put_release(
        &self,
        standing: &StoredRecord,
        record: &DeploymentRecord,
        raised: &NewestReleases,
    ) -> Result<Released, LedgerError> {
        let me = &record.deployment;
        let key = keys::of_deployment(&me.id, "record");
        let update = Expression::update("SET body = :body")
            .only_when("body = :standing AND attribute_not_exists(concluded)")
            .value(":body", text(json(&key, record)?))
            .value(":standing", text(&standing.stored));
        let mut transaction = Transaction::default();
        transaction.update(self, key, update)?;
        let line_key =
            keys::of_environment(&me.application, &me.environment, keys::history_line(&me.id));
        transaction.put(
            self,
            body_item(line_key, &HistoryLine::of(record))?,
            Expression::default(),
        )?;
        self.raise(&mut transaction, record, raised)?;
        Ok(match transaction.commit(self).await? {
            Outcome::Written => Released::Now,
            Outcome::Refused(_) => Released::Changed,
        })
    }

    /// Keeps for a day which artifacts of a release were found and checked, so that the next
    /// look goes on from there.
    pub async fn put_checked(
        &self,
        id: &DeploymentId,
        checked: &[ZipArtifact],
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let mut item = body_item(keys::of_deployment(id, "release"), &checked)?;
        item.insert("expires_at".to_owned(), expires(now, 1));
        self.put(item).await
    }

    /// What [`Ledger::put_checked`] kept.
    pub async fn checked(&self, id: &DeploymentId) -> Result<Vec<ZipArtifact>, LedgerError> {
        let item = self.get(keys::of_deployment(id, "release")).await?;
        Ok(item.as_ref().map(body).transpose()?.unwrap_or_default())
    }

    fn raise(
        &self,
        transaction: &mut Transaction,
        record: &DeploymentRecord,
        raised: &NewestReleases,
    ) -> Result<(), LedgerError> {
        let me = &record.deployment;
        let key = keys::of_environment(&me.application, &me.environment, keys::NEWEST_RELEASES);
        let raise = Expression::update("SET body = :body, revision = :next")
            .only_when("attribute_not_exists(revision) OR revision = :seen")
            .value(":body", text(json(&key, raised)?))
            .value(":next", number(raised.revision + 1))
            .value(":seen", number(raised.revision));
        transaction.update(self, key, raise)?;
        Ok(())
    }
}

pub(crate) fn newest_releases(item: &Item) -> Result<NewestReleases, LedgerError> {
    let revision = u64::try_from(get_number(item, "revision")?).unwrap_or_default();
    Ok(NewestReleases {
        revision,
        ..body(item)?
    })
}
