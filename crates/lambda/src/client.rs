//! Looking at functions.

use std::sync::Arc;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::{Builder, Config};
use lockstep::PhaseError;
use lockstep::lambda::{LiveAlias, LiveFunction};
use lockstep_aws::{AwsError, Exchange, HttpGet};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::error::{explain, is_missing, is_throttled};
use crate::invocation::AT_ONCE;
use crate::{Mandate, Pacer};

/// How many calls a second are made where nobody says: the quota of most accounts for the
/// control plane as a whole.
const RATE: u32 = 15;

/// How many looks (`GetFunction`) may be made for each other call. Lambda has a quota of its
/// own for them, a hundred a second beside fifteen, of which a quarter is left to others.
const LOOKS: u32 = 5;

/// A handle on Lambda. Cheap to clone; clones share one budget of calls.
#[derive(Debug, Clone)]
pub struct Lambda {
    pub(crate) client: Client,
    pub(crate) http: Arc<HttpGet>,
    /// Where all of AWS is found instead of at its own addresses.
    pub(crate) endpoint: Option<String>,
    /// Previous code is held in memory while it is put back: one function's at a time.
    pub(crate) transfer: Arc<Semaphore>,
    /// Turns to invoke functions.
    pub(crate) invocations: Arc<Semaphore>,
    calls: Arc<Pacer>,
    looks: Arc<Pacer>,
    /// When no call may begin any more.
    pub(crate) until: Option<Instant>,
    /// Asked before every change; without one everything may be changed.
    mandate: Option<Mandate>,
}

impl Lambda {
    /// A handle that calls through `client`. `endpoint` is where all of AWS is found, where
    /// that is not at its own addresses.
    pub fn new(client: Client, endpoint: Option<String>) -> Self {
        Self {
            client,
            http: Arc::default(),
            endpoint,
            transfer: Arc::new(Semaphore::new(1)),
            invocations: Arc::new(Semaphore::new(AT_ONCE)),
            calls: Arc::new(Pacer::new(RATE)),
            looks: Arc::new(Pacer::new(RATE * LOOKS)),
            until: None,
            mandate: None,
        }
    }

    /// The same handle with a fresh budget of `per_second` calls, and the looks that go with
    /// them. A call that would have to wait for its turn beyond `until` fails as transient,
    /// so that an invocation ends in time.
    #[must_use]
    pub fn paced(&self, per_second: u32, until: Option<Instant>) -> Self {
        Self {
            calls: Arc::new(Pacer::new(per_second)),
            looks: Arc::new(Pacer::new(per_second.saturating_mul(LOOKS))),
            until,
            ..self.clone()
        }
    }

    /// The same handle, which asks the mandate right before every change.
    #[must_use]
    pub fn under(&self, mandate: Option<Mandate>) -> Self {
        Self {
            mandate,
            ..self.clone()
        }
    }

    /// Looks at a function, or at what `qualifier`, a version or an alias, names. `None` when
    /// there is no such thing.
    pub async fn function(
        &self,
        name: &str,
        qualifier: Option<&str>,
    ) -> Result<Option<LiveFunction>, PhaseError> {
        let found = self.get_function(name, qualifier).await?;
        Ok(found.as_ref().map(LiveFunction::parse))
    }

    /// Looks at a function whose tags matter: Lambda leaves them out when the role may not
    /// read them, which here is an error.
    pub async fn tagged(&self, name: &str) -> Result<Option<LiveFunction>, PhaseError> {
        let found = self.get_function(name, None).await?;
        let denied = found.as_ref().and_then(|found| found.get("TagsError"));
        if let Some(denied) = denied.filter(|it| it.is_object()) {
            let text = |key| denied.get(key).and_then(Value::as_str).unwrap_or_default();
            return Err(PhaseError::Rejected {
                resource: resource(name, None),
                reason: format!(
                    "its tags cannot be read: {}: {}; the phase's role needs lambda:ListTags",
                    text("ErrorCode"),
                    text("Message").trim_end_matches('.')
                ),
            });
        }
        Ok(found.as_ref().map(LiveFunction::parse))
    }

    async fn get_function(
        &self,
        name: &str,
        qualifier: Option<&str>,
    ) -> Result<Option<Value>, PhaseError> {
        const OPERATION: &str = "lambda:GetFunction";
        self.turn_of(&self.looks, OPERATION).await?;
        let exchange = Exchange::reading();
        let call = self.client.get_function().function_name(name);
        let call = call.set_qualifier(qualifier.map(str::to_owned));
        let sent = call.customize().interceptor(exchange.clone()).send().await;
        match exchange.answer(OPERATION, sent) {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => {
                if is_throttled(&error) {
                    self.looks.slow_down();
                }
                Err(explain(error, &resource(name, qualifier)))
            }
        }
    }

    /// Looks at an alias. `None` when there is no such alias or function.
    pub async fn alias(&self, name: &str, alias: &str) -> Result<Option<LiveAlias>, PhaseError> {
        const OPERATION: &str = "lambda:GetAlias";
        self.turn(OPERATION).await?;
        let exchange = Exchange::reading();
        let call = self.client.get_alias().function_name(name).name(alias);
        let call = call.customize().config_override(once());
        let sent = call.interceptor(exchange.clone()).send().await;
        match exchange.answer(OPERATION, sent) {
            Ok(answer) => Ok(Some(LiveAlias::parse(&answer))),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(self.failed(error, &resource(name, Some(alias)))),
        }
    }

    /// Waits for a turn to make a call other than a look.
    pub(crate) async fn turn(&self, operation: &str) -> Result<(), PhaseError> {
        self.turn_of(&self.calls, operation).await
    }

    /// Waits for a turn to change something, and makes sure that it still may.
    pub(crate) async fn turn_to_change(&self, operation: &str) -> Result<(), PhaseError> {
        self.turn(operation).await?;
        self.may_change().await
    }

    /// Makes sure that something may still be changed.
    pub(crate) async fn may_change(&self) -> Result<(), PhaseError> {
        match &self.mandate {
            Some(mandate) => mandate.holds().await,
            None => Ok(()),
        }
    }

    async fn turn_of(&self, pacer: &Pacer, operation: &str) -> Result<(), PhaseError> {
        if pacer.turn(self.until).await {
            return Ok(());
        }
        Err(PhaseError::Transient {
            operation: operation.to_owned(),
            source_text: "it is not its turn before this invocation ends".to_owned(),
        })
    }

    /// The error of a call other than a look; a throttled one slows down the calls to come.
    pub(crate) fn failed(&self, error: AwsError, resource: &str) -> PhaseError {
        if is_throttled(&error) {
            self.calls.slow_down();
        }
        explain(error, resource)
    }
}

/// The function, or the version or alias of it, as people name it.
pub(crate) fn resource(name: &str, qualifier: Option<&str>) -> String {
    match qualifier {
        Some(qualifier) => format!("function {name}:{qualifier}"),
        None => format!("function {name}"),
    }
}

/// Without the SDK's own retries: each of them would be a call that no budget knows of, and
/// of a call that changes something nobody knows whether it acted.
pub(crate) fn once() -> Builder {
    Config::builder().retry_config(RetryConfig::disabled())
}

#[cfg(test)]
mod tests;
