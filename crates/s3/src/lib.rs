//! What all users of S3 share: one configuration of its client, what a missing object looks like,
//! and refusals in words.

mod error;
mod has;
mod source;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, RequestChecksumCalculation, ResponseChecksumValidation};
use aws_types::SdkConfig;

pub use error::{failed, found};
pub use has::has;
pub use source::copy_source;

/// A client for S3. Hashes of whole files are compared by those who know them, so the SDK need
/// not add its own.
pub fn client(config: &SdkConfig) -> Client {
    let config = Builder::from(config)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        // The local engine has no host names for buckets, and AWS takes both.
        .force_path_style(config.endpoint_url().is_some());
    Client::from_conf(config.build())
}
