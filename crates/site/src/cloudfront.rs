//! The calls of CloudFront.

use aws_sdk_cloudfront::Client;
use aws_sdk_cloudfront::types::{
    CacheBehaviors, Distribution, DistributionConfig, EventType, FunctionAssociation,
    FunctionAssociations, InvalidationBatch, Origins, Paths,
};
use aws_types::SdkConfig;
use lockstep::PhaseError;
use lockstep::site::{Behavior, Invalidation, LiveDistribution, Origin, with_origin_path};
use lockstep_aws::{AwsError, Mandate};

use crate::raw::Raw;

/// A distribution whose newest configuration all edge locations have.
const DEPLOYED: &str = "Deployed";

/// An invalidation that all edge locations have done.
const COMPLETED: &str = "Completed";

/// What CloudFront says when there is too much at a time: later it takes it.
const LATER: [&str; 1] = ["TooManyInvalidationsInProgress"];

/// A handle on CloudFront. Cheap to clone.
#[derive(Debug, Clone)]
pub struct CloudFront {
    client: Client,
}

impl CloudFront {
    /// A handle that calls through a client of `config`. CloudFront is one service for all regions.
    pub fn new(config: &SdkConfig) -> Self {
        Self::with_client(Client::new(config))
    }

    /// A handle that calls through `client`.
    pub const fn with_client(client: Client) -> Self {
        Self { client }
    }

    /// The distribution of this id; `None` where the account has none.
    pub async fn distribution(&self, id: &str) -> Result<Option<LiveDistribution>, PhaseError> {
        let sent = self.client.get_distribution().id(id).send().await;
        match sent.map_err(|error| AwsError::new("cloudfront:GetDistribution", &error)) {
            Ok(answer) => Ok(answer.distribution().map(live)),
            Err(error) if error.code == "NoSuchDistribution" => Ok(None),
            Err(error) => Err(about(error, id)),
        }
    }

    /// The ARN of a `KeyValueStore`; `None` where the account has none of that name.
    pub async fn key_value_store(&self, name: &str) -> Result<Option<String>, PhaseError> {
        let sent = self.client.describe_key_value_store().name(name).send();
        let sent = sent.await;
        match sent.map_err(|error| AwsError::new("cloudfront:DescribeKeyValueStore", &error)) {
            Ok(answer) => Ok(answer.key_value_store().map(|it| it.arn().to_owned())),
            Err(error) if error.code == "EntityNotFound" => Ok(None),
            Err(error) => Err(error.about(format!("KeyValueStore {name}"))),
        }
    }

    /// Gives an origin another path, if it has the one `from` and that may still be done. Gives
    /// whether CloudFront took it; where it did not, the distribution is not what it was when it
    /// was looked at.
    ///
    /// # Errors
    /// [`PhaseError::Rejected`] when CloudFront refuses the configuration.
    pub async fn switch(
        &self,
        id: &str,
        origin: &str,
        (from, to): (&str, &str),
        mandate: &Mandate,
    ) -> Result<bool, PhaseError> {
        let raw = Raw::reading();
        let read = self.client.get_distribution_config().id(id).customize();
        let read = read.interceptor(raw.clone()).send().await;
        let read = read.map_err(|error| {
            about(
                AwsError::new("cloudfront:GetDistributionConfig", &error),
                id,
            )
        })?;
        let config = read.distribution_config();
        let origins = config.and_then(|it| it.origins());
        let mut origins = origins.into_iter().flat_map(Origins::items);
        let path = origins.find(|it| it.id() == origin);
        if path.map(|it| it.origin_path().unwrap_or_default()) != Some(from) {
            return Ok(false);
        }
        let changed = with_origin_path(&raw.answer(), origin, to);
        let changed = changed.ok_or_else(|| PhaseError::Rejected {
            resource: format!("distribution {id}"),
            reason: format!(
                "its configuration cannot be read: the origin {origin} is not where it is expected; this is a fault of \
                 Lockstep, please report it"
            ),
        })?;
        mandate.holds().await?;
        let update = self.client.update_distribution().id(id);
        // The SDK insists on a configuration of its own; what is sent is the raw one.
        let update = update
            .set_distribution_config(config.cloned())
            .set_if_match(read.e_tag().map(str::to_owned));
        let sent = update
            .customize()
            .interceptor(Raw::sending(changed))
            .send()
            .await;
        match sent.map_err(|error| AwsError::new("cloudfront:UpdateDistribution", &error)) {
            Ok(_) => Ok(true),
            // Somebody changed it in between; or this is the second try of a call that was done.
            Err(error) if error.code == "PreconditionFailed" => Ok(false),
            Err(error) => Err(about(error, id)),
        }
    }

    /// Has paths forgotten. The same reference with the same paths gives the same invalidation
    /// again, so that it can be asked as often as needed.
    pub async fn invalidate(
        &self,
        id: &str,
        reference: &str,
        paths: &[String],
    ) -> Result<Invalidation, PhaseError> {
        const OPERATION: &str = "cloudfront:CreateInvalidation";
        let invalid = |error: &dyn std::fmt::Display| PhaseError::Rejected {
            resource: format!("distribution {id}"),
            reason: format!("{OPERATION} cannot be called: {error}"),
        };
        let quantity = i32::try_from(paths.len()).unwrap_or(i32::MAX);
        let items = Some(paths.to_vec());
        let paths = Paths::builder().quantity(quantity).set_items(items).build();
        let paths = paths.map_err(|error| invalid(&error))?;
        let batch = InvalidationBatch::builder().caller_reference(reference);
        let batch = batch
            .paths(paths)
            .build()
            .map_err(|error| invalid(&error))?;
        let call = self.client.create_invalidation().distribution_id(id);
        let sent = call.invalidation_batch(batch).send().await;
        let answer = sent.map_err(|error| about(AwsError::new(OPERATION, &error), id))?;
        let status = answer
            .invalidation()
            .map(aws_sdk_cloudfront::types::Invalidation::status);
        Ok(Invalidation {
            completed: status == Some(COMPLETED),
        })
    }
}

fn live(distribution: &Distribution) -> LiveDistribution {
    let config = distribution.distribution_config();
    let origins = config.and_then(|it| it.origins());
    let origins = origins.into_iter().flat_map(Origins::items);
    LiveDistribution {
        behaviors: config.map(behaviors).unwrap_or_default(),
        id: distribution.id().to_owned(),
        domain: distribution.domain_name().to_owned(),
        enabled: config.is_some_and(DistributionConfig::enabled),
        deployed: distribution.status() == DEPLOYED,
        origins: origins
            .map(|it| Origin {
                id: it.id().to_owned(),
                domain: it.domain_name().to_owned(),
                path: it.origin_path().unwrap_or_default().to_owned(),
            })
            .collect(),
    }
}

/// What is done with which paths, the default last.
fn behaviors(config: &DistributionConfig) -> Vec<Behavior> {
    let behavior = |pattern: &str, origin: &str, functions: Option<&FunctionAssociations>| {
        let functions = functions.into_iter().flat_map(FunctionAssociations::items);
        let mut events = functions.map(FunctionAssociation::event_type);
        Behavior {
            pattern: pattern.to_owned(),
            origin: origin.to_owned(),
            has_function: events.any(|it| *it == EventType::ViewerRequest),
        }
    };
    let others = config.cache_behaviors().into_iter();
    let others = others.flat_map(CacheBehaviors::items);
    let others = others.map(|it| {
        behavior(
            it.path_pattern(),
            it.target_origin_id(),
            it.function_associations(),
        )
    });
    let default = config.default_cache_behavior();
    let default =
        default.map(|it| behavior("*", it.target_origin_id(), it.function_associations()));
    others.chain(default).collect()
}

fn about(error: AwsError, id: &str) -> PhaseError {
    if LATER.contains(&error.code.as_str()) {
        return PhaseError::Transient {
            operation: error.operation.to_owned(),
            source_text: format!("distribution {id}: {}", error.message),
        };
    }
    error.about(format!("distribution {id}"))
}
