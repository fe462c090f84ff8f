//! Invoking a version.

use std::time::Duration;

use aws_sdk_lambda::primitives::Blob;
use lockstep::PhaseError;
use lockstep::lambda::Invoked;
use lockstep_aws::{AwsError, ErrorKind};
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout};

use crate::client::{once, resource};
use crate::error::explain;
use crate::{Lambda, Sent};

/// How many functions are invoked at the same time. They share the account's concurrency with
/// everything that is invoked by others: a new account has ten in all.
pub(crate) const AT_ONCE: usize = 8;

/// Refusals after which nothing was invoked, and which pass: the function's concurrency or
/// network is used up for the moment, or Lambda is just bringing it back.
const LATER: [&str; 6] = [
    "EC2ThrottledException",
    "EFSMountTimeoutException",
    "ResourceConflictException",
    "ResourceNotReadyException",
    "SnapStartNotReadyException",
    "TooManyRequestsException",
];

impl Lambda {
    /// Invokes one version of a function, or `$LATEST`, once. Takes nothing of the budget of
    /// calls: invocations have a quota of their own.
    pub async fn invoke(
        &self,
        function: &str,
        version: &str,
        payload: &Map<String, Value>,
        patience: Duration,
    ) -> Result<Sent<Invoked>, PhaseError> {
        const OPERATION: &str = "lambda:InvokeFunction";
        // The semaphore is never closed, so there is nothing to fail but the order.
        let _few_at_once = self.invocations.acquire().await;
        if self.until.is_some_and(|until| until < Instant::now()) {
            return Ok(Sent::LookAgain(format!(
                "no time is left to invoke {function}"
            )));
        }
        self.may_change().await?;
        let payload = Blob::new(Value::Object(payload.clone()).to_string());
        let call = self.client.invoke().function_name(function);
        let call = call.qualifier(version).payload(payload).customize();
        let sent = call.config_override(once()).send();
        let Ok(sent) = timeout(patience, sent).await else {
            return Ok(Sent::Accepted(Invoked::Late));
        };
        match sent.map_err(|error| AwsError::new(OPERATION, &error)) {
            Ok(answer) => {
                let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
                Ok(Sent::Accepted(match answer.function_error {
                    Some(_) => Invoked::Failed(payload),
                    None => Invoked::Answered(payload),
                }))
            }
            Err(error) if LATER.contains(&error.code.as_str()) => Ok(Sent::LookAgain(format!(
                "{}: {}",
                error.code, error.message
            ))),
            Err(error) if error.kind == ErrorKind::Transient => {
                let why = [error.code, error.message].join(": ");
                let why = why.trim_start_matches(": ").to_owned();
                Ok(Sent::Accepted(Invoked::Unknown(why)))
            }
            Err(error) => Err(explain(error, &resource(function, Some(version)))),
        }
    }
}

#[cfg(test)]
mod tests;
