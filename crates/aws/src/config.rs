//! The SDK configuration of a handler, from what Lambda puts into the environment.
//!
//! `aws-config` is left out on purpose: region and credentials are in the environment,
//! and its credential chain would cost a third of a handler's size and start.

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_types::SdkConfig;
use aws_types::app_name::AppName;
use aws_types::region::Region;
use thiserror::Error;

use crate::http::http_client;

/// A variable that Lambda or the template sets is missing.
#[derive(Debug, Error)]
#[error(
    "environment variable {0} is not set; the function's configuration in template.yaml sets it"
)]
pub struct ConfigError(&'static str);

/// Reads a required environment variable.
///
/// # Errors
/// When it is not set or not Unicode.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the place where configuration is read"
)]
pub fn variable(name: &'static str) -> Result<String, ConfigError> {
    std::env::var(name).map_err(|_| ConfigError(name))
}

/// The configuration that all SDK clients of a handler share. Call it once a process.
///
/// Retries (standard mode, three attempts) and timeouts are the SDK's defaults. The
/// function's name goes into the user agent, so that CloudTrail shows which phase called.
///
/// # Errors
/// When the region or the credentials are missing from the environment.
pub fn sdk_config() -> Result<SdkConfig, ConfigError> {
    let credentials = Credentials::new(
        variable("AWS_ACCESS_KEY_ID")?,
        variable("AWS_SECRET_ACCESS_KEY")?,
        variable("AWS_SESSION_TOKEN").ok(),
        None,
        "Environment",
    );
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(variable("AWS_REGION")?))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client());
    config.set_endpoint_url(variable("AWS_ENDPOINT_URL").ok());
    config.set_app_name(
        variable("AWS_LAMBDA_FUNCTION_NAME")
            .ok()
            .and_then(|name| AppName::new(name).ok()),
    );
    Ok(config.build())
}
