//! Listing functions, and what uses their versions.

use std::collections::BTreeSet;

use lockstep::PhaseError;
use lockstep::lambda::LiveFunction;
use lockstep_aws::{AwsError, Exchange};
use serde_json::{Value, json};

use crate::Lambda;
use crate::changes::MARK;
use crate::client::{once, resource};

/// A published version of a function, as the list shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// Its number; they are given in order, and never twice.
    pub number: u64,
    /// Whether Lockstep published it.
    pub ours: bool,
    /// What it consists of.
    pub live: LiveFunction,
}

impl Lambda {
    /// The names of all functions in the region.
    pub async fn names(&self) -> Result<Vec<String>, PhaseError> {
        const OPERATION: &str = "lambda:ListFunctions";
        let mut names = Vec::new();
        let mut marker = None;
        loop {
            self.turn(OPERATION).await?;
            let call = self.client.list_functions().set_marker(marker);
            let sent = call.customize().config_override(once()).send().await;
            let page = sent.map_err(|error| {
                let error = AwsError::new(OPERATION, &error);
                self.failed(error, "the account's functions")
            })?;
            let found = page.functions().iter().filter_map(|it| it.function_name());
            names.extend(found.map(str::to_owned));
            match next(page.next_marker) {
                Some(next) => marker = Some(next),
                None => return Ok(names),
            }
        }
    }

    /// The published versions of a function, oldest first. Lambda shows less of them here
    /// than to a look: not whether they can be invoked, and not where their code is.
    pub async fn versions(&self, function: &str) -> Result<Vec<Version>, PhaseError> {
        const OPERATION: &str = "lambda:ListVersionsByFunction";
        let mut versions = Vec::new();
        let mut marker = None;
        loop {
            self.turn(OPERATION).await?;
            let exchange = Exchange::reading();
            let call = self.client.list_versions_by_function();
            let call = call.function_name(function).set_marker(marker).customize();
            let call = call.config_override(once()).interceptor(exchange.clone());
            let answer = exchange.answer(OPERATION, call.send().await);
            let page = answer.map_err(|error| self.failed(error, &resource(function, None)))?;
            let listed = page.get("Versions").and_then(Value::as_array);
            let listed = listed.into_iter().flatten();
            versions.extend(listed.map(Version::parse).filter(|it| it.number > 0));
            let more = page.get("NextMarker").and_then(Value::as_str);
            match next(more.map(str::to_owned)) {
                Some(next) => marker = Some(next),
                None => break,
            }
        }
        versions.sort_by_key(|it| it.number);
        Ok(versions)
    }

    /// The versions of a function that something needs: an alias, one of its weights, or a
    /// setting of provisioned concurrency.
    pub async fn used_versions(&self, function: &str) -> Result<BTreeSet<String>, PhaseError> {
        const OPERATION: &str = "lambda:ListAliases";
        let mut used = BTreeSet::new();
        let mut marker = None;
        loop {
            self.turn(OPERATION).await?;
            let call = self.client.list_aliases().function_name(function);
            let call = call.set_marker(marker).customize();
            let sent = call.config_override(once()).send().await;
            let page = sent.map_err(|error| {
                let error = AwsError::new(OPERATION, &error);
                self.failed(error, &resource(function, None))
            })?;
            for alias in page.aliases() {
                used.extend(alias.function_version().map(str::to_owned));
                let routing = alias.routing_config();
                let weights = routing.and_then(|routing| routing.additional_version_weights());
                used.extend(weights.into_iter().flat_map(|it| it.keys().cloned()));
            }
            match next(page.next_marker) {
                Some(next) => marker = Some(next),
                None => break,
            }
        }
        used.extend(self.provisioned(function).await?);
        Ok(used)
    }

    /// The versions and aliases with provisioned concurrency.
    async fn provisioned(&self, function: &str) -> Result<Vec<String>, PhaseError> {
        const OPERATION: &str = "lambda:ListProvisionedConcurrencyConfigs";
        let mut provisioned = Vec::new();
        let mut marker = None;
        loop {
            self.turn(OPERATION).await?;
            let call = self.client.list_provisioned_concurrency_configs();
            let call = call.function_name(function).set_marker(marker).customize();
            let sent = call.config_override(once()).send().await;
            let page = match sent.map_err(|error| AwsError::new(OPERATION, &error)) {
                Ok(page) => page,
                Err(error) if error.code == "ProvisionedConcurrencyConfigNotFoundException" => {
                    return Ok(provisioned);
                }
                Err(error) => return Err(self.failed(error, &resource(function, None))),
            };
            let arns = page.provisioned_concurrency_configs().iter();
            let arns = arns.filter_map(|it| it.function_arn());
            provisioned.extend(
                arns.filter_map(|arn| arn.rsplit(':').next())
                    .map(str::to_owned),
            );
            match next(page.next_marker) {
                Some(next) => marker = Some(next),
                None => return Ok(provisioned),
            }
        }
    }
}

/// Where the next page begins; an empty marker is none.
fn next(marker: Option<String>) -> Option<String> {
    marker.filter(|marker| !marker.is_empty())
}

impl Version {
    fn parse(listed: &Value) -> Self {
        let text = |key| listed.get(key).and_then(Value::as_str).unwrap_or_default();
        Self {
            number: text("Version").parse().unwrap_or_default(),
            ours: text("Description").starts_with(MARK),
            live: LiveFunction::parse(&json!({ "Configuration": listed })),
        }
    }
}

#[cfg(test)]
mod tests;
