//! What the builds of a component hand to each other and to Lockstep, in the releases bucket; and
//! the sources that came with releases.

use std::collections::BTreeMap;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::TaggingDirective;
use aws_types::SdkConfig;
use lockstep::PhaseError;
use lockstep::build::{InfrastructureChange, Source, Work, read_changes, read_outputs, source_key};
use lockstep::release::ZipArtifact;
use lockstep_s3::{copy_source, failed, found, has};

/// More than may be in anything that is read: whatever has more is not read to its end.
const LIMIT: i64 = 1024 * 1024;

/// The releases bucket.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    client: Client,
    bucket: String,
}

/// What a build left, or why it cannot be read.
pub(crate) type Left<T> = Result<T, String>;

impl Store {
    /// `bucket` by clients of `config`.
    pub(crate) fn new(config: &SdkConfig, bucket: String) -> Self {
        Self {
            client: lockstep_s3::client(config),
            bucket,
        }
    }

    /// The bucket's name.
    pub(crate) fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Writes `variables.json`, which every build of the work place reads.
    pub(crate) async fn put_variables(
        &self,
        work: &Work,
        variables: &BTreeMap<String, String>,
    ) -> Result<(), PhaseError> {
        let name = "variables.json";
        let text =
            serde_json::to_vec_pretty(variables).map_err(|error| PhaseError::InvalidRequest {
                field: name.to_owned(),
                reason: error.to_string(),
            })?;
        let call = self.client.put_object().bucket(&work.bucket);
        let call = call.key(work.key(name)).content_type("application/json");
        let sent = call.body(ByteStream::from(text)).send().await;
        sent.map(drop)
            .map_err(|error| failed("s3:PutObject", work.url(name), &error))
    }

    /// What the plan build says would change.
    pub(crate) async fn changes(
        &self,
        work: &Work,
    ) -> Result<Left<Vec<InfrastructureChange>>, PhaseError> {
        let left = self.left(work, "changes.json").await?;
        Ok(left.and_then(|text| read_changes(&text)))
    }

    /// The outputs that a build left.
    pub(crate) async fn outputs(
        &self,
        work: &Work,
    ) -> Result<Left<BTreeMap<String, String>>, PhaseError> {
        let left = self.left(work, "outputs.json").await?;
        Ok(left.and_then(|text| read_outputs(&text)))
    }

    async fn left(&self, work: &Work, name: &str) -> Result<Left<Vec<u8>>, PhaseError> {
        let call = self.client.get_object().bucket(&work.bucket);
        let sent = found(call.key(work.key(name)).send().await);
        let object = sent.map_err(|error| failed("s3:GetObject", work.url(name), &error))?;
        let Some(object) = object else {
            return Ok(Err("there is none".to_owned()));
        };
        if object.content_length().is_some_and(|size| size > LIMIT) {
            return Ok(Err("it has more than 1 MiB".to_owned()));
        }
        let bytes = object.body.collect().await;
        let bytes = bytes.map_err(|error| PhaseError::Transient {
            operation: "s3:GetObject".to_owned(),
            source_text: format!("{}: {error}", work.url(name)),
        })?;
        Ok(Ok(bytes.to_vec()))
    }

    /// The source that came with a release, kept under its hash: what undo goes back to does not
    /// go with the release.
    pub(crate) async fn keep(
        &self,
        application: &str,
        artifact: &ZipArtifact,
    ) -> Result<Source, PhaseError> {
        let source = Source {
            bucket: self.bucket.clone(),
            key: source_key(application, &artifact.sha256),
            sha256: artifact.sha256.clone(),
        };
        if has(&self.client, &source.bucket, &source.key).await? {
            return Ok(source);
        }
        let from = copy_source(
            &artifact.bucket,
            &artifact.key,
            artifact.version_id.as_deref(),
        );
        let call = self.client.copy_object().bucket(&source.bucket);
        let sent = call
            .key(&source.key)
            .copy_source(&from)
            .tagging_directive(TaggingDirective::Replace)
            .send()
            .await;
        let place = format!(
            "s3://{}/{}, copied from s3://{from}",
            source.bucket, source.key
        );
        sent.map_err(|error| failed("s3:CopyObject", place, &error))?;
        Ok(source)
    }
}

#[cfg(test)]
mod tests;
