//! The calls of CloudFront's `KeyValueStore`.
//!
//! A store is changed as a whole: who changes a key says which version of the store it has seen, so that nothing
//! is lost when several sites share one. These calls are the only ones that are signed with version 4a, for all regions at once.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_cloudfrontkeyvaluestore::Client;
use aws_sdk_cloudfrontkeyvaluestore::config::endpoint::{
    Endpoint, EndpointFuture, Params, ResolveEndpoint,
};
use aws_sdk_cloudfrontkeyvaluestore::error::ProvideErrorMetadata;
use aws_smithy_types::endpoint::EndpointAuthScheme;
use aws_smithy_types::{DateTime, Document};
use aws_types::SdkConfig;
use lockstep::PhaseError;
use lockstep::site::Pointer;
use lockstep_aws::{AwsError, Mandate};

/// How long edge locations may take to have a new value. AWS says "within seconds".
const SETTLED_AFTER_SECONDS: u64 = 120;

/// What a store says when it is not any more what it was when it was looked at.
const CHANGED: &str = "ConflictException";

/// What is not there.
const MISSING: &str = "ResourceNotFoundException";

/// A handle on the keys of all stores. Cheap to clone.
#[derive(Debug, Clone)]
pub struct KeyValues {
    client: Client,
}

/// A store, when it was looked at.
struct Version {
    etag: String,
    settling: bool,
}

impl KeyValues {
    /// A handle that calls through a client of `config`.
    pub fn new(config: &SdkConfig) -> Self {
        let mut own = aws_sdk_cloudfrontkeyvaluestore::config::Builder::from(config);
        if let Some(url) = config.endpoint_url() {
            own = own.endpoint_resolver(AsGiven(url.to_owned()));
        }
        Self::with_client(Client::from_conf(own.build()))
    }

    /// A handle that calls through `client`.
    pub const fn with_client(client: Client) -> Self {
        Self { client }
    }

    /// What a key says; `None` where there is no such store.
    pub async fn pointer(&self, arn: &str, key: &str) -> Result<Option<Pointer>, PhaseError> {
        let Some(Version { settling, .. }) = self.version(arn).await? else {
            return Ok(None);
        };
        let path = self.value(arn, key).await?.unwrap_or_default();
        Ok(Some(Pointer { path, settling }))
    }

    /// Gives a key another value, if it has the one `from` and that may still be done; an empty one
    /// is no key. Gives whether CloudFront took it; where it did not, the store is not what it was
    /// when it was looked at.
    pub async fn switch(
        &self,
        arn: &str,
        key: &str,
        (from, to): (&str, &str),
        mandate: &Mandate,
    ) -> Result<bool, PhaseError> {
        // The version first: whatever is changed after it makes the change fail.
        let Some(Version { etag, .. }) = self.version(arn).await? else {
            return Ok(false);
        };
        let value = self.value(arn, key).await?;
        if value.as_deref().unwrap_or_default() != from {
            return Ok(false);
        }
        mandate.holds().await?;
        let error = if to.is_empty() {
            let delete = self.client.delete_key().kvs_arn(arn).key(key);
            let sent = delete.if_match(etag).send().await;
            let operation = "cloudfront-keyvaluestore:DeleteKey";
            sent.err().map(|error| AwsError::new(operation, &error))
        } else {
            let put = self.client.put_key().kvs_arn(arn).key(key);
            let sent = put.value(to).if_match(etag).send().await;
            let operation = "cloudfront-keyvaluestore:PutKey";
            sent.err().map(|error| AwsError::new(operation, &error))
        };
        match error {
            None => Ok(true),
            // Somebody changed the store in between; or this is the second try of a call that was done.
            Some(error) if [CHANGED, MISSING].contains(&error.code.as_str()) => Ok(false),
            Some(error) => Err(error.about(named(arn, key))),
        }
    }

    async fn version(&self, arn: &str) -> Result<Option<Version>, PhaseError> {
        const OPERATION: &str = "cloudfront-keyvaluestore:DescribeKeyValueStore";
        let sent = self.client.describe_key_value_store().kvs_arn(arn).send();
        match sent.await {
            Ok(answer) => {
                let changed = answer.last_modified().map(DateTime::secs);
                Ok(Some(Version {
                    settling: changed.is_some_and(is_recent),
                    etag: answer.e_tag().to_owned(),
                }))
            }
            Err(error) if error.code() == Some(MISSING) => Ok(None),
            Err(error) => Err(AwsError::new(OPERATION, &error).about(arn)),
        }
    }

    async fn value(&self, arn: &str, key: &str) -> Result<Option<String>, PhaseError> {
        let get = self.client.get_key().kvs_arn(arn).key(key);
        match get.send().await {
            Ok(answer) => Ok(Some(answer.value().to_owned())),
            Err(error) if error.code() == Some(MISSING) => Ok(None),
            Err(error) => {
                let error = AwsError::new("cloudfront-keyvaluestore:GetKey", &error);
                Err(error.about(named(arn, key)))
            }
        }
    }
}

fn named(arn: &str, key: &str) -> String {
    format!("key {key} of {arn}")
}

fn is_recent(at: i64) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |it| it.as_secs());
    u64::try_from(at).is_ok_and(|at| now.saturating_sub(at) < SETTLED_AFTER_SECONDS)
}

/// The address that the configuration gives, as it is. The SDK would put the account before its host, as CloudFront has it: no
/// other endpoint has names for accounts.
#[derive(Debug)]
struct AsGiven(String);

impl ResolveEndpoint for AsGiven {
    fn resolve_endpoint<'a>(&'a self, _params: &'a Params) -> EndpointFuture<'a> {
        let region_set = vec![Document::from("*".to_owned())];
        let scheme = EndpointAuthScheme::with_capacity("sigv4a", 2)
            .put("signingName", "cloudfront-keyvaluestore")
            .put("signingRegionSet", region_set);
        let endpoint = Endpoint::builder().url(self.0.clone());
        EndpointFuture::ready(Ok(endpoint.auth_scheme(scheme).build()))
    }
}
