//! Uploading a release: the artifacts, then release.json, which starts the deployments.

use std::path::Path;

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumMode;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use lockstep::release::base64_of_hex;
use lockstep::release_file::ReleaseFile;
use lockstep_aws::AwsError;
use sha2::{Digest, Sha256};

use super::Artifact;
use crate::aws::Controller;
use crate::error::CliError;

/// How many artifacts are uploaded at the same time.
const AT_ONCE: usize = 8;

/// What was uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// The bucket.
    pub bucket: String,
    /// The key of release.json.
    pub key: String,
    /// Its version.
    pub version_id: Option<String>,
    /// How many artifacts were there already.
    pub unchanged: usize,
}

/// Uploads a release. What is there already is not sent again, so that a job that failed in
/// the middle can be run again.
pub async fn upload(
    controller: &Controller,
    file: &ReleaseFile,
    artifacts: &[Artifact],
) -> Result<Uploaded, CliError> {
    let bucket = controller.releases_bucket().await?;
    let folder = format!("releases/{}/{}", file.application, file.version);
    let place = Place { controller, bucket };
    let uploads = artifacts.iter().map(|artifact| {
        let key = format!("{folder}/{}", artifact.path);
        place.artifact(key, artifact)
    });
    let sent: Vec<bool> = stream::iter(uploads)
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let unchanged = sent.iter().filter(|sent| !**sent).count();
    let text = serde_json::to_vec_pretty(file)
        .map_err(std::io::Error::other)
        .map_err(|source| CliError::Io {
            what: "writing release.json".to_owned(),
            source,
        })?;
    let key = format!("{folder}/release.json");
    let sha256 = format!("{:x}", Sha256::digest(&text));
    let version_id = place.put(&key, ByteStream::from(text), &sha256).await?;
    Ok(Uploaded {
        bucket: place.bucket,
        key,
        version_id,
        unchanged,
    })
}

struct Place<'a> {
    controller: &'a Controller,
    bucket: String,
}

impl Place<'_> {
    /// Whether it had to be sent.
    async fn artifact(&self, key: String, artifact: &Artifact) -> Result<bool, CliError> {
        if self.has(&key, artifact).await {
            return Ok(false);
        }
        let body = read(&artifact.file).await?;
        self.put(&key, body, &artifact.sha256).await?;
        Ok(true)
    }

    /// Whether the same bytes are there. When that cannot be said they are sent.
    async fn has(&self, key: &str, artifact: &Artifact) -> bool {
        let head = self.controller.s3.head_object().bucket(&self.bucket);
        let sent = head
            .key(key)
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await;
        let expected = base64_of_hex(&artifact.sha256);
        sent.is_ok_and(|found| found.checksum_sha256() == Some(expected.as_str()))
    }

    /// S3 refuses what does not have this hash, and shows it to whoever checks the release.
    async fn put(
        &self,
        key: &str,
        body: ByteStream,
        sha256: &str,
    ) -> Result<Option<String>, CliError> {
        let put = self.controller.s3.put_object().bucket(&self.bucket);
        let sent = put
            .key(key)
            .checksum_sha256(base64_of_hex(sha256))
            .body(body)
            .send()
            .await;
        match sent {
            Ok(output) => Ok(output.version_id),
            Err(error) if error.code() == Some("NoSuchBucket") => Err(CliError::invalid(
                format!(
                    "the controller has no releases bucket: {} does not exist",
                    self.bucket
                ),
                "update the controller's stack: releases came with a newer version",
            )),
            Err(error) => Err(CliError::Aws {
                doing: format!("uploading s3://{}/{key}", self.bucket),
                error: AwsError::new("s3:PutObject", &error),
            }),
        }
    }
}

async fn read(file: &Path) -> Result<ByteStream, CliError> {
    ByteStream::from_path(file)
        .await
        .map_err(|error| CliError::Io {
            what: format!("reading {}", file.display()),
            source: std::io::Error::other(error),
        })
}
