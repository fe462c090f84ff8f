//! How long one invocation works, and whether it still may.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use lockstep::PhaseError;
use lockstep_aws::Mandate;

/// What one invocation may do.
#[derive(Debug, Clone, Default)]
pub(crate) struct Permit(Rc<RefCell<(Option<Instant>, Option<Mandate>)>>);

impl Permit {
    /// An invocation begins, which Lambda ends after `left`. It begins nothing new after half of
    /// that.
    pub(crate) fn begin(&self, left: Duration, mandate: Option<Mandate>) {
        self.0.replace((Some(Instant::now() + left / 2), mandate));
    }

    /// Whether this invocation may begin nothing more.
    pub(crate) fn is_over(&self) -> bool {
        self.0.borrow().0.is_none_or(|end| Instant::now() >= end)
    }

    /// What says whether anything may still be changed.
    pub(crate) fn mandate(&self) -> Mandate {
        let none = || Mandate::new(async || Ok(()));
        self.0.borrow().1.clone().unwrap_or_else(none)
    }

    /// Whether anything may still be changed.
    pub(crate) async fn holds(&self) -> Result<(), PhaseError> {
        let mandate = self.mandate();
        mandate.holds().await
    }
}
