//! Bringing the files of a release to its prefix.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, stream};
use lockstep::PhaseError;
use lockstep::site::{
    FileEntry, Inventory, Kind, Looked, Put, SiteStep, files, inventory_key, order, prefix, whole,
};
use lockstep_site::{Bucket, content_type};

use crate::bundle::{Bundle, hex_of};
use crate::phase::SitePhase;

/// How many files are sent at the same time: S3 takes thousands a second.
pub(crate) const AT_ONCE: usize = 32;

/// How many large ones: each of them is in memory as a whole.
pub(crate) const LARGE_AT_ONCE: usize = 3;

/// From how many bytes on a file is large.
pub(crate) const LARGE: u64 = 4 << 20;

/// What came of one file.
enum Sent {
    Done,
    /// What was to be copied is not there any more.
    Gone(String),
    /// There was no time for it.
    NotYet,
}

impl SitePhase {
    /// Puts every file there that is not yet, as far as the time reaches, and then their list.
    /// What is under way, where files are left.
    pub(crate) async fn upload(
        &self,
        step: &SiteStep,
        seen: &Looked,
    ) -> Result<Option<String>, PhaseError> {
        let bucket = self.bucket(&step.bucket);
        let mut bundle = None;
        let own = if let Some(standing) = &seen.inventory {
            standing.files.clone()
        } else {
            let opened = Bundle::open(&self.s3, step).await?;
            let listed = opened.files()?;
            bundle = Some(opened);
            let own = files(step, listed, hex_of, content_type);
            of_pages(step, own)?
        };
        let before = seen.before.as_ref();
        let mut inventory = whole(step, own, seen.inventory.clone(), before);
        let there = self.there(&bucket, step).await?;
        let puts = order(&step.scope, &inventory, before, &there);
        let is_sent = |put: &&(&str, &FileEntry, Put)| put.2 == Put::Upload;
        if bundle.is_none() && puts.iter().any(|put| is_sent(&put)) {
            bundle = Some(Bundle::open(&self.s3, step).await?);
        }
        let (all, mut left, mut gone) = (inventory.files.len(), 0, BTreeSet::new());
        for kind in [Kind::Immutable, Kind::Other, Kind::Page] {
            for large in [false, true] {
                let at_once = if large { LARGE_AT_ONCE } else { AT_ONCE };
                let some = puts
                    .iter()
                    .filter(|(_, file, _)| file.kind == kind && (file.size >= LARGE) == large);
                self.permit.holds().await?;
                let work = stream::iter(some)
                    .map(async |put| self.put(&bucket, step, bundle.as_ref(), put).await);
                let mut work = work.buffer_unordered(at_once);
                while let Some(one) = work.next().await {
                    match one? {
                        Sent::Done => {}
                        Sent::Gone(path) => drop(gone.insert(path)),
                        Sent::NotYet => left += 1,
                    }
                }
            }
        }
        if left > 0 {
            return Ok(Some(format!(
                "{} of {all} files are there",
                all.saturating_sub(left)
            )));
        }
        inventory.carried.retain(|path, _| !gone.contains(path));
        self.write(&bucket, step, &inventory).await?;
        self.prune(&bucket, step).await;
        Ok(None)
    }

    /// The paths that are under the release's prefix already. What is there is right: the prefix
    /// is named after its content, and S3 shows no half of an object.
    async fn there(
        &self,
        bucket: &Bucket,
        step: &SiteStep,
    ) -> Result<BTreeSet<String>, PhaseError> {
        let prefix = prefix(&step.scope, &step.release);
        let listed = bucket.list(&prefix).await?;
        let path = |key: String| key.strip_prefix(&prefix).map(str::to_owned);
        Ok(listed.into_iter().filter_map(|it| path(it.key)).collect())
    }

    async fn put(
        &self,
        bucket: &Bucket,
        step: &SiteStep,
        bundle: Option<&Bundle>,
        (path, file, put): &(&str, &FileEntry, Put),
    ) -> Result<Sent, PhaseError> {
        if self.permit.is_over() {
            return Ok(Sent::NotYet);
        }
        let key = format!("{}{path}", prefix(&step.scope, &step.release));
        if let Put::Copy(from) = put
            && bucket.copy(from, &key).await?
        {
            return Ok(Sent::Done);
        }
        let config = step.config.as_ref().filter(|it| it.path == *path);
        let bytes = match (config, bundle) {
            (Some(config), _) => Some(config.content.clone().into_bytes()),
            (None, Some(bundle)) => bundle.read(path, &file.sha256)?,
            // It was to be copied, and the live release has lost it.
            (None, None) => Bundle::open(&self.s3, step)
                .await?
                .read(path, &file.sha256)?,
        };
        let Some(bytes) = bytes else {
            tracing::warn!(
                path,
                "a file of an earlier release is gone, and is not carried over"
            );
            return Ok(Sent::Gone((*path).to_owned()));
        };
        bucket.put(&key, file, bytes).await?;
        Ok(Sent::Done)
    }

    async fn write(
        &self,
        bucket: &Bucket,
        step: &SiteStep,
        inventory: &Inventory,
    ) -> Result<(), PhaseError> {
        let (file, bytes) = json(step, inventory)?;
        let key = inventory_key(&step.scope, &step.release);
        bucket.put(&key, &file, bytes).await
    }
}

/// A list as a file.
pub(crate) fn json(
    step: &SiteStep,
    list: &impl serde::Serialize,
) -> Result<(FileEntry, Vec<u8>), PhaseError> {
    let bytes = serde_json::to_vec(list).map_err(|error| PhaseError::Rejected {
        resource: step.resource(),
        reason: format!("the list of its files cannot be written as JSON: {error}"),
    })?;
    let file = FileEntry {
        sha256: hex_of(&bytes),
        size: bytes.len() as u64,
        content_type: "application/json".to_owned(),
        control: "no-cache".to_owned(),
        kind: Kind::Other,
    };
    Ok((file, bytes))
}

/// A site without a page is most often one whose folder was packed instead of what is in it.
pub(crate) fn of_pages(
    step: &SiteStep,
    files: std::collections::BTreeMap<String, FileEntry>,
) -> Result<std::collections::BTreeMap<String, FileEntry>, PhaseError> {
    if files.values().any(|file| file.kind == Kind::Page) {
        return Ok(files);
    }
    let first = files.keys().next().map_or("nothing", String::as_str);
    Err(PhaseError::Rejected {
        resource: step.resource(),
        reason: format!(
            "{} has no page ({}), it has {first} and so on; pack what is in the folder, not the folder itself",
            step.bundle.label(),
            step.rules.html.join(", ")
        ),
    })
}
