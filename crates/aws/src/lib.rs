//! What every handler needs of the AWS SDK: one configuration from the Lambda
//! environment, one way to turn an SDK error into a [`PhaseError`](lockstep::PhaseError), and
//! one way to see the raw JSON of an answer.

mod config;
mod exchange;
mod http;
mod sdk_error;

pub use config::{ConfigError, sdk_config, variable};
pub use exchange::Exchange;
pub use http::{HttpAnswer, HttpFailure, HttpGet};
pub use sdk_error::{AwsError, ErrorKind};
