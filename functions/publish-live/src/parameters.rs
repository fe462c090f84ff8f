//! The live images in SSM parameters.

use aws_sdk_ssm::Client;
use aws_sdk_ssm::config::http::HttpResponse;
use aws_sdk_ssm::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ssm::types::ParameterType;
use aws_types::SdkConfig;
use lockstep::PhaseError;
use lockstep_aws::AwsError;

/// The parameters that say which images are live.
#[derive(Debug, Clone)]
pub(crate) struct Parameters {
    client: Client,
}

impl Parameters {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self::with_client(Client::new(config))
    }

    pub(crate) const fn with_client(client: Client) -> Self {
        Self { client }
    }

    /// Makes `image` the value of a parameter. Gives whether it was not yet.
    pub(crate) async fn publish(&self, name: &str, image: &str) -> Result<bool, PhaseError> {
        if self.value(name).await?.as_deref() == Some(image) {
            return Ok(false);
        }
        let put = self.client.put_parameter().name(name).value(image);
        let put = put.r#type(ParameterType::String).overwrite(true);
        let sent = put.send().await;
        sent.map(|_| true)
            .map_err(|error| refused("ssm:PutParameter", name, &error))
    }

    /// Puts `before` back, or deletes the parameter where there was none, as long as it is
    /// `after`. Gives whether it was.
    pub(crate) async fn put_back(
        &self,
        name: &str,
        after: &str,
        before: Option<&str>,
    ) -> Result<bool, PhaseError> {
        if before == Some(after) || self.value(name).await?.as_deref() != Some(after) {
            return Ok(false);
        }
        match before {
            Some(image) => self.publish(name, image).await,
            None => self.delete(name).await.map(|()| true),
        }
    }

    async fn value(&self, name: &str) -> Result<Option<String>, PhaseError> {
        match self.client.get_parameter().name(name).send().await {
            Ok(output) => Ok(output.parameter.and_then(|found| found.value)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(refused("ssm:GetParameter", name, &error)),
        }
    }

    async fn delete(&self, name: &str) -> Result<(), PhaseError> {
        match self.client.delete_parameter().name(name).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_missing(&error) => Ok(()),
            Err(error) => Err(refused("ssm:DeleteParameter", name, &error)),
        }
    }
}

fn is_missing<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    error.code() == Some("ParameterNotFound")
}

fn refused<E>(operation: &'static str, name: &str, error: &SdkError<E, HttpResponse>) -> PhaseError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let what = format!("parameter {name} (the image that CloudFormation templates read)");
    AwsError::new(operation, error).about(what)
}
