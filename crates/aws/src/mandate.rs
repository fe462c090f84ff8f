//! Whether the work may still change anything.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use lockstep::PhaseError;

type Answer = Pin<Box<dyn Future<Output = Result<(), PhaseError>> + Send>>;

/// Asks whether anything may still be changed, right before each change.
///
/// Whoever changes many things is at it for many seconds, and its execution may be stopped
/// meanwhile: somebody else then puts everything back, and what this one went on to change
/// would stay.
#[derive(Clone)]
pub struct Mandate(Arc<dyn Fn() -> Answer + Send + Sync>);

impl Mandate {
    /// A mandate that `ask` tells of: an error when it has ended.
    pub fn new<F>(ask: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), PhaseError>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(ask())))
    }

    /// Whether a change may be made now.
    ///
    /// # Errors
    /// What ended the mandate, or that nobody could tell.
    pub async fn holds(&self) -> Result<(), PhaseError> {
        (self.0)().await
    }
}

impl fmt::Debug for Mandate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mandate")
    }
}
