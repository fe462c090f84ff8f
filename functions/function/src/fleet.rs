//! What the work on many functions has in common: its time, its pauses, and its end.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use lockstep::PhaseError;
use lockstep::lambda::{FunctionChange, FunctionsStep};
use lockstep::manifest::FunctionCheck;
use lockstep_lambda::{Lambda, Mandate, pause};
use tokio::time::Instant;

/// How long Lambda takes at least for new code or configuration.
const SETTLING: Duration = Duration::from_millis(600);

/// The first pause, and the longest one, between two looks at something that did not change.
const SHORT: Duration = Duration::from_millis(400);
const LONG: Duration = Duration::from_secs(4);

/// What the invocation under way may do: until when it works before it ends and is asked again,
/// and whether its changes are still wanted.
///
/// It works for half of the time that Lambda gives it: what began in the first half, at worst the
/// transfer of a function's previous code, ends in the second. With the template's timeout of
/// 50 s that is long enough for a hundred functions, and short enough that a deployment that
/// failed elsewhere stops soon.
#[derive(Debug, Clone, Default)]
pub(crate) struct Permit(Rc<RefCell<(Option<Instant>, Option<Mandate>)>>);

impl Permit {
    /// An invocation begins, which Lambda ends after `left`.
    pub(crate) fn begin(&self, left: Duration, mandate: Option<Mandate>) {
        self.0.replace((Some(Instant::now() + left / 2), mandate));
    }

    /// When nothing new may begin any more.
    fn end(&self) -> Instant {
        self.0.borrow().0.unwrap_or_else(Instant::now)
    }

    fn mandate(&self) -> Option<Mandate> {
        self.0.borrow().1.clone()
    }
}

/// The work of one invocation.
#[derive(Debug)]
pub(crate) struct Fleet<'a> {
    pub(crate) lambda: Lambda,
    pub(crate) step: &'a FunctionsStep,
    until: Instant,
    /// Whether something failed, so that nothing new is begun.
    halted: Cell<bool>,
    /// The functions whose new version was checked for this deployment.
    pub(crate) checked: RefCell<BTreeSet<String>>,
}

impl<'a> Fleet<'a> {
    /// The work on a step.
    pub(crate) fn new(lambda: &Lambda, step: &'a FunctionsStep, permit: &Permit) -> Self {
        let until = permit.end();
        let lambda = lambda.paced(step.rate_per_second, Some(until));
        Self {
            lambda: lambda.under(permit.mandate()),
            step,
            until,
            halted: Cell::new(false),
            checked: RefCell::default(),
        }
    }

    /// How many functions are worked on at once: enough to use the budget of calls up while
    /// Lambda takes seconds for each, few enough that those under way are finished before
    /// others are begun: when one of them fails, the others were not even touched.
    pub(crate) fn at_once(&self) -> usize {
        let seconds_of_calls = self.step.rate_per_second.saturating_mul(4);
        usize::try_from(seconds_of_calls.clamp(8, 256)).unwrap_or(8)
    }

    /// How a function's new version is still to be checked.
    pub(crate) fn check_of(&self, change: &FunctionChange) -> Option<&'a FunctionCheck> {
        let checked = self.checked.borrow().contains(&change.function);
        self.step.check_of(change).filter(|_| !checked)
    }

    /// Whether this invocation may begin nothing more.
    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// Whether something failed.
    pub(crate) fn is_halted(&self) -> bool {
        self.halted.get()
    }

    /// Keeps everything else from beginning anything new.
    pub(crate) fn halt(&self) {
        self.halted.set(true);
    }
}

/// Pauses between two looks at one function: they grow while nothing changes.
#[derive(Debug)]
pub(crate) struct Patience {
    pause: Duration,
}

impl Patience {
    pub(crate) const fn new() -> Self {
        Self { pause: SHORT }
    }

    /// Waits after a change that Lambda takes a moment for.
    pub(crate) async fn settle(&mut self) {
        self.pause = SHORT;
        pause(SETTLING).await;
    }

    /// Something changed: the next pause is short again.
    pub(crate) const fn begin_anew(&mut self) {
        self.pause = SHORT;
    }

    /// Waits for what did not change yet.
    pub(crate) async fn wait(&mut self) {
        pause(self.pause).await;
        self.pause = (self.pause * 3 / 2).min(LONG);
    }
}

/// One error for all that failed, each function named; the others settle meanwhile.
pub(crate) fn one_of(step: &FunctionsStep, mut failed: Vec<PhaseError>) -> Option<PhaseError> {
    if failed.len() < 2 {
        return failed.pop();
    }
    let told: Vec<_> = failed
        .iter()
        .take(TOLD)
        .map(PhaseError::to_string)
        .collect();
    let more = match failed.len() - told.len() {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let all = step.functions.len();
    let text = format!(
        "{} of {all} functions: {}{more}",
        failed.len(),
        told.join("; ")
    );
    let first = failed.swap_remove(0);
    Some(match first {
        PhaseError::Unhealthy { .. } => PhaseError::Unhealthy { signal: text },
        PhaseError::Diverged { .. } | PhaseError::Halted { .. } => first,
        _ => PhaseError::Rejected {
            resource: step.resource(),
            reason: text,
        },
    })
}

/// How many failures a message tells.
const TOLD: usize = 3;
