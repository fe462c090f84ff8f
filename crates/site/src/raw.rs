//! Raw bodies in place of modelled ones: what is newer than the SDK survives.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;

/// Sends a raw body, and keeps the raw body of the answer.
#[derive(Clone, Default)]
pub(crate) struct Raw {
    body: Option<String>,
    answer: Arc<Mutex<String>>,
}

impl Raw {
    /// One that sends what the SDK models.
    pub(crate) fn reading() -> Self {
        Self::default()
    }

    /// One that sends `body`.
    pub(crate) fn sending(body: String) -> Self {
        Self {
            body: Some(body),
            answer: Arc::default(),
        }
    }

    /// The answer's body.
    pub(crate) fn answer(&self) -> String {
        let answer = self.answer.lock();
        answer.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Without the bodies: origins can have headers that are secrets.
impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Raw")
    }
}

impl Intercept for Raw {
    fn name(&self) -> &'static str {
        "RawXml"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(body) = &self.body {
            let request = context.request_mut();
            let length = body.len().to_string();
            request.headers_mut().insert("content-length", length);
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
        let text = String::from_utf8_lossy(bytes).into_owned();
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = text;
        Ok(())
    }
}
