//! Templates in the releases bucket. Each lies under the hash of its own bytes, so that what a
//! plan names never changes, and undo finds what ran before.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_types::SdkConfig;
use lockstep::PhaseError;
use lockstep::release::ZipArtifact;
use lockstep::stack::{Template, template_key, template_url};
use lockstep_s3::failed;
use sha2::{Digest, Sha256};

/// The releases bucket.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    client: Client,
    name: String,
    region: String,
}

impl Bucket {
    /// `name` by clients of `config`.
    pub(crate) fn new(config: &SdkConfig, name: String) -> Self {
        let region = config.region().map_or("", |region| region.as_ref());
        Self {
            client: lockstep_s3::client(config),
            region: region.to_owned(),
            name,
        }
    }

    /// Keeps a template where undo finds it. One that is there already stays as it is.
    pub(crate) async fn keep(&self, application: &str, text: &str) -> Result<Template, PhaseError> {
        let sha256 = sha256(text.as_bytes());
        let key = template_key(application, &sha256);
        if !self.has(&key).await? {
            let call = self.client.put_object().bucket(&self.name).key(&key);
            let body = ByteStream::from(text.as_bytes().to_vec());
            let sent = call.body(body).send().await;
            sent.map_err(|error| failed("s3:PutObject", self.resource(&key), &error))?;
        }
        Ok(Template {
            url: template_url(&self.region, &self.name, &key),
            sha256,
            size: text.len() as u64,
        })
    }

    /// The template that came with a release, kept like all others.
    pub(crate) async fn released(
        &self,
        application: &str,
        artifact: &ZipArtifact,
    ) -> Result<Template, PhaseError> {
        let key = template_key(application, &artifact.sha256);
        if self.has(&key).await? {
            return Ok(Template {
                url: template_url(&self.region, &self.name, &key),
                sha256: artifact.sha256.clone(),
                size: artifact.size,
            });
        }
        self.keep(application, &self.text(artifact).await?).await
    }

    async fn has(&self, key: &str) -> Result<bool, PhaseError> {
        lockstep_s3::has(&self.client, &self.name, key).await
    }

    async fn text(&self, artifact: &ZipArtifact) -> Result<String, PhaseError> {
        let resource = self.resource(&artifact.key);
        let call = self.client.get_object().bucket(&artifact.bucket);
        let call = call
            .key(&artifact.key)
            .set_version_id(artifact.version_id.clone());
        let sent = call.send().await;
        let output = sent.map_err(|error| failed("s3:GetObject", resource.clone(), &error))?;
        let bytes = output.body.collect().await;
        let bytes = bytes.map_err(|error| PhaseError::Transient {
            operation: "s3:GetObject".to_owned(),
            source_text: format!("{resource}: {error}"),
        })?;
        String::from_utf8(bytes.to_vec()).map_err(|_| PhaseError::Rejected {
            resource,
            reason: "it is no text, so it is no template; correct its path in lockstep.yaml, or release a template there"
                .to_owned(),
        })
    }

    fn resource(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }
}

/// The SHA-256 in lower-case hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}
