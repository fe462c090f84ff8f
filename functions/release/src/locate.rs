//! Which object a release is.

use jiff::Timestamp;
use lockstep::PhaseError;
use lockstep::record::ReleaseRequest;
use lockstep::release_file::RELEASE_FILE_LIMIT;

use crate::bucket::{Bucket, Object};

/// Where a release is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Located {
    pub(crate) object: Object,
    /// What the paths in release.json are relative to: a key that ends with a slash.
    pub(crate) folder: String,
    /// Whether it is one zip file with everything in it.
    pub(crate) zipped: bool,
    /// When it was uploaded.
    pub(crate) at: Timestamp,
}

/// The object that the event told of, or `release.json`, or `release.zip`.
///
/// # Errors
/// [`PhaseError::Rejected`] when there is none.
pub(crate) async fn locate(
    bucket: &Bucket,
    application: &str,
    request: &ReleaseRequest,
) -> Result<Located, PhaseError> {
    let folder = format!("releases/{application}/{}/", request.version);
    let Some(told) = &request.object else {
        return search(bucket, &folder).await;
    };
    let resource = format!("s3://{}/{}", told.bucket, told.key);
    let rejected = |reason: String| PhaseError::Rejected {
        resource: resource.clone(),
        reason,
    };
    if told.bucket != bucket.name() {
        return Err(rejected(format!(
            "releases are read from the bucket {} and from no other",
            bucket.name()
        )));
    }
    let object = bucket.head(&told.key, told.version_id.as_deref()).await?;
    let object = object.ok_or_else(|| {
        rejected("it was deleted after its event was sent; upload the release again".to_owned())
    })?;
    Ok(Located {
        object,
        folder,
        zipped: told.zipped,
        at: told.at,
    })
}

async fn search(bucket: &Bucket, folder: &str) -> Result<Located, PhaseError> {
    for (name, zipped) in [("release.json", false), ("release.zip", true)] {
        if let Some(object) = bucket.head(&format!("{folder}{name}"), None).await? {
            return Ok(Located {
                at: object.uploaded_at,
                object,
                folder: folder.to_owned(),
                zipped,
            });
        }
    }
    Err(PhaseError::Rejected {
        resource: format!("s3://{}/{folder}", bucket.name()),
        reason: "there is neither a release.json nor a release.zip; upload the release with `lockstep release`"
            .to_owned(),
    })
}

/// The text of a release.json that was uploaded as it is.
pub(crate) async fn read_release_file(
    bucket: &Bucket,
    object: &Object,
) -> Result<Vec<u8>, PhaseError> {
    if object.size > RELEASE_FILE_LIMIT as u64 {
        return Err(PhaseError::Rejected {
            resource: object.resource(bucket.name()),
            reason: format!(
                "it has {} bytes; a release.json has at most {RELEASE_FILE_LIMIT}",
                object.size
            ),
        });
    }
    let mut text = Vec::new();
    bucket
        .read(object, None, |bytes| {
            text.extend_from_slice(bytes);
            Ok(())
        })
        .await?;
    Ok(text)
}
