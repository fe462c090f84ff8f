//! The live zip files in the releases bucket.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::copy_object::builders::CopyObjectFluentBuilder;
use aws_sdk_s3::types::MetadataDirective;
use aws_types::SdkConfig;
use lockstep::PhaseError;
use lockstep::release::ZipArtifact;
use lockstep_aws::AwsError;

/// The hash of the file in hex.
const SHA256: &str = "sha256";
/// The deployment that put it there: only what carries our own mark is put back.
const DEPLOYMENT: &str = "deployment";
/// The version of the release it is from, for people.
const RELEASE: &str = "release";
/// The version of the object that it replaced; not there where there was none.
const REPLACED: &str = "replaced";

/// The live zip files. The bucket keeps versions, so whatever is replaced can be put back exactly.
#[derive(Debug, Clone)]
pub(crate) struct Objects {
    client: Client,
    bucket: String,
}

/// What is at a key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Live {
    version_id: Option<String>,
    sha256: Option<String>,
    deployment: Option<String>,
    replaced: Option<String>,
}

impl Objects {
    /// `bucket` by a client of `config`.
    pub(crate) fn new(config: &SdkConfig, bucket: String) -> Self {
        let config = aws_sdk_s3::config::Builder::from(config)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            // The local engine has no host names for buckets, and AWS takes both.
            .force_path_style(config.endpoint_url().is_some());
        Self::with_client(Client::from_conf(config.build()), bucket)
    }

    pub(crate) const fn with_client(client: Client, bucket: String) -> Self {
        Self { client, bucket }
    }

    /// Makes `zip` the file at `key`. Gives whether it was not yet.
    pub(crate) async fn publish(
        &self,
        key: &str,
        zip: &ZipArtifact,
        deployment: &str,
    ) -> Result<bool, PhaseError> {
        let before = self.head(key).await?;
        let known = before.as_ref().and_then(|live| live.sha256.as_ref());
        if known == Some(&zip.sha256) {
            return Ok(false);
        }
        let replaced = before.and_then(|live| live.version_id);
        let source = source(&zip.bucket, &zip.key, zip.version_id.as_deref());
        let copy = self
            .copy(key, source)
            .metadata_directive(MetadataDirective::Replace)
            .content_type("application/zip")
            .metadata(SHA256, &zip.sha256)
            .metadata(DEPLOYMENT, deployment)
            .metadata(RELEASE, &zip.release);
        let copy = match replaced {
            Some(version) => copy.metadata(REPLACED, version),
            None => copy,
        };
        self.send(copy, key).await?;
        Ok(true)
    }

    /// Puts back what `deployment` replaced at `key`, if it did. Gives whether it had.
    pub(crate) async fn put_back(&self, key: &str, deployment: &str) -> Result<bool, PhaseError> {
        let live = self.head(key).await?;
        let ours = |live: &Live| live.deployment.as_deref() == Some(deployment);
        let Some(live) = live.filter(ours) else {
            return Ok(false);
        };
        match live.replaced {
            Some(version) => {
                let source = source(&self.bucket, key, Some(&version));
                self.send(self.copy(key, source), key).await?;
            }
            None => self.delete(key).await?,
        }
        Ok(true)
    }

    async fn head(&self, key: &str) -> Result<Option<Live>, PhaseError> {
        let sent = self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(key)
            .send()
            .await;
        let output = match sent {
            Ok(output) => output,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(self.error("s3:HeadObject", key, &error)),
        };
        let mark = |name: &str| output.metadata().and_then(|all| all.get(name)).cloned();
        Ok(Some(Live {
            version_id: output.version_id().map(str::to_owned),
            sha256: mark(SHA256),
            deployment: mark(DEPLOYMENT),
            replaced: mark(REPLACED),
        }))
    }

    /// AWS has no permission of this name: it asks for `GetObject` (`GetObjectVersion` where a version
    /// is named) on the source, and for `PutObject` on the key.
    fn copy(&self, key: &str, source: String) -> CopyObjectFluentBuilder {
        let copy = self.client.copy_object().bucket(&self.bucket).key(key);
        copy.copy_source(source)
    }

    async fn send(&self, copy: CopyObjectFluentBuilder, key: &str) -> Result<(), PhaseError> {
        let sent = copy.send().await;
        sent.map(drop)
            .map_err(|error| self.error("s3:CopyObject", key, &error))
    }

    async fn delete(&self, key: &str) -> Result<(), PhaseError> {
        let delete = self.client.delete_object().bucket(&self.bucket).key(key);
        let sent = delete.send().await;
        sent.map(drop)
            .map_err(|error| self.error("s3:DeleteObject", key, &error))
    }

    fn error<E>(
        &self,
        operation: &'static str,
        key: &str,
        error: &SdkError<E, HttpResponse>,
    ) -> PhaseError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let place = format!("s3://{}/{key}", self.bucket);
        let what = format!("{place} (the code that CloudFormation templates read)");
        AwsError::new(operation, error).about(what)
    }
}

/// No such object, or its newest version is the mark of its deletion. The answer to a HEAD has
/// no body, so there is no code to go by.
fn is_missing<E>(error: &SdkError<E, HttpResponse>) -> bool {
    let status = error.raw_response().map(|answer| answer.status().as_u16());
    matches!(status, Some(404 | 405))
}

/// What CopyObject wants: bucket, key and version in one header, encoded as in a URL.
fn source(bucket: &str, key: &str, version: Option<&str>) -> String {
    let key = encoded(key, "/");
    match version {
        Some(version) => format!("{bucket}/{key}?versionId={}", encoded(version, "")),
        None => format!("{bucket}/{key}"),
    }
}

/// Everything percent-encoded but what needs not be, and `kept`.
fn encoded(text: &str, kept: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        let letter = char::from(byte);
        if byte.is_ascii_alphanumeric() || "-_.~".contains(letter) || kept.contains(letter) {
            encoded.push(letter);
        } else {
            use std::fmt::Write as _;
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::source;

    #[test]
    fn a_source_is_encoded_but_for_its_slashes() {
        assert_eq!(
            source("b", "releases/shop/1.4.0+x/a b?c.zip", Some("v/1+=")),
            "b/releases/shop/1.4.0%2Bx/a%20b%3Fc.zip?versionId=v%2F1%2B%3D"
        );
        assert_eq!(source("b", "k.zip", None), "b/k.zip");
    }
}
