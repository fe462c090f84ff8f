//! What every handler needs of the AWS SDK: one configuration from the Lambda
//! environment, one way to turn an SDK error into a [`PhaseError`](lockstep::PhaseError), one
//! way to see the raw JSON of an answer, and whether and how often calls may be made.

mod config;
mod exchange;
mod http;
mod mandate;
mod pacer;
mod role;
mod sdk_error;

pub use config::{ConfigError, sdk_config, variable};
pub use exchange::Exchange;
pub use http::{HttpAnswer, HttpFailure, HttpGet};
pub use mandate::Mandate;
pub use pacer::{Pacer, pause};
pub use sdk_error::{AwsError, ErrorKind};
