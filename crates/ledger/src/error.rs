//! Why the ledger could not answer.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use lockstep::PhaseError;
use lockstep_aws::AwsError;
use thiserror::Error;

/// Why the ledger could not answer.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// DynamoDB did not answer, or said no.
    #[error("{}: {} {}", .0.operation, .0.code, .0.message)]
    Aws(AwsError),
    /// An item is not what this version of Lockstep writes.
    #[error("item {item} cannot be read: {reason}")]
    Unreadable {
        /// The item's keys.
        item: String,
        /// What was found and what was expected.
        reason: String,
    },
    /// Somebody else changed the same thing in between; look again and decide anew.
    #[error("{what} was changed at the same moment; look again")]
    Contended {
        /// What was contended.
        what: String,
    },
}

impl LedgerError {
    pub(crate) fn sdk<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        Self::Aws(AwsError::new(operation, error))
    }
}

impl From<LedgerError> for PhaseError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Aws(error) => error.about("the ledger table"),
            LedgerError::Contended { what } => Self::Transient {
                operation: "dynamodb:TransactWriteItems".to_owned(),
                source_text: what,
            },
            unreadable @ LedgerError::Unreadable { .. } => Self::Rejected {
                resource: "the ledger table".to_owned(),
                reason: format!("{unreadable}; was it written by a newer version of Lockstep?"),
            },
        }
    }
}
