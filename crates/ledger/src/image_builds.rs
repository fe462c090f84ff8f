//! Builds of images: their steps, which come before there is a plan, and the images that they make.

use jiff::Timestamp;
use lockstep::plan::{Change, Step};
use lockstep::record::{BuiltImage, DeploymentRecord, DeploymentRef};
use lockstep::release::{Artifact, Component, ImageArtifact};
use lockstep::{DeploymentId, PhaseError};

use crate::deployments::{HistoryLine, mark};
use crate::error::LedgerError;
use crate::item::{body, body_item, expires, json, key_item, text};
use crate::releases::StoredRecord;
use crate::transaction::{Expression, Outcome, Transaction};
use crate::{Ledger, keys};

/// How often a record is written anew that another build of the same deployment changed in between.
const LOOKS: usize = 5;

/// For how many days it is known which image a build made.
const DAYS: i64 = 30;

/// An image that there is now, in place of one that was to be built.
#[derive(Debug, Clone)]
pub struct TakenImage<'a> {
    /// The manifest's name of the build.
    pub build: &'a str,
    /// The commit that was asked for.
    pub commit: &'a str,
    /// The image.
    pub image: &'a ImageArtifact,
    /// How the deployment came by it, for people.
    pub note: &'a str,
}

impl Ledger {
    /// Writes the steps of the builds of a deployment, and which images its environment's own builds
    /// make from now on; unless that was done before. Gives the steps that hold.
    pub async fn put_build_steps(
        &self,
        me: &DeploymentRef,
        steps: Vec<Step>,
        now: Timestamp,
    ) -> Result<Vec<Step>, LedgerError> {
        let mut transaction = Transaction::default();
        let first = Expression::when("attribute_not_exists(pk)");
        let all = body_item(keys::of_deployment(&me.id, "builds"), &steps)?;
        transaction.put(self, all, first)?;
        for step in &steps {
            let item = body_item(keys::step(&me.id, step.number), step)?;
            transaction.put(self, item, Expression::default())?;
            if let Change::ImageBuild(build) = &step.change {
                let built = Built {
                    repository: &build.repository,
                    commit: &build.commit,
                    digest: None,
                };
                built.put(self, &mut transaction, me, now)?;
            }
        }
        match transaction.commit(self).await? {
            Outcome::Written => Ok(steps),
            Outcome::Refused(_) => self.build_steps(&me.id).await,
        }
    }

    /// The steps of the builds of a deployment; none where it had nothing to build.
    pub async fn build_steps(&self, id: &DeploymentId) -> Result<Vec<Step>, LedgerError> {
        let item = self.get(keys::of_deployment(id, "builds")).await?;
        Ok(item.as_ref().map(body).transpose()?.unwrap_or_default())
    }

    /// Whether a deployment still runs, as far as its record says: whoever changes something for it
    /// outside of the steps of its plan asks before.
    ///
    /// # Errors
    /// [`PhaseError::Halted`] when it has ended, and what the ledger says.
    pub async fn still_runs(&self, me: &DeploymentRef) -> Result<StoredRecord, PhaseError> {
        let stored = self.stored_record(&me.id).await?;
        match stored {
            Some(stored) if stored.record.conclusion.is_none() => Ok(stored),
            _ => Err(PhaseError::Halted {
                by: "the end of the same deployment".to_owned(),
            }),
        }
    }

    /// Keeps in mind which image a build made, before it gets further tags: each of them is announced
    /// as a push.
    pub async fn note_built(
        &self,
        me: &DeploymentRef,
        commit: &str,
        image: &ImageArtifact,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let mut transaction = Transaction::default();
        let built = Built {
            repository: &image.repository,
            commit,
            digest: Some(&image.digest),
        };
        built.put(self, &mut transaction, me, now)?;
        transaction.commit(self).await.map(drop)
    }

    /// Puts an image into the record of its deployment, for all components that wait for its build,
    /// raises their never-older marks, and keeps in mind that a push of it needs no deployment. Doing
    /// it again changes nothing.
    ///
    /// # Errors
    /// [`PhaseError::Halted`] when the deployment has ended, [`PhaseError::Transient`] when its record
    /// changes all the time, and what the ledger says.
    pub async fn take_built(
        &self,
        me: &DeploymentRef,
        taken: &TakenImage<'_>,
        now: Timestamp,
    ) -> Result<(), PhaseError> {
        for _ in 0..LOOKS {
            let standing = self.still_runs(me).await?;
            let (record, components) = with(&standing.record, taken);
            let artifact = Artifact::Image(taken.image.clone());
            for component in &components {
                self.raise_newest(me, component, &artifact).await?;
            }
            if record == standing.record || self.put_taken(&standing, &record, taken, now).await? {
                return Ok(());
            }
        }
        Err(PhaseError::Transient {
            operation: "writing the image into the deployment's record".to_owned(),
            source_text: "it changed at the same moment".to_owned(),
        })
    }

    async fn put_taken(
        &self,
        standing: &StoredRecord,
        record: &DeploymentRecord,
        taken: &TakenImage<'_>,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let me = &record.deployment;
        let key = keys::of_deployment(&me.id, "record");
        let update = Expression::update("SET body = :body")
            .only_when("body = :standing AND attribute_not_exists(concluded)")
            .value(":body", text(json(&key, record)?))
            .value(":standing", text(standing.stored()));
        let mut transaction = Transaction::default();
        transaction.update(self, key, update)?;
        let line = keys::history_line(&me.id);
        let line = keys::of_environment(&me.application, &me.environment, line);
        let line = body_item(line, &HistoryLine::of(record))?;
        transaction.put(self, line, Expression::default())?;
        let built = Built {
            repository: &taken.image.repository,
            commit: taken.commit,
            digest: Some(&taken.image.digest),
        };
        built.put(self, &mut transaction, me, now)?;
        Ok(matches!(transaction.commit(self).await?, Outcome::Written))
    }

    /// Raises a mark, unless something newer was asked for meanwhile.
    async fn raise_newest(
        &self,
        me: &DeploymentRef,
        component: &Component,
        artifact: &Artifact,
    ) -> Result<(), LedgerError> {
        let raise = mark(artifact, &me.id).only_when("attribute_not_exists(pk) OR pushed_ms < :ms");
        let key = keys::newest(component);
        let key = keys::of_environment(&me.application, &me.environment, key);
        let mut transaction = Transaction::default();
        transaction.update(self, key, raise)?;
        transaction.commit(self).await.map(drop)
    }

    /// Refuses the deployment of a pushed image that a build makes, or made: by the tag as long as it
    /// is at work, and by the digest afterwards, whatever tags that image gets.
    pub(crate) fn not_built_here(
        &self,
        transaction: &mut Transaction,
        record: &DeploymentRecord,
    ) -> Result<(), LedgerError> {
        let me = &record.deployment;
        let Some(image) = record.requested.values().find_map(Artifact::as_image) else {
            return Ok(());
        };
        let unbuilt = Expression::when(
            "attribute_not_exists(pk) OR (built_commit <> :tag AND built_digest <> :digest)",
        )
        .value(":tag", text(image.tag.as_deref().unwrap_or_default()))
        .value(":digest", text(&image.digest));
        let key = keys::built(&image.repository);
        let key = keys::of_environment(&me.application, &me.environment, key);
        transaction.check(self, key, unbuilt)?;
        Ok(())
    }
}

/// What an environment's own builds make of a repository's images.
struct Built<'a> {
    repository: &'a str,
    commit: &'a str,
    digest: Option<&'a str>,
}

impl Built<'_> {
    fn put(
        &self,
        ledger: &Ledger,
        transaction: &mut Transaction,
        me: &DeploymentRef,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let key = keys::built(self.repository);
        let key = keys::of_environment(&me.application, &me.environment, key);
        let mut item = key_item(key);
        let digest = self.digest.unwrap_or("none yet");
        item.insert("built_commit".to_owned(), text(self.commit));
        item.insert("built_digest".to_owned(), text(digest));
        item.insert("deployment".to_owned(), text(me.id.as_str()));
        item.insert("expires_at".to_owned(), expires(now, DAYS));
        transaction.put(ledger, item, Expression::default())?;
        Ok(())
    }
}

/// The record with an image in place of what was to be built, and for which components.
fn with(standing: &DeploymentRecord, taken: &TakenImage<'_>) -> (DeploymentRecord, Vec<Component>) {
    let mut record = standing.clone();
    let mut components = Vec::new();
    for (component, artifact) in &mut record.requested {
        let waits = artifact
            .as_unbuilt()
            .is_some_and(|it| it.build == taken.build && it.commit == taken.commit);
        if waits {
            *artifact = Artifact::Image(taken.image.clone());
            components.push(component.clone());
        }
    }
    let built = BuiltImage {
        repository: taken.image.repository.clone(),
        commit: taken.commit.to_owned(),
        note: taken.note.to_owned(),
    };
    if !components.is_empty() {
        record.builds.insert(taken.build.to_owned(), built);
    }
    (record, components)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use lockstep::record::DeploymentRecord;
    use lockstep::release::ImageArtifact;
    use serde_json::json;

    use super::{TakenImage, with};

    fn record() -> DeploymentRecord {
        let unbuilt = |build: &str| json!({"kind": "unbuilt", "build": build, "repository": "shop/web", "commit": "3f2a9c1", "asked_at": "2026-11-20T10:00:00Z"});
        let record = json!({
            "id": "01JD5Q6Z8G0000000000000000", "application": "shop", "environment": "test",
            "execution": {"name": "x", "arn": "arn", "started_at": "2026-11-20T10:00:00Z"},
            "source": {"kind": "manual", "by": "ann"}, "manifest_version": 7,
            "requested": {"web/web": unbuilt("web"), "web/cron": unbuilt("web"), "api/api": unbuilt("api")},
        });
        serde_json::from_value(record).unwrap()
    }

    #[test]
    fn an_image_takes_the_place_of_what_was_to_be_built_once() {
        let image = ImageArtifact {
            repository: "shop/web".into(),
            digest: "sha256:ab".into(),
            tag: Some("3f2a9c1".into()),
            pushed_at: jiff::Timestamp::UNIX_EPOCH,
        };
        let taken = TakenImage {
            build: "web",
            commit: "3f2a9c1",
            image: &image,
            note: "was built",
        };
        let (after, components) = with(&record(), &taken);
        assert_eq!(components, ["web/cron", "web/web"]);
        assert_eq!(after.requested["web/web"].as_image(), Some(&image));
        assert!(after.requested["api/api"].as_unbuilt().is_some());
        let words = after.builds["web"].words();
        assert_eq!(words.as_deref(), Some("shop/web:3f2a9c1 was built"));
        assert_eq!(with(&after, &taken), (after.clone(), Vec::new()));
        let other = TakenImage {
            commit: "0a1b2c3",
            ..taken
        };
        assert_eq!(with(&record(), &other).0, record());
    }
}
