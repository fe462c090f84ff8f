//! Raw bodies of one operation, so that fields newer than the SDK survive a deployment.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde_json::Value;

use crate::{AwsError, ErrorKind};

/// Sends a raw body in place of the modelled one, before the request is signed, and keeps
/// the raw body of the answer.
#[derive(Clone, Default)]
pub struct Exchange {
    body: Option<String>,
    answer: Arc<Mutex<Vec<u8>>>,
}

/// Without the bodies: they can hold secrets, and the SDK may log an interceptor.
impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").finish_non_exhaustive()
    }
}

impl Exchange {
    /// An exchange that sends what the SDK models.
    pub fn reading() -> Self {
        Self::default()
    }

    /// An exchange that sends `body`.
    pub fn sending(body: &Value) -> Self {
        Self {
            body: Some(body.to_string()),
            answer: Arc::default(),
        }
    }

    /// The answer's body. An answer whose shape the SDK does not understand is an answer
    /// all the same: nothing that is read of it depends on the SDK's model.
    pub fn answer<O, E>(
        &self,
        operation: &'static str,
        sent: Result<O, SdkError<E, HttpResponse>>,
    ) -> Result<Value, AwsError>
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        if let Err(error) = sent
            && !error
                .raw_response()
                .is_some_and(|response| response.status().is_success())
        {
            return Err(AwsError::new(operation, &error));
        }
        let bytes = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::from_slice(&bytes).map_err(|error| AwsError {
            operation,
            kind: ErrorKind::Transient,
            code: String::new(),
            message: format!("the answer is not JSON: {error}"),
        })
    }
}

impl Intercept for Exchange {
    fn name(&self) -> &'static str {
        "LosslessExchange"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(body) = &self.body {
            let request = context.request_mut();
            request
                .headers_mut()
                .insert("content-length", body.len().to_string());
            *request.body_mut() = SdkBody::from(body.as_str());
        }
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let bytes = context.response().body().bytes().unwrap_or_default();
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = bytes.to_vec();
        Ok(())
    }
}
