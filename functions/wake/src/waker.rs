//! From an event to the invocations of those who wait for it.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use lockstep::{PhaseError, WakeKey};
use lockstep_aws::AwsError;
use lockstep_ledger::Ledger;
use serde_json::{Value, json};

pub(crate) struct Waker {
    pub(crate) lambda: Client,
    pub(crate) ledger: Ledger,
}

impl Waker {
    /// Invokes everybody who waits for what the event, or the state machine's own
    /// `{"keys": [...]}`, names. One that cannot be invoked does not keep the others from it.
    pub(crate) async fn handle(&self, event: Value) -> Result<Value, PhaseError> {
        let mut woken = 0;
        let mut failure = None;
        for key in keys(&event) {
            for (function, payload) in self.ledger.waiters(&key).await? {
                match self.invoke(&function, &payload).await {
                    Ok(()) => woken += 1,
                    Err(error) => failure = Some(error),
                }
            }
        }
        tracing::info!(woken, "woke those who wait");
        failure.map_or_else(|| Ok(json!({ "woken": woken })), Err)
    }

    async fn invoke(&self, function: &str, payload: &Value) -> Result<(), PhaseError> {
        let sent = self
            .lambda
            .invoke()
            .function_name(function)
            .invocation_type(InvocationType::Event)
            .payload(Blob::new(payload.to_string()))
            .send()
            .await;
        sent.map(drop).map_err(|error| {
            AwsError::new("lambda:InvokeFunction", &error).about(format!("function {function}"))
        })
    }
}

fn keys(event: &Value) -> Vec<WakeKey> {
    match event.get("keys") {
        Some(keys) => serde_json::from_value(keys.clone()).unwrap_or_else(|error| {
            tracing::error!(%error, "`keys` is not a list of texts");
            Vec::new()
        }),
        None => WakeKey::of_event(event),
    }
}
