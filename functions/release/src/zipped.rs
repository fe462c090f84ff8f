//! Artifacts inside a release.zip: each is stored by its hash, so that Lambda can read it.

use lockstep::PhaseError;
use lockstep::release_file::ReleasedArtifact;

use crate::archive::Archive;
use crate::bucket::{Bucket, Object};
use crate::files::wrong_hash;
use crate::progress::{Budget, Looked};

/// Unpacks and stores one artifact after the other, as far as there is time.
pub(crate) async fn look(
    bucket: &Bucket,
    archive: &mut Archive<'_>,
    artifacts: &[&ReleasedArtifact],
    budget: Budget,
) -> Result<Vec<Looked<(ReleasedArtifact, Object)>>, PhaseError> {
    let mut looked = Vec::new();
    for artifact in artifacts {
        let one = if budget.is_used_up() {
            Looked::NotYet
        } else {
            unpack(bucket, archive, artifact).await?
        };
        looked.push(one);
    }
    Ok(looked)
}

async fn unpack(
    bucket: &Bucket,
    archive: &mut Archive<'_>,
    artifact: &ReleasedArtifact,
) -> Result<Looked<(ReleasedArtifact, Object)>, PhaseError> {
    let ReleasedArtifact { path, sha256 } = artifact;
    let Some(entry) = archive.file(path).cloned() else {
        return Ok(Looked::Missing(path.clone()));
    };
    let key = format!("unpacked/{sha256}.zip");
    // Only this function writes there, and S3 refused what had another hash.
    if let Some(stored) = bucket.head(&key, None).await?
        && stored.size == entry.size
    {
        return Ok(Looked::Good((artifact.clone(), stored)));
    }
    let unpacked = archive.unpack(&entry).await?;
    if unpacked.sha256 != *sha256 {
        return Ok(Looked::Bad(wrong_hash(path, sha256, &unpacked.sha256)));
    }
    bucket.store(&key, unpacked.file.path(), sha256).await?;
    let stored = bucket.head(&key, None).await?;
    let stored = stored.ok_or_else(|| PhaseError::Transient {
        operation: "s3:PutObject".to_owned(),
        source_text: format!(
            "s3://{}/{key} is not there after it was stored",
            bucket.name()
        ),
    })?;
    Ok(Looked::Good((artifact.clone(), stored)))
}
