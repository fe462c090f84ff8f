//! The calls of S3.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::builders::ObjectIdentifierBuilder;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use aws_types::SdkConfig;
use lockstep::PhaseError;
use lockstep::site::{BucketFault, FileEntry};
use lockstep_aws::Mandate;
use lockstep_s3::{copy_source, failed, found};

/// How many objects S3 deletes with one call.
const DELETED_AT_ONCE: usize = 1_000;

/// What S3 says when an object is not what it was when it was looked at.
const CHANGED: [&str; 3] = [
    "PreconditionFailed",
    "ConditionalRequestConflict",
    "NoSuchKey",
];

/// The metadata with the hash of what Lockstep puts.
const SHA256: &str = "lockstep-sha256";

/// What an object says of itself.
struct Headers {
    sha256: String,
    content_type: String,
    control: String,
}

/// A bucket with the releases of a site.
#[derive(Debug, Clone)]
pub struct Bucket {
    client: Client,
    name: String,
}

/// One object of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// When it was written, in milliseconds since 1970.
    pub at: i64,
    /// Its size in bytes.
    pub size: u64,
}

impl Bucket {
    /// `name` by a client of `config`.
    pub fn new(config: &SdkConfig, name: &str) -> Self {
        Self::with_client(lockstep_s3::client(config), name)
    }

    /// `name` by this client.
    pub fn with_client(client: Client, name: &str) -> Self {
        Self {
            client,
            name: name.to_owned(),
        }
    }

    /// Why nothing can be put there; `None` where it can.
    pub async fn fault(&self) -> Result<Option<BucketFault>, PhaseError> {
        let sent = self.client.head_bucket().bucket(&self.name).send().await;
        let Err(error) = sent else {
            return Ok(None);
        };
        let answer = error.raw_response();
        let region = answer.and_then(|it| it.headers().get("x-amz-bucket-region"));
        match answer.map(|it| it.status().as_u16()) {
            Some(404) => Ok(Some(BucketFault::Missing)),
            Some(301) => Ok(Some(BucketFault::Elsewhere(
                region.unwrap_or_default().to_owned(),
            ))),
            _ => Err(failed("s3:ListBucket", self.place(""), &error)),
        }
    }

    /// The content of an object; `None` where there is none.
    pub async fn read(&self, key: &str) -> Result<Option<Vec<u8>>, PhaseError> {
        let get = self.client.get_object().bucket(&self.name).key(key);
        let output = found(get.send().await);
        let output = output.map_err(|error| failed("s3:GetObject", self.place(key), &error))?;
        let Some(output) = output else {
            return Ok(None);
        };
        let bytes = output.body.collect().await;
        let bytes = bytes.map_err(|error| PhaseError::Transient {
            operation: "s3:GetObject".to_owned(),
            source_text: format!("{}: {error}", self.place(key)),
        })?;
        Ok(Some(bytes.to_vec()))
    }

    /// All objects under a prefix.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Listed>, PhaseError> {
        let list = self.client.list_objects_v2().bucket(&self.name);
        let mut pages = list.prefix(prefix).into_paginator().send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed("s3:ListBucket", self.place(prefix), &error))?;
            all.extend(page.contents().iter().map(|it| {
                let at = it.last_modified().and_then(|at| at.to_millis().ok());
                Listed {
                    key: it.key().unwrap_or_default().to_owned(),
                    at: at.unwrap_or_default(),
                    size: it
                        .size()
                        .and_then(|it| u64::try_from(it).ok())
                        .unwrap_or_default(),
                }
            }));
        }
        Ok(all)
    }

    /// What lies directly under a prefix: keys, and the prefixes of what lies deeper.
    pub async fn children(&self, prefix: &str) -> Result<(Vec<Listed>, Vec<String>), PhaseError> {
        let list = self.client.list_objects_v2().bucket(&self.name);
        let mut pages = list.prefix(prefix).delimiter("/").into_paginator().send();
        let (mut keys, mut prefixes) = (Vec::new(), Vec::new());
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed("s3:ListBucket", self.place(prefix), &error))?;
            keys.extend(page.contents().iter().map(|it| {
                let at = it.last_modified().and_then(|at| at.to_millis().ok());
                Listed {
                    key: it.key().unwrap_or_default().to_owned(),
                    at: at.unwrap_or_default(),
                    size: it
                        .size()
                        .and_then(|it| u64::try_from(it).ok())
                        .unwrap_or_default(),
                }
            }));
            let deeper = page.common_prefixes().iter();
            prefixes.extend(deeper.filter_map(|it| it.prefix().map(str::to_owned)));
        }
        Ok((keys, prefixes))
    }

    /// Sends a file.
    pub async fn put(&self, key: &str, file: &FileEntry, bytes: Vec<u8>) -> Result<(), PhaseError> {
        let put = self.client.put_object().bucket(&self.name).key(key);
        let put = put
            .content_type(&file.content_type)
            .cache_control(&file.control)
            .metadata(SHA256, &file.sha256)
            .body(ByteStream::from(bytes));
        let sent = put.send().await.map(drop);
        sent.map_err(|error| failed("s3:PutObject", self.place(key), &error))
    }

    /// Whether there is an object with this content and these headers, put there by Lockstep.
    pub async fn has(&self, key: &str, file: &FileEntry) -> Result<bool, PhaseError> {
        let there = self.head(key).await?;
        Ok(there.is_some_and(|it| {
            it.sha256 == file.sha256
                && it.content_type == file.content_type
                && it.control == file.control
        }))
    }

    /// Whether there is an object with this content, put there by Lockstep.
    pub async fn has_content(&self, key: &str, file: &FileEntry) -> Result<bool, PhaseError> {
        let there = self.head(key).await?;
        Ok(there.is_some_and(|it| it.sha256 == file.sha256))
    }

    async fn head(&self, key: &str) -> Result<Option<Headers>, PhaseError> {
        let head = self.client.head_object().bucket(&self.name).key(key);
        let output = found(head.send().await);
        let output = output.map_err(|error| failed("s3:HeadObject", self.place(key), &error))?;
        Ok(output.map(|it| Headers {
            sha256: it
                .metadata()
                .and_then(|it| it.get(SHA256))
                .cloned()
                .unwrap_or_default(),
            content_type: it.content_type().unwrap_or_default().to_owned(),
            control: it.cache_control().unwrap_or_default().to_owned(),
        }))
    }

    /// Gives a short text another content, if it has the one `from` and that may still be done; no object is an empty one.
    /// Gives whether S3 took it; where it did not, it is not what it was when it was looked at.
    pub async fn swap(
        &self,
        key: &str,
        (from, to): (&str, &str),
        mandate: &Mandate,
    ) -> Result<bool, PhaseError> {
        let get = self.client.get_object().bucket(&self.name).key(key);
        let output = found(get.send().await);
        let output = output.map_err(|error| failed("s3:GetObject", self.place(key), &error))?;
        let put = self.client.put_object().bucket(&self.name).key(key);
        let put = put.content_type("text/plain").cache_control("no-cache");
        let (standing, put) = match output {
            None => (Vec::new(), put.if_none_match("*")),
            Some(output) => {
                let etag = output.e_tag().map(str::to_owned);
                let bytes = output.body.collect().await;
                let bytes = bytes.map_err(|error| PhaseError::Transient {
                    operation: "s3:GetObject".to_owned(),
                    source_text: format!("{}: {error}", self.place(key)),
                })?;
                (bytes.to_vec(), put.set_if_match(etag))
            }
        };
        if standing != from.as_bytes() {
            return Ok(false);
        }
        mandate.holds().await?;
        match put
            .body(ByteStream::from(to.as_bytes().to_vec()))
            .send()
            .await
        {
            Ok(_) => Ok(true),
            // Somebody changed it in between; or this is the second try of a call that was done.
            Err(error) if CHANGED.iter().any(|it| error.code() == Some(it)) => Ok(false),
            Err(error) => Err(failed("s3:PutObject", self.place(key), &error)),
        }
    }

    /// Copies a file within the bucket, with its headers. Gives whether it was there.
    pub async fn copy(&self, from: &str, key: &str) -> Result<bool, PhaseError> {
        let copy = self.client.copy_object().bucket(&self.name).key(key);
        let sent = copy.copy_source(copy_source(&self.name, from, None)).send();
        match sent.await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("NoSuchKey") => Ok(false),
            Err(error) => {
                let place = format!("{}, copied from {}", self.place(key), self.place(from));
                Err(failed("s3:CopyObject", place, &error))
            }
        }
    }

    /// Deletes these objects.
    pub async fn delete(&self, keys: &[String]) -> Result<(), PhaseError> {
        for some in keys.chunks(DELETED_AT_ONCE) {
            let place = || self.place(some.first().map_or("", String::as_str));
            let objects = some.iter().map(|key| ObjectIdentifier::builder().key(key));
            let objects = objects
                .map(ObjectIdentifierBuilder::build)
                .collect::<Result<Vec<_>, _>>();
            let delete = objects.and_then(|objects| {
                Delete::builder()
                    .set_objects(Some(objects))
                    .quiet(true)
                    .build()
            });
            let delete = delete.map_err(|error| PhaseError::Rejected {
                resource: place(),
                reason: format!("s3:DeleteObjects cannot be called: {error}"),
            })?;
            let call = self.client.delete_objects().bucket(&self.name);
            let sent = call.delete(delete).send().await;
            let sent = sent.map_err(|error| failed("s3:DeleteObject", place(), &error))?;
            if let Some(error) = sent.errors().first() {
                return Err(PhaseError::Rejected {
                    resource: self.place(error.key().unwrap_or_default()),
                    reason: format!(
                        "S3 did not delete it: {}",
                        error
                            .message()
                            .or(error.code())
                            .unwrap_or("it does not say why")
                    ),
                });
            }
        }
        Ok(())
    }

    fn place(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }
}
