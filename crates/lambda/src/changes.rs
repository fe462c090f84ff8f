//! Changing functions. Every call is paced, and sent once.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_lambda::operation::update_function_code::builders::UpdateFunctionCodeFluentBuilder;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::AliasRoutingConfiguration;
use lockstep::PhaseError;
use lockstep::lambda::{CodeChange, LiveFunction};
use lockstep_aws::{AwsError, Exchange};
use serde_json::{Value, json};

use crate::Lambda;
use crate::client::{once, resource};
use crate::error::{is_contended, is_missing};

/// What came of a call that changes something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent<T> {
    /// Lambda took it, and goes on working on it.
    Accepted(T),
    /// Nothing was done: the function is not what it was when it was looked at, or Lambda is
    /// still at work on it. In Lambda's words.
    LookAgain(String),
}

/// How the description of every version begins that Lockstep publishes. Only such versions are
/// ever deleted: of others nobody can say who calls them by number.
pub(crate) const MARK: &str = "lockstep deployment ";

impl Lambda {
    /// Sends one `UpdateFunctionConfiguration`. `request` is in the wire shape: what it does
    /// not name stays, and environment variables are replaced as a whole.
    pub async fn update_configuration(
        &self,
        function: &str,
        request: &Value,
    ) -> Result<Sent<()>, PhaseError> {
        const OPERATION: &str = "lambda:UpdateFunctionConfiguration";
        self.turn_to_change(OPERATION).await?;
        let exchange = Exchange::sending(request);
        let call = self.client.update_function_configuration();
        let call = call.function_name(function).customize();
        let call = call.config_override(once()).interceptor(exchange.clone());
        let answer = exchange.answer(OPERATION, call.send().await);
        self.sent(answer.map(drop), &resource(function, None))
    }

    /// Sends one `UpdateFunctionCode` from S3 or ECR, only if the function is still as it was
    /// seen with `revision`.
    pub async fn update_code(
        &self,
        function: &str,
        code: &CodeChange,
        revision: &str,
    ) -> Result<Sent<()>, PhaseError> {
        let call = self.client.update_function_code();
        let call = match code {
            CodeChange::Zip {
                bucket,
                key,
                version_id,
                ..
            } => call
                .s3_bucket(bucket)
                .s3_key(key)
                .set_s3_object_version(version_id.clone()),
            CodeChange::Image { uri, .. } => call.image_uri(uri),
        };
        self.send_code(function, call, revision).await
    }

    /// Sends one `UpdateFunctionCode` with the zip file itself.
    pub(crate) async fn send_zip(
        &self,
        function: &str,
        zip: Vec<u8>,
        revision: &str,
    ) -> Result<Sent<()>, PhaseError> {
        let call = self.client.update_function_code();
        self.send_code(function, call.zip_file(Blob::new(zip)), revision)
            .await
    }

    async fn send_code(
        &self,
        function: &str,
        call: UpdateFunctionCodeFluentBuilder,
        revision: &str,
    ) -> Result<Sent<()>, PhaseError> {
        const OPERATION: &str = "lambda:UpdateFunctionCode";
        self.turn_to_change(OPERATION).await?;
        let call = call.function_name(function).revision_id(revision);
        let sent = call.customize().config_override(once()).send().await;
        let answer = sent.map_err(|error| AwsError::new(OPERATION, &error));
        self.sent(answer.map(drop), &resource(function, None))
    }

    /// Publishes what the function is now, if its code still has this hash, with Lockstep's
    /// mark. Gives the version; Lambda gives the newest one again when nothing changed since.
    pub async fn publish(
        &self,
        function: &str,
        code_sha256: &str,
        revision: &str,
        deployment: &str,
    ) -> Result<Sent<LiveFunction>, PhaseError> {
        const OPERATION: &str = "lambda:PublishVersion";
        self.turn_to_change(OPERATION).await?;
        let exchange = Exchange::reading();
        let call = self.client.publish_version().function_name(function);
        let call = call.code_sha256(code_sha256).revision_id(revision);
        let call = call.description(format!("{MARK}{deployment}")).customize();
        let call = call.config_override(once()).interceptor(exchange.clone());
        match exchange.answer(OPERATION, call.send().await) {
            // Lambda has no error of its own for code with another hash.
            Err(error) if error.message.contains("CodeSHA256") => {
                Ok(Sent::LookAgain(error.message))
            }
            answer => {
                let answer = answer.map(|one| LiveFunction::parse(&json!({"Configuration": one})));
                self.sent(answer, &resource(function, None))
            }
        }
    }

    /// Points an alias to a version, with exactly these weights of other versions. With a
    /// `revision`, only if the alias is still as it was seen with it.
    pub async fn point_alias(
        &self,
        function: &str,
        alias: &str,
        version: &str,
        weights: &BTreeMap<String, f64>,
        revision: Option<&str>,
    ) -> Result<Sent<()>, PhaseError> {
        const OPERATION: &str = "lambda:UpdateAlias";
        self.turn_to_change(OPERATION).await?;
        // An empty map takes weights away; no map leaves them as they are.
        let weights: HashMap<_, _> = weights.clone().into_iter().collect();
        let routing = AliasRoutingConfiguration::builder();
        let routing = routing
            .set_additional_version_weights(Some(weights))
            .build();
        let call = self.client.update_alias().function_name(function);
        let call = call.name(alias).function_version(version);
        let call = call.routing_config(routing);
        let call = call
            .set_revision_id(revision.map(str::to_owned))
            .customize();
        let sent = call.config_override(once()).send().await;
        let answer = sent.map_err(|error| AwsError::new(OPERATION, &error));
        self.sent(answer.map(drop), &resource(function, Some(alias)))
    }

    /// Deletes a published version; one that is gone already is deleted. Lambda itself keeps
    /// a version that an alias uses.
    pub async fn delete_version(
        &self,
        function: &str,
        version: &str,
    ) -> Result<Sent<()>, PhaseError> {
        const OPERATION: &str = "lambda:DeleteFunction";
        self.turn_to_change(OPERATION).await?;
        let call = self.client.delete_function().function_name(function);
        let call = call.qualifier(version).customize();
        let sent = call.config_override(once()).send().await;
        match sent.map_err(|error| AwsError::new(OPERATION, &error)) {
            Err(error) if is_missing(&error) => Ok(Sent::Accepted(())),
            answer => self.sent(answer.map(drop), &resource(function, Some(version))),
        }
    }

    fn sent<T>(&self, answer: Result<T, AwsError>, resource: &str) -> Result<Sent<T>, PhaseError> {
        match answer {
            Ok(answer) => Ok(Sent::Accepted(answer)),
            Err(error) if is_contended(&error) => Ok(Sent::LookAgain(error.message)),
            Err(error) => Err(self.failed(error, resource)),
        }
    }
}

#[cfg(test)]
mod tests;
