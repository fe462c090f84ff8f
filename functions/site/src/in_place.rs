//! Bringing the files of a release to where viewers have always been served from, and putting back what
//! was there.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use lockstep::PhaseError;
use lockstep::site::{
    ASIDE, FileEntry, Looked, Replaced, Replacement, SiteStep, files, in_order, inventory_key,
    leftovers, marker_key, previous, replaced, superfluous, whole,
};
use lockstep_site::{Bucket, content_type};

use crate::bundle::{Bundle, hex_of};
use crate::phase::SitePhase;
use crate::upload::{AT_ONCE, LARGE, LARGE_AT_ONCE, json, of_pages};

/// What came of one file.
enum Moved {
    Done,
    /// There was no time for it.
    NotYet,
}

impl SitePhase {
    /// Copies everything aside that the release replaces, and then writes down what that is. What is
    /// under way, where files are left.
    pub(crate) async fn keep(
        &self,
        step: &SiteStep,
        seen: &Looked,
    ) -> Result<Option<String>, PhaseError> {
        let bucket = self.bucket(&step.bucket);
        let listed = Bundle::open(&self.s3, step).await?.files()?;
        let own = of_pages(step, files(step, listed, hex_of, content_type))?;
        let inventory = whole(step, own, None, None);
        let there = self.sizes(&bucket, step).await?;
        let list = replaced(inventory, seen.before.as_ref(), &there);
        let aside = bucket.list(&step.copy_key("")).await?;
        let is_aside = |path: &str| aside.iter().any(|it| it.key == step.copy_key(path));
        let missing = list.files.iter().filter(|(_, it)| it.existed);
        let missing: Vec<_> = missing.filter(|(path, _)| !is_aside(path)).collect();
        self.permit.holds().await?;
        let left = self
            .each(&missing, AT_ONCE, async |(path, _)| {
                // One that is gone since it was listed did not exist before.
                bucket
                    .copy(&key(step, path), &step.copy_key(path))
                    .await
                    .map(drop)
            })
            .await?;
        if left > 0 {
            return Ok(Some(format!("{left} files are still to be copied aside")));
        }
        let list_key = step.replaced_key();
        let (file, bytes) = json(step, &list)?;
        self.permit.holds().await?;
        bucket.put(&list_key, &file, bytes).await?;
        Ok(None)
    }

    /// Puts what is to be put, and then has the mark say that the release is live.
    pub(crate) async fn replace(
        &self,
        step: &SiteStep,
        list: &Replaced,
        seen: &Looked,
    ) -> Result<Option<String>, PhaseError> {
        let bucket = self.bucket(&step.bucket);
        let bundle = Bundle::open(&self.s3, step).await?;
        let all = in_order(list);
        let mut left = 0;
        // One kind after the other: pages only when all that they name is there.
        for some in all.chunk_by(|(_, one), (_, other)| one.file.kind == other.file.kind) {
            let (large, small): (Vec<_>, Vec<_>) =
                some.iter().partition(|(_, it)| it.file.size >= LARGE);
            for (some, at_once) in [(small, AT_ONCE), (large, LARGE_AT_ONCE)] {
                self.permit.holds().await?;
                left += self
                    .each(&some, at_once, async |(path, it)| {
                        self.put_over(&bucket, step, &bundle, path, it).await
                    })
                    .await?;
            }
            if left > 0 {
                return Ok(Some("files are replaced".to_owned()));
            }
        }
        let (file, bytes) = json(step, &list.inventory)?;
        let inventory = inventory_key(&step.scope, &step.release);
        bucket.put(&inventory, &file, bytes).await?;
        match self.delete_leftovers(step, list, seen).await {
            Ok(0) => {}
            Ok(deleted) => tracing::info!(target = step.resource(), deleted, "old files deleted"),
            Err(error) => tracing::warn!(target = step.resource(), "old files are kept: {error}"),
        }
        self.mark(step, (&step.before, &step.release)).await?;
        Ok(None)
    }

    async fn put_over(
        &self,
        bucket: &Bucket,
        step: &SiteStep,
        bundle: &Bundle,
        path: &str,
        it: &Replacement,
    ) -> Result<(), PhaseError> {
        let key = key(step, path);
        if bucket.has(&key, &it.file).await? {
            return Ok(());
        }
        let config = step.config.as_ref().filter(|it| it.path == path);
        let bytes = match config {
            Some(config) => Some(config.content.clone().into_bytes()),
            None => bundle.read(path, &it.file.sha256)?,
        };
        let bytes = bytes.ok_or_else(|| PhaseError::Rejected {
            resource: step.resource(),
            reason: format!(
                "{} has no {path} any more; upload the release again",
                step.bundle.label()
            ),
        })?;
        bucket.put(&key, &it.file, bytes).await
    }

    /// Puts back everything that was replaced, pages first, takes away what is new, and has the mark say what was live. What
    /// somebody else put there since then is left alone.
    pub(crate) async fn restore(
        &self,
        step: &SiteStep,
        list: &Replaced,
    ) -> Result<Option<String>, PhaseError> {
        let bucket = self.bucket(&step.bucket);
        let mut all = in_order(list);
        all.reverse();
        for some in all.chunk_by(|(_, one), (_, other)| one.file.kind == other.file.kind) {
            self.permit.holds().await?;
            let left = self
                .each(some, AT_ONCE, async |(path, it)| {
                    put_back(&bucket, step, path, it).await
                })
                .await?;
            if left > 0 {
                return Ok(Some("files are put back".to_owned()));
            }
        }
        self.mark(step, (&step.release, &step.before)).await?;
        let mut done = list.clone();
        done.restored = true;
        let (file, bytes) = json(step, &done)?;
        self.permit.holds().await?;
        bucket.put(&step.replaced_key(), &file, bytes).await?;
        Ok(None)
    }
}

impl SitePhase {
    /// Has the mark say that another release is live, where nobody else did meanwhile.
    async fn mark(&self, step: &SiteStep, (from, to): (&str, &str)) -> Result<(), PhaseError> {
        let mandate = self.permit.mandate();
        let bucket = self.bucket(&step.bucket);
        let marker = marker_key(&step.scope);
        if !bucket.swap(&marker, (from, to), &mandate).await? {
            tracing::info!(
                target = step.resource(),
                "the mark changed meanwhile; looking again"
            );
        }
        Ok(())
    }

    /// Does the same with some files at a time, as long as there is time. Gives how many are left.
    async fn each<T>(
        &self,
        some: &[T],
        at_once: usize,
        act: impl AsyncFn(&T) -> Result<(), PhaseError>,
    ) -> Result<usize, PhaseError> {
        let act = &act;
        let work = stream::iter(some).map(async |one| {
            if self.permit.is_over() {
                return Ok(Moved::NotYet);
            }
            act(one).await.map(|()| Moved::Done)
        });
        let mut work = work.buffer_unordered(at_once);
        let mut left = 0;
        while let Some(one) = work.next().await {
            left += usize::from(matches!(one?, Moved::NotYet));
        }
        Ok(left)
    }

    /// The sizes of the site's objects, by path.
    async fn sizes(
        &self,
        bucket: &Bucket,
        step: &SiteStep,
    ) -> Result<BTreeMap<String, u64>, PhaseError> {
        let prefix = step.in_place().unwrap_or_default();
        let listed = bucket.list(prefix).await?;
        let own = listed.into_iter().filter(|it| !it.key.starts_with(ASIDE));
        let own = own.filter_map(|it| Some((it.key.strip_prefix(prefix)?.to_owned(), it.size)));
        Ok(own.collect())
    }

    /// Deletes files that only releases of the past named, their lists, and what earlier deployments replaced. What
    /// somebody else put there since then is left alone. Best effort, as with prefixes.
    pub(crate) async fn delete_leftovers(
        &self,
        step: &SiteStep,
        list: &Replaced,
        seen: &Looked,
    ) -> Result<usize, PhaseError> {
        let bucket = self.bucket(&step.bucket);
        let (mut gone, mut kept) = (Vec::new(), vec![list.inventory.clone()]);
        kept.extend(seen.before.clone());
        let all = crate::prune::kept(&bucket, step).await?;
        let old = superfluous(step, all.clone());
        for release in all.into_iter().map(|it| it.release) {
            let Some(inventory) = self.inventory(step, &release).await? else {
                continue;
            };
            let is_old = old.contains(&release);
            if is_old { &mut gone } else { &mut kept }.push(inventory);
        }
        let kept: Vec<_> = kept.iter().collect();
        let left: Vec<_> = leftovers(&gone, &kept).into_iter().collect();
        self.permit.holds().await?;
        let late = self
            .each(&left, AT_ONCE, async |(path, file)| {
                delete_own(&bucket, &key(step, path), file).await
            })
            .await?;
        if late > 0 {
            return Ok(0);
        }
        // Their lists last: without them nobody would know whose the files are.
        let lists = gone
            .iter()
            .map(|it| inventory_key(&step.scope, &it.release));
        let aside = bucket.list(&previous(&step.scope)).await?;
        let own = [step.replaced_key(), step.copy_key("")];
        let aside = aside.into_iter().map(|it| it.key);
        let aside = aside.filter(|key| !own.iter().any(|it| key.starts_with(it.as_str())));
        let keys: Vec<_> = lists.chain(aside).collect();
        self.permit.holds().await?;
        bucket.delete(&keys).await?;
        Ok(left.len())
    }
}

/// The key of a site's file.
fn key(step: &SiteStep, path: &str) -> String {
    format!("{}{path}", step.in_place().unwrap_or_default())
}

async fn put_back(
    bucket: &Bucket,
    step: &SiteStep,
    path: &str,
    it: &Replacement,
) -> Result<(), PhaseError> {
    let key = key(step, path);
    if !it.existed {
        return delete_own(bucket, &key, &it.file).await;
    }
    if !bucket.has_content(&key, &it.file).await? {
        return Ok(());
    }
    if bucket.copy(&step.copy_key(path), &key).await? {
        return Ok(());
    }
    Err(PhaseError::Rejected {
        resource: step.resource(),
        reason: format!(
            "the copy {} of what was served before is gone; somebody deleted it",
            step.copy_key(path)
        ),
    })
}

/// Deletes a file if it is still the one that was put.
async fn delete_own(bucket: &Bucket, key: &str, file: &FileEntry) -> Result<(), PhaseError> {
    if bucket.has_content(key, file).await? {
        bucket.delete(&[key.to_owned()]).await?;
    }
    Ok(())
}
