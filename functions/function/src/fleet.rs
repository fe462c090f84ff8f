//! What the work on many functions has in common: its time, its pauses, and its end.

use std::cell::Cell;
use std::time::Duration;

use lockstep::PhaseError;
use lockstep::lambda::FunctionsStep;
use lockstep_lambda::{Lambda, pause};
use tokio::time::Instant;

/// How long one invocation works before it ends and is asked again: long enough for a hundred
/// functions, short enough that a deployment that failed elsewhere stops soon. The last call
/// that began in time still has to come back before the function's own timeout.
const TIME: Duration = Duration::from_secs(30);

/// How long Lambda takes at least for new code or configuration.
const SETTLING: Duration = Duration::from_millis(600);

/// The first pause, and the longest one, between two looks at something that did not change.
const SHORT: Duration = Duration::from_millis(400);
const LONG: Duration = Duration::from_secs(4);

/// The work of one invocation.
#[derive(Debug)]
pub(crate) struct Fleet<'a> {
    pub(crate) lambda: Lambda,
    pub(crate) step: &'a FunctionsStep,
    until: Instant,
    /// Whether something failed, so that nothing new is begun.
    halted: Cell<bool>,
}

impl<'a> Fleet<'a> {
    /// The work on a step that begins now.
    pub(crate) fn new(lambda: &Lambda, step: &'a FunctionsStep) -> Self {
        let until = Instant::now() + TIME;
        Self {
            lambda: lambda.paced(step.rate_per_second, Some(until)),
            step,
            until,
            halted: Cell::new(false),
        }
    }

    /// How many functions are worked on at once: enough to use the budget of calls up while
    /// Lambda takes seconds for each, few enough that those under way are finished before
    /// others are begun: when one of them fails, the others were not even touched.
    pub(crate) fn at_once(&self) -> usize {
        let seconds_of_calls = self.step.rate_per_second.saturating_mul(4);
        usize::try_from(seconds_of_calls.clamp(8, 256)).unwrap_or(8)
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
        PhaseError::Diverged { .. } => first,
        _ => PhaseError::Rejected {
            resource: step.resource(),
            reason: text,
        },
    })
}

/// How many failures a message tells.
const TOLD: usize = 3;
