//! What the phase does to the functions; what it means is decided in [`lockstep::lambda`].

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use lockstep::lambda::{FunctionChange, FunctionsStep, Next, next, progress};
use lockstep::{Phase, PhaseError, Progress, WakeKey};
use lockstep_lambda::Lambda;

use crate::change::{Reached, Remembered, bring_about, look};
use crate::fleet::{Fleet, Permit, one_of};
use crate::undo::{put_back, settled};

/// How many functions are looked at at the same time: a look takes some hundredths of a second.
const LOOKS_AT_ONCE: usize = 16;

/// Changes all functions of a deployment, within one budget of calls.
///
/// `start` does whatever can be done until its time is used up, and can be asked again at any
/// point: each function's next call follows from nothing but a look at it. While something is
/// left to do, `observe` says that the step was not started, even if Lambda is at work just
/// then: `start` waits for it, and looks only at what is not finished.
#[derive(Debug)]
pub struct FunctionsPhase {
    lambda: Lambda,
    permit: Permit,
    /// What `start` of a deployment saw last. The `observe` that follows at once takes it over
    /// instead of looking at everything again: each function was looked at after its last call.
    seen: RefCell<Option<(String, Progress)>>,
    /// The functions whose new version was checked, and for which deployment. A process that
    /// goes on with a deployment does not check them again; a new one does.
    checked: RefCell<(String, BTreeSet<String>)>,
}

impl FunctionsPhase {
    /// The phase, acting through `lambda` while there is time.
    pub(crate) const fn new(lambda: Lambda, permit: Permit) -> Self {
        Self {
            lambda,
            permit,
            seen: RefCell::new(None),
            checked: RefCell::new((String::new(), BTreeSet::new())),
        }
    }

    /// What this process checked already for a deployment.
    fn checked(&self, step: &FunctionsStep) -> BTreeSet<String> {
        let (deployment, functions) = &*self.checked.borrow();
        let same = *deployment == step.deployment;
        functions.iter().filter(|_| same).cloned().collect()
    }
}

impl Phase for FunctionsPhase {
    type Step = FunctionsStep;

    fn deadline(&self, step: &FunctionsStep) -> Duration {
        Duration::from_secs(step.deadline_seconds)
    }

    /// Lambda tells nobody of an update that took effect: the state asks again at once.
    fn wake_keys(&self, _step: &FunctionsStep) -> Vec<WakeKey> {
        Vec::new()
    }

    async fn start(&self, step: &FunctionsStep) -> Result<(), PhaseError> {
        let fleet = Fleet::new(&self.lambda, step, &self.permit);
        fleet.checked.replace(self.checked(step));
        let reached = on_all(&fleet, async |change| bring_about(&fleet, change).await).await;
        let checked = (step.deployment.clone(), fleet.checked.take());
        self.checked.replace(checked);
        let progress = reached_progress(step, reached)?;
        self.seen.replace(Some((step.deployment.clone(), progress)));
        Ok(())
    }

    async fn observe(&self, step: &FunctionsStep) -> Result<Progress, PhaseError> {
        if let Some((deployment, progress)) = self.seen.take()
            && deployment == step.deployment
        {
            return Ok(progress);
        }
        let lambda = self.lambda.paced(step.rate_per_second, None);
        let checked = self.checked(step);
        let functions = stream::iter(&step.functions);
        let looks = functions.map(async |change| {
            let wanted = step.check_of(change);
            let needs_check = wanted.is_some() && !checked.contains(&change.function);
            let remembered = Remembered::nothing(needs_check);
            let world = look(&lambda, change, remembered).await?;
            Ok::<_, PhaseError>(next(change, &world))
        });
        let mut looks = looks.buffered(LOOKS_AT_ONCE);
        let mut nexts = Vec::new();
        while let Some(next) = looks.next().await {
            let next = next?;
            if !matches!(next, Next::Done { .. } | Next::Fail(_)) {
                return Ok(Progress::NotStarted);
            }
            nexts.push(next);
        }
        progress(step, &nexts)
    }

    /// Puts every function back, as far as the time reaches. One that cannot be put back does
    /// not keep the others from it.
    async fn undo(&self, step: &FunctionsStep) -> Result<Progress, PhaseError> {
        let fleet = Fleet::new(&self.lambda, step, &self.permit);
        let reached = on_all(&fleet, async |change| put_back(&fleet, change).await).await;
        settled(step, reached)
    }
}

/// Works on all functions at the same time. Gives what came of each, in the step's order.
async fn on_all<T>(fleet: &Fleet<'_>, work: impl AsyncFn(&FunctionChange) -> T) -> Vec<T> {
    let work = &work;
    let functions = stream::iter(fleet.step.functions.iter().enumerate());
    let each = functions.map(async |(number, change)| (number, work(change).await));
    let mut reached: Vec<_> = each.buffer_unordered(fleet.at_once()).collect().await;
    reached.sort_by_key(|(number, _)| *number);
    reached.into_iter().map(|(_, one)| one).collect()
}

/// What the step has come to, from how far each function came.
fn reached_progress(step: &FunctionsStep, reached: Vec<Reached>) -> Result<Progress, PhaseError> {
    let all = reached.len();
    let (mut nexts, mut failed, mut last) = (Vec::new(), Vec::new(), None);
    for one in reached {
        match one {
            Reached::Seen(Next::Fail(error)) => failed.push(error),
            Reached::Seen(next) => nexts.push(next),
            Reached::Unknown(why) => last = Some(why),
        }
    }
    if let Some(error) = one_of(step, failed) {
        return Err(error);
    }
    let done = nexts
        .iter()
        .filter(|next| matches!(next, Next::Done { .. }));
    let mut note = format!("{} of {all} functions done", done.count());
    if let Some(last) = &last {
        note = format!("{note}; {last}");
    } else if let seen @ (Progress::Done { .. } | Progress::Running { .. }) =
        progress(step, &nexts)?
    {
        return Ok(seen);
    }
    Ok(Progress::Running { note })
}

#[cfg(test)]
mod tests;
