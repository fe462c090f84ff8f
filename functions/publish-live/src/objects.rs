//! The live zip files in the releases bucket.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::operation::copy_object::builders::CopyObjectFluentBuilder;
use aws_sdk_s3::types::{MetadataDirective, TaggingDirective};
use aws_types::SdkConfig;
use lockstep::PhaseError;
use lockstep::release::ZipArtifact;
use lockstep_aws::Mandate;
use lockstep_s3::{copy_source, failed, found};

/// The hash of the file in hex.
const SHA256: &str = "sha256";
/// The deployment that put it there: only what carries our own mark is put back.
const DEPLOYMENT: &str = "deployment";
/// The version of the release it is from, for people.
const RELEASE: &str = "release";
/// The version of the object that it replaced; not there where there was none.
const REPLACED: &str = "replaced";
/// There where nothing was live before, so that a stack could be created: the deployment takes it
/// away once its stacks are put back, and not before.
const SEED: &str = "seed";

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
    is_seed: bool,
}

impl Live {
    fn is_of(&self, deployment: &str) -> bool {
        self.deployment.as_deref() == Some(deployment)
    }
}

impl Objects {
    /// `bucket` by a client of `config`.
    pub(crate) fn new(config: &SdkConfig, bucket: String) -> Self {
        Self::with_client(lockstep_s3::client(config), bucket)
    }

    pub(crate) const fn with_client(client: Client, bucket: String) -> Self {
        Self { client, bucket }
    }

    /// Makes `zip` the file at `key`, if that may still be done. Gives whether it was not yet.
    pub(crate) async fn publish(
        &self,
        key: &str,
        zip: &ZipArtifact,
        deployment: &str,
        mandate: &Mandate,
    ) -> Result<bool, PhaseError> {
        let before = self.head(key).await?;
        let known = before.as_ref().and_then(|live| live.sha256.as_ref());
        if known == Some(&zip.sha256) {
            return Ok(false);
        }
        let replaced = before.and_then(|live| live.version_id);
        let copy = self.copy_of(key, zip, deployment);
        let copy = match replaced {
            Some(version) => copy.metadata(REPLACED, version),
            None => copy,
        };
        mandate.holds().await?;
        self.send(copy, key).await?;
        Ok(true)
    }

    /// Puts back what `deployment` replaced at `key`, if it did and that may still be done. Gives
    /// whether it had.
    pub(crate) async fn put_back(
        &self,
        key: &str,
        deployment: &str,
        mandate: &Mandate,
    ) -> Result<bool, PhaseError> {
        let live = self.head(key).await?;
        let ours = |live: &Live| live.is_of(deployment) && !live.is_seed;
        let Some(live) = live.filter(ours) else {
            return Ok(false);
        };
        mandate.holds().await?;
        match live.replaced {
            Some(version) => {
                let source = copy_source(&self.bucket, key, Some(&version));
                self.send(self.copy(key, source), key).await?;
            }
            None => self.delete(key).await?,
        }
        Ok(true)
    }

    /// Makes `zip` the file at `key` where there is none, if that may still be done. Gives whether
    /// there was none. What somebody puts there meanwhile stays: S3 itself sees to that.
    pub(crate) async fn seed(
        &self,
        key: &str,
        zip: &ZipArtifact,
        deployment: &str,
        mandate: &Mandate,
    ) -> Result<bool, PhaseError> {
        if self.head(key).await?.is_some() {
            return Ok(false);
        }
        let copy = self.copy_of(key, zip, deployment).metadata(SEED, "true");
        mandate.holds().await?;
        self.send(copy.if_none_match("*"), key).await?;
        Ok(true)
    }

    /// Takes away what `deployment` put at `key` where nothing was, if it did and that may still be
    /// done. Gives whether it had.
    pub(crate) async fn take_away(
        &self,
        key: &str,
        deployment: &str,
        mandate: &Mandate,
    ) -> Result<bool, PhaseError> {
        let live = self.head(key).await?;
        if !live.is_some_and(|live| live.is_of(deployment) && live.is_seed) {
            return Ok(false);
        }
        mandate.holds().await?;
        self.delete(key).await?;
        Ok(true)
    }

    async fn head(&self, key: &str) -> Result<Option<Live>, PhaseError> {
        let head = self.client.head_object().bucket(&self.bucket).key(key);
        let output = found(head.send().await);
        let output = output.map_err(|error| failed("s3:HeadObject", self.place(key), &error))?;
        Ok(output.map(|output| {
            let mark = |name: &str| output.metadata().and_then(|all| all.get(name)).cloned();
            Live {
                version_id: output.version_id().map(str::to_owned),
                sha256: mark(SHA256),
                deployment: mark(DEPLOYMENT),
                replaced: mark(REPLACED),
                is_seed: mark(SEED).is_some(),
            }
        }))
    }

    /// The copy of what was released, with its marks.
    fn copy_of(&self, key: &str, zip: &ZipArtifact, deployment: &str) -> CopyObjectFluentBuilder {
        let source = copy_source(&zip.bucket, &zip.key, zip.version_id.as_deref());
        self.copy(key, source)
            .metadata_directive(MetadataDirective::Replace)
            .content_type("application/zip")
            .metadata(SHA256, &zip.sha256)
            .metadata(DEPLOYMENT, deployment)
            .metadata(RELEASE, &zip.release)
    }

    /// AWS has no permission of this name: it asks for `GetObject` (`GetObjectVersion` where a version
    /// is named) on the source, and for `PutObject` on the key. Tags of the source, which would take
    /// permissions of their own, are left behind: they are about what was uploaded.
    fn copy(&self, key: &str, source: String) -> CopyObjectFluentBuilder {
        let copy = self.client.copy_object().bucket(&self.bucket).key(key);
        copy.copy_source(source)
            .tagging_directive(TaggingDirective::Replace)
    }

    async fn send(&self, copy: CopyObjectFluentBuilder, key: &str) -> Result<(), PhaseError> {
        let source = copy.get_copy_source().clone().unwrap_or_default();
        copy.send().await.map(drop).map_err(|error| {
            if error.code() == Some("PreconditionFailed") {
                return PhaseError::Transient {
                    operation: "s3:CopyObject".into(),
                    source_text: format!("{} is there by now", self.place(key)),
                };
            }
            let place = format!("{}, copied from s3://{source}", self.place(key));
            failed("s3:CopyObject", place, &error)
        })
    }

    async fn delete(&self, key: &str) -> Result<(), PhaseError> {
        let delete = self.client.delete_object().bucket(&self.bucket).key(key);
        let sent = delete.send().await;
        sent.map(drop)
            .map_err(|error| failed("s3:DeleteObject", self.place(key), &error))
    }

    /// A live file as people name it.
    fn place(&self, key: &str) -> String {
        let bucket = &self.bucket;
        format!("s3://{bucket}/{key} (the code that CloudFormation templates read)")
    }
}
