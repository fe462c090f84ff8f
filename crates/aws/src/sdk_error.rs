//! From an SDK error to a reaction.

use std::error::Error;
use std::fmt::Write as _;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use lockstep::PhaseError;

/// How to react to a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// It may have acted or not; the same call may succeed when it is made again.
    Transient,
    /// The caller's role does not allow the call.
    AccessDenied,
    /// AWS looked at the call and said no.
    Refused,
}

/// A failed AWS call, reduced to what a reaction and a message need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsError {
    /// The operation as IAM writes it, such as `ecs:UpdateService`.
    pub operation: &'static str,
    /// How to react.
    pub kind: ErrorKind,
    /// The error code AWS gave, empty when there was no answer.
    pub code: String,
    /// What AWS or the connection said.
    pub message: String,
}

/// Codes that mean "later", whatever the service.
const TRANSIENT_CODES: [&str; 14] = [
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "ServerException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "ThrottledException",
    "TooManyRequestsException",
    "TooManyUpdates",
    "TransactionInProgressException",
];

impl AwsError {
    /// Reads an SDK error of any service.
    pub fn new<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let meta = error.as_service_error().map(ProvideErrorMetadata::meta);
        let code = meta
            .and_then(|meta| meta.code())
            .unwrap_or_default()
            .to_owned();
        let status = error
            .raw_response()
            .map(|response| response.status().as_u16());
        let message = meta
            .and_then(|meta| meta.message())
            .map_or_else(|| chain(error), str::to_owned);
        Self {
            operation,
            kind: kind(&code, status),
            code,
            message,
        }
    }

    /// The phase error for this failure, about `resource`.
    pub fn about(self, resource: impl Into<String>) -> PhaseError {
        match self.kind {
            ErrorKind::Transient => PhaseError::Transient {
                operation: self.operation.to_owned(),
                source_text: self.text(),
            },
            ErrorKind::AccessDenied => PhaseError::Rejected {
                resource: resource.into(),
                reason: format!(
                    "the phase's role may not call {}: {}; allow it in template.yaml or in the resource's policy",
                    self.operation, self.message
                ),
            },
            ErrorKind::Refused => PhaseError::Rejected {
                resource: resource.into(),
                reason: format!("{} refused: {}", self.operation, self.text()),
            },
        }
    }

    fn text(&self) -> String {
        if self.code.is_empty() {
            self.message.clone()
        } else {
            format!("{}: {}", self.code, self.message)
        }
    }
}

fn kind(code: &str, status: Option<u16>) -> ErrorKind {
    match status {
        None | Some(429 | 500..) => ErrorKind::Transient,
        Some(_) if code.contains("Throttl") || TRANSIENT_CODES.contains(&code) => {
            ErrorKind::Transient
        }
        Some(_) if code.contains("AccessDenied") || code.contains("AuthorizationError") => {
            ErrorKind::AccessDenied
        }
        Some(_) => ErrorKind::Refused,
    }
}

/// An error and its causes in one line; the SDK's own text alone says only "dispatch failure".
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let _ = write!(text, ": {cause}");
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{ErrorKind, kind};

    #[test]
    fn no_answer_is_transient() {
        assert_eq!(kind("", None), ErrorKind::Transient);
    }

    #[test]
    fn codes_decide_among_client_errors() {
        assert_eq!(kind("ThrottlingException", Some(400)), ErrorKind::Transient);
        assert_eq!(kind("ServerException", Some(500)), ErrorKind::Transient);
        assert_eq!(
            kind("AccessDeniedException", Some(400)),
            ErrorKind::AccessDenied
        );
        assert_eq!(
            kind("ServiceNotFoundException", Some(400)),
            ErrorKind::Refused
        );
    }
}
