//! How errors leave a handler.

use lambda_runtime::Diagnostic;
use lockstep::PhaseError;
use lockstep_aws::ConfigError;
use thiserror::Error;

/// A phase error on its way to Step Functions, which sees the stable name as the error
/// type. (A boxed error would show up under a Rust path.)
#[derive(Debug, Error)]
#[error(transparent)]
pub struct HandlerError(#[from] pub PhaseError);

impl From<HandlerError> for Diagnostic {
    fn from(HandlerError(error): HandlerError) -> Self {
        Self {
            error_type: error.name().to_owned(),
            error_message: error.to_string(),
        }
    }
}

/// Why a handler could not start. Lambda reports it as an init error.
#[derive(Debug, Error)]
pub enum StartError {
    /// The environment is incomplete.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The Lambda runtime ended.
    #[error("the Lambda runtime ended: {0}")]
    Runtime(String),
}
