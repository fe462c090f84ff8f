//! Deleting releases that nobody needs any more.

use std::collections::BTreeMap;

use lockstep::PhaseError;
use lockstep::site::{Kept, SiteStep, inventory_key, is_release, prefix, superfluous};
use lockstep_site::Bucket;

use crate::phase::SitePhase;

impl SitePhase {
    /// Deletes releases that are older than those that are kept, before the new one goes live: all
    /// that is live now was verified, and older ones are neither live nor gone back to. Best
    /// effort: what fails or finds no time is left to the next deployment.
    pub(crate) async fn prune(&self, bucket: &Bucket, step: &SiteStep) {
        match self.delete_superfluous(bucket, step).await {
            Ok(0) => {}
            Ok(deleted) => {
                tracing::info!(target = step.resource(), deleted, "old releases deleted");
            }
            Err(error) => {
                tracing::warn!(target = step.resource(), "old releases are kept: {error}");
            }
        }
    }

    async fn delete_superfluous(
        &self,
        bucket: &Bucket,
        step: &SiteStep,
    ) -> Result<usize, PhaseError> {
        let mut deleted = 0;
        for release in superfluous(step, kept(bucket, step).await?) {
            if self.permit.is_over() {
                break;
            }
            self.permit.holds().await?;
            // Its list first: without it a release is not whole, whatever is left of it.
            bucket
                .delete(&[inventory_key(&step.scope, &release)])
                .await?;
            let files = bucket.list(&prefix(&step.scope, &release)).await?;
            let files: Vec<_> = files.into_iter().map(|it| it.key).collect();
            bucket.delete(&files).await?;
            deleted += 1;
        }
        Ok(deleted)
    }
}

/// All releases of the site in the bucket. One without a list was never live, and is the oldest.
pub(crate) async fn kept(bucket: &Bucket, step: &SiteStep) -> Result<Vec<Kept>, PhaseError> {
    let (keys, prefixes) = bucket.children(&step.scope).await?;
    let mut all = BTreeMap::new();
    for prefix in prefixes {
        let name = prefix.strip_prefix(&step.scope).unwrap_or_default();
        all.insert(name.trim_end_matches('/').to_owned(), 0);
    }
    for listed in keys {
        let name = listed.key.strip_prefix(&step.scope).unwrap_or_default();
        if let Some(release) = name.strip_suffix(".json") {
            all.insert(release.to_owned(), listed.at);
        }
    }
    let all = all.into_iter().filter(|(release, _)| is_release(release));
    Ok(all.map(|(release, at)| Kept { at, release }).collect())
}
