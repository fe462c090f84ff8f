//! What a handler builds once, when its process starts.

use aws_types::SdkConfig;
use lockstep_aws::{sdk_config, variable};
use lockstep_ledger::Ledger;

use crate::StartError;

/// The clients and names that every handler uses.
#[derive(Debug, Clone)]
pub struct Context {
    /// The ledger.
    pub ledger: Ledger,
    /// The SDK configuration, for the handler's own clients.
    pub sdk: SdkConfig,
    /// The name of this function, under which it can be invoked again.
    pub function: String,
}

impl Context {
    /// Starts logging and reads the environment: `LOCKSTEP_TABLE`, `AWS_REGION`, the
    /// credentials, `AWS_LAMBDA_FUNCTION_NAME`, and `AWS_ENDPOINT_URL` where it is set.
    ///
    /// # Errors
    /// When a variable is missing.
    pub fn start() -> Result<Self, StartError> {
        crate::logging::start();
        let sdk = sdk_config()?;
        let ledger = Ledger::new(
            aws_sdk_dynamodb::Client::new(&sdk),
            variable("LOCKSTEP_TABLE")?,
        );
        Ok(Self {
            ledger,
            function: variable("AWS_LAMBDA_FUNCTION_NAME")?,
            sdk,
        })
    }
}
