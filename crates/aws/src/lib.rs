//! What every handler needs of the AWS SDK: one configuration from the Lambda
//! environment, and one way to turn an SDK error into a [`PhaseError`](lockstep::PhaseError).

mod config;
mod get;
mod sdk_error;

pub use config::{ConfigError, http_client, sdk_config, variable};
pub use get::{HttpAnswer, HttpFailure, HttpGet};
pub use sdk_error::{AwsError, ErrorKind};
