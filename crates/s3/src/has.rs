//! Whether there is an object.

use aws_sdk_s3::Client;
use lockstep::PhaseError;

use crate::{failed, found};

/// Whether there is an object under this key.
///
/// # Errors
/// When S3 gives no answer. Without `s3:ListBucket` a missing object is a refusal.
pub async fn has(client: &Client, bucket: &str, key: &str) -> Result<bool, PhaseError> {
    let sent = client.head_object().bucket(bucket).key(key).send().await;
    let resource = || format!("s3://{bucket}/{key}");
    let object = found(sent).map_err(|error| failed("s3:HeadObject", resource(), &error))?;
    Ok(object.is_some())
}
