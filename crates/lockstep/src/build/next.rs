//! What to do next to apply a component: a function of nothing but the step and a look.
//!
//! Whoever calls this may be killed at any point, and may run twice at once: the next look shows
//! what was done, by the names of [`identity`](super::identity).

use super::change::{InfrastructureChange, counted};
use super::failure::{failed, unreadable};
use super::guard::{guard, refusal};
use super::identity::Purpose;
use super::live::{Build, Looked};
use super::record::BuildRecord;
use super::step::BuildStep;
use crate::{PhaseError, Progress};

/// What to do next about a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Do this, then look again.
    Act(Do),
    /// CodeBuild is at work.
    Wait {
        /// What is waited for, in one clause.
        note: String,
    },
    /// Nothing is left to do.
    Done {
        /// What was done, in one clause.
        summary: String,
    },
}

/// A call. All of them may be made twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Do {
    /// `StartBuild`; for one that plans, `variables.json` is written first.
    Start(Purpose),
    /// Writes what the ledger knows, in place of what the look saw there.
    Record(Box<BuildRecord>),
}

/// How many outputs people are told.
const OUTPUTS: usize = 5;

/// What to do next to bring the change about.
///
/// # Errors
/// [`PhaseError::Rejected`] when a build failed, when it did not leave what the contract says, or
/// when the guard does not let the change pass.
pub fn next(step: &BuildStep, looked: &Looked) -> Result<Next, PhaseError> {
    if let Some(apply) = &looked.apply {
        return applied(step, looked, apply);
    }
    let changes = match (&step.planned, &looked.plan) {
        (Some(planned), _) => &planned.changes,
        (None, None) => return Ok(Next::Act(Do::Start(Purpose::Plan))),
        (None, Some(plan)) => match planned(step, looked, plan)? {
            Ok(changes) => changes,
            Err(next) => return Ok(next),
        },
    };
    let violations = guard(changes, &step.approved);
    if !violations.is_empty() {
        return Err(PhaseError::Rejected {
            resource: step.resource(),
            reason: refusal(step, &violations),
        });
    }
    Ok(Next::Act(begin(Purpose::Apply, step, looked)))
}

/// How long the ledger's word that a deployment begins to apply is new enough to start the build,
/// in seconds. Who undoes waits from then on for a build to be seen.
const FRESH: i64 = 10;

/// Applies, once the ledger says that it is begun just now: should nobody come to its end, what is
/// live may be anything.
pub(super) fn begin(purpose: Purpose, step: &BuildStep, looked: &Looked) -> Do {
    let begun = looked.record.begun.as_ref();
    let ours = begun.filter(|it| it.deployment == step.deployment);
    let since = ours.map(|it| looked.now.duration_since(it.at).as_secs());
    if since.is_some_and(|seconds| seconds <= FRESH) {
        return Do::Start(purpose);
    }
    let begun = looked.record.begun_by(&step.deployment, looked.now);
    Do::Record(Box::new(begun))
}

/// What a look means while nothing is done.
///
/// # Errors
/// As [`next`].
pub fn observe(step: &BuildStep, looked: &Looked) -> Result<Progress, PhaseError> {
    Ok(match next(step, looked)? {
        Next::Act(_) => Progress::NotStarted,
        Next::Wait { note } => Progress::Running { note },
        Next::Done { summary } => Progress::Done { summary },
    })
}

/// What a plan that was made only now says, or what is to be done in place of applying it.
fn planned<'a>(
    step: &BuildStep,
    looked: &'a Looked,
    plan: &Build,
) -> Result<Result<&'a Vec<InfrastructureChange>, Next>, PhaseError> {
    if !plan.has_ended() {
        return Ok(Err(at_work(plan, "plans the change")));
    }
    let changes = read(step, false, plan, looked.changes.as_ref())?;
    if !changes.is_empty() {
        return Ok(Ok(changes));
    }
    let known = step.before.certain().map(|it| &it.outputs);
    let outputs = looked.outputs.as_ref().and_then(|it| it.as_ref().ok());
    let Some(outputs) = outputs.or(known) else {
        // Applying nothing tells the outputs.
        return Ok(Ok(changes));
    };
    let after = step.after(looked.variables.clone(), outputs.clone());
    Ok(Err(recorded(looked, after, "nothing to change".to_owned())))
}

/// What a plan build left.
pub(super) fn read<'a>(
    step: &BuildStep,
    undo: bool,
    build: &Build,
    changes: Option<&'a Result<Vec<InfrastructureChange>, String>>,
) -> Result<&'a Vec<InfrastructureChange>, PhaseError> {
    if !build.has_succeeded() {
        return Err(failed(step, build));
    }
    let error = |why: &str| unreadable(step, undo, "changes.json", why);
    let changes = changes.ok_or_else(|| error("it was not read"))?;
    changes.as_ref().map_err(|why| error(why))
}

fn applied(step: &BuildStep, looked: &Looked, apply: &Build) -> Result<Next, PhaseError> {
    if !apply.has_ended() {
        return Ok(at_work(apply, "applies the change"));
    }
    if !apply.has_succeeded() {
        return Err(failed(step, apply));
    }
    let error = |why: &str| unreadable(step, false, "outputs.json", why);
    let outputs = looked.outputs.as_ref();
    let outputs = outputs.ok_or_else(|| error("it was not read"))?;
    let outputs = outputs.as_ref().map_err(|why| error(why))?;
    let told = outputs.iter().take(OUTPUTS);
    let mut told: Vec<_> = told
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    match outputs.len().saturating_sub(OUTPUTS) {
        0 => {}
        more => told.push(format!("{more} more")),
    }
    let mut summary = format!("applied: {}", done_words(step, looked));
    if !told.is_empty() {
        summary = format!("{summary}; outputs {}", told.join(", "));
    }
    let after = step.after(looked.variables.clone(), outputs.clone());
    Ok(recorded(looked, after, summary))
}

/// What was, or is to be, applied, in numbers.
fn done_words(step: &BuildStep, looked: &Looked) -> String {
    match changes(step, looked) {
        Some((changes, 0)) => counted(changes),
        Some((changes, more)) => format!("{}, {more} more", counted(changes)),
        None => "the planned changes".to_owned(),
    }
}

/// The changes that this deployment applies, and how many of them are not known one by one.
pub(super) fn changes<'a>(
    step: &'a BuildStep,
    looked: &'a Looked,
) -> Option<(&'a Vec<InfrastructureChange>, usize)> {
    if let Some(planned) = &step.planned {
        return Some((&planned.changes, planned.more));
    }
    let read = looked.changes.as_ref()?.as_ref().ok()?;
    Some((read, 0))
}

/// Done, once the ledger says so.
pub(super) fn recorded(looked: &Looked, record: BuildRecord, summary: String) -> Next {
    if looked.record == record {
        Next::Done { summary }
    } else {
        Next::Act(Do::Record(Box::new(record)))
    }
}

pub(super) fn at_work(build: &Build, what: &str) -> Next {
    let note = match build.phase.as_str() {
        "" => format!("{} {what}", build.id),
        phase => format!("{} {what} ({phase})", build.id),
    };
    Next::Wait { note }
}

#[cfg(test)]
mod tests;
