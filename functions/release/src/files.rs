//! Artifacts that lie beside their release.json.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use lockstep::PhaseError;
use lockstep::release_file::ReleasedArtifact;

use crate::bucket::{Bucket, Object};
use crate::entries::ARTIFACT_LIMIT;
use crate::progress::{Budget, Looked};

/// How many artifacts are looked at at the same time.
const AT_ONCE: usize = 16;

/// Looks at each artifact once, as far as there is time.
pub(crate) async fn look(
    bucket: &Bucket,
    folder: &str,
    artifacts: &[&ReleasedArtifact],
    budget: Budget,
) -> Result<Vec<Looked<(ReleasedArtifact, Object)>>, PhaseError> {
    let looks = artifacts
        .iter()
        .map(|artifact| look_at(bucket, folder, artifact, budget));
    stream::iter(looks).buffered(AT_ONCE).try_collect().await
}

async fn look_at(
    bucket: &Bucket,
    folder: &str,
    artifact: &ReleasedArtifact,
    budget: Budget,
) -> Result<Looked<(ReleasedArtifact, Object)>, PhaseError> {
    if budget.is_used_up() {
        return Ok(Looked::NotYet);
    }
    let path = &artifact.path;
    let Some(object) = bucket.head(&format!("{folder}{path}"), None).await? else {
        return Ok(Looked::Missing(path.clone()));
    };
    if object.size > ARTIFACT_LIMIT {
        let size = object.size;
        return Ok(Looked::Bad(format!(
            "{path} has {size} bytes; Lambda takes at most {ARTIFACT_LIMIT} (250 MB)"
        )));
    }
    let found = bucket.sha256(&object).await?;
    if found != artifact.sha256 {
        return Ok(Looked::Bad(wrong_hash(path, &artifact.sha256, &found)));
    }
    Ok(Looked::Good((artifact.clone(), object)))
}

/// The text for an artifact that is not what release.json says.
pub(crate) fn wrong_hash(path: &str, expected: &str, found: &str) -> String {
    format!("{path} has the SHA-256 {found}, release.json says {expected}")
}
