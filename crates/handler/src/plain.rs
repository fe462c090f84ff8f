//! Handlers that answer at once.

use std::time::{Duration, SystemTime};

use lambda_runtime::{LambdaEvent, service_fn};
use lockstep::PhaseError;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{HandlerError, StartError};

/// Serves invocations with `handle` until Lambda ends the process.
///
/// # Errors
/// When the Lambda runtime API cannot be reached any more.
pub async fn run<H>(handle: H) -> Result<(), StartError>
where
    H: AsyncFn(Value) -> Result<Value, PhaseError>,
{
    run_timed(async |payload, _left| handle(payload).await).await
}

/// [`run`], for a handler that works for as long as it may: it is told how much time Lambda
/// leaves it from now until the function's timeout.
///
/// # Errors
/// When the Lambda runtime API cannot be reached any more.
pub async fn run_timed<H>(handle: H) -> Result<(), StartError>
where
    H: AsyncFn(Value, Duration) -> Result<Value, PhaseError>,
{
    let handle = &handle;
    let serve = service_fn(
        async |event: LambdaEvent<Value>| -> Result<Value, HandlerError> {
            let left = event.context.deadline().duration_since(SystemTime::now());
            let left = left.unwrap_or_default();
            handle(event.payload, left).await.map_err(|error| {
                tracing::error!(error = error.name(), "{error}");
                HandlerError(error)
            })
        },
    );
    lambda_runtime::run(serve)
        .await
        .map_err(|error| StartError::Runtime(error.to_string()))
}

/// Reads an invocation's payload inside the handler, so that bad input gets our name.
///
/// # Errors
/// [`PhaseError::InvalidRequest`] that says what was found.
pub fn parse<T: DeserializeOwned>(payload: Value) -> Result<T, PhaseError> {
    serde_json::from_value(payload).map_err(|error| PhaseError::InvalidRequest {
        field: "payload".to_owned(),
        reason: format!(
            "{error}; the state machine and the functions may be from different versions"
        ),
    })
}
