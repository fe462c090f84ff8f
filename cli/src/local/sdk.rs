//! SDK clients for the local engine.

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::SdkConfig;
use aws_types::region::Region;

use super::emulator::{REGION, ROOT_KEY};

/// A configuration with the endpoint and the root credentials of a local engine.
pub fn config(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new(ROOT_KEY, ROOT_KEY, None, None, "local engine");
    SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(endpoint)
        .build()
}
