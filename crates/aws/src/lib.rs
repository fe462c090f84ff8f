//! What every handler needs of the AWS SDK: one configuration from the Lambda
//! environment, and one way to turn an SDK error into a [`PhaseError`](lockstep::PhaseError).

mod config;
mod http;
mod sdk_error;

pub use config::{ConfigError, sdk_config, variable};
pub use http::{HttpAnswer, HttpFailure, HttpGet};
pub use sdk_error::{AwsError, ErrorKind};
