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
            error_message: cause(&error),
        }
    }
}

/// Step Functions keeps at most 32,768 characters of a cause, and cuts JSON in the middle; a
/// person reads far less.
const CAUSE_LIMIT: usize = 8_000;

/// The error's text as it leaves a handler.
pub(crate) fn cause(error: &PhaseError) -> String {
    error.to_string().chars().take(CAUSE_LIMIT).collect()
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

#[cfg(test)]
mod tests {
    use lambda_runtime::Diagnostic;
    use lockstep::PhaseError;

    use super::HandlerError;

    #[test]
    fn a_long_list_of_failed_checks_still_fits_into_a_cause() {
        let error = PhaseError::Rejected {
            resource: "quiz in production".to_owned(),
            reason: "\n- service web: cluster: found none".repeat(2_000),
        };
        let diagnostic = Diagnostic::from(HandlerError(error));
        assert_eq!(diagnostic.error_type, "Rejected");
        assert_eq!(diagnostic.error_message.chars().count(), 8_000);
    }
}
