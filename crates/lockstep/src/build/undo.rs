//! What to do next to put a component back: a function of nothing but the step and a look.

use std::collections::BTreeSet;

use super::change::{InfrastructureChange, OUTPUT, counted};
use super::failure::failed;
use super::guard::guard;
use super::identity::Purpose;
use super::live::{Build, Looked};
use super::next::{Do, Next, at_work, begin, changes, read, recorded};
use super::record::{Applied, BuildRecord};
use super::step::BuildStep;
use crate::PhaseError;

/// How long after the ledger's word that it is begun a build may still be missing from the list of
/// builds, in seconds.
const VISIBLE_AFTER: i64 = 30;

/// How many resources people are told by name.
const NAMED: usize = 10;

/// What to do next to put back what was there before: what was applied last is applied again.
/// Nothing that holds data is deleted or replaced by it.
///
/// # Errors
/// [`PhaseError::Rejected`] when there is nothing to go back to, when going back would destroy
/// data, or when a build of the way back failed.
pub fn undo_next(step: &BuildStep, looked: &Looked) -> Result<Next, PhaseError> {
    match &looked.apply {
        None => Ok(never_applied(step, looked)),
        // A tool that is killed leaves its state locked, and nobody knows what it had done.
        Some(apply) if !apply.has_ended() => Ok(at_work(
            apply,
            "still applies the change; it is not killed in the middle of it",
        )),
        Some(apply) if apply.never_ran() => Ok(untouched(step, looked)),
        Some(_) => match &step.before.applied {
            None => first_time(step, looked),
            Some(before) => put_back(step, looked, before),
        },
    }
}

fn never_applied(step: &BuildStep, looked: &Looked) -> Next {
    if let Some(plan) = looked.plan.as_ref().filter(|it| !it.has_ended()) {
        return at_work(plan, "still plans the change");
    }
    let ours = looked.record.begun.as_ref();
    let ours = ours.filter(|begun| begun.deployment == step.deployment);
    let since = ours.map(|begun| looked.now.duration_since(begun.at).as_secs());
    if since.is_some_and(|seconds| seconds < VISIBLE_AFTER) {
        return Next::Wait {
            note: "CodeBuild may have begun to apply the change and not show it yet".to_owned(),
        };
    }
    untouched(step, looked)
}

fn untouched(step: &BuildStep, looked: &Looked) -> Next {
    let summary = "nothing had been changed".to_owned();
    recorded(looked, step.before.clone(), summary)
}

/// The first time that Lockstep applied it: there is no earlier source. What was only created
/// takes nothing away from what ran before.
fn first_time(step: &BuildStep, looked: &Looked) -> Result<Next, PhaseError> {
    let known = changes(step, looked);
    // The worst is at the front, so that what is not known one by one is no worse.
    let worst = known.and_then(|(changes, _)| changes.first());
    let made = |it: &InfrastructureChange| it.action == super::Action::Create || it.kind == OUTPUT;
    match known {
        Some((changes, _)) if changes.iter().all(made) => {
            let summary = if worst.is_none() {
                "there was nothing to change".to_owned()
            } else {
                format!(
                    "what it created stays ({}): it is the first time that Lockstep applied it, so there is no earlier \
                     source to go back to. The next deployment goes on from there; where it is not needed, remove it with \
                     the tool itself",
                    named(changes)
                )
            };
            Ok(Next::Done { summary })
        }
        _ => Err(PhaseError::Rejected {
            resource: step.resource(),
            reason: format!(
                "it is the first time that Lockstep applied it, so there is no earlier source to go back to. It was to \
                 change {}. Fix its source and deploy again, or put it right with the tool itself",
                known.map_or_else(
                    || "what its plan says".to_owned(),
                    |(changes, _)| named(changes)
                )
            ),
        }),
    }
}

fn named(changes: &[InfrastructureChange]) -> String {
    let resources = changes.iter().filter(|it| it.kind != OUTPUT);
    let mut named: Vec<_> = resources.map(InfrastructureChange::words).collect();
    let more = named.len().saturating_sub(NAMED);
    named.truncate(NAMED);
    if more > 0 {
        named.push(format!("{more} more"));
    }
    named.join(", ")
}

/// Applies what was applied last, by builds of its own.
fn put_back(step: &BuildStep, looked: &Looked, before: &Applied) -> Result<Next, PhaseError> {
    if let Some(apply) = &looked.undo_apply {
        return gone_back(step, looked, before, apply);
    }
    let Some(plan) = &looked.undo_plan else {
        return Ok(Next::Act(Do::Start(Purpose::UndoPlan)));
    };
    if !plan.has_ended() {
        return Ok(at_work(plan, "plans the way back"));
    }
    let changes = read(step, true, plan, looked.undo_changes.as_ref())?;
    if changes.is_empty() {
        return Ok(restored(looked, before, "it is as before"));
    }
    // What was approved for the change was not approved for the way back.
    let violations = guard(changes, &BTreeSet::new());
    if violations.is_empty() {
        return Ok(Next::Act(begin(Purpose::UndoApply, step, looked)));
    }
    let told: Vec<_> = violations.into_iter().map(|it| it.words).collect();
    Err(PhaseError::Rejected {
        resource: step.resource(),
        reason: format!(
            "going back would destroy data, so it was left as this deployment made it: {}. Keep it so and fix what \
             failed; or save what is needed and go back by hand: the plan is kept at {}",
            told.join(", "),
            step.work_of(true).url("plan/")
        ),
    })
}

fn gone_back(
    step: &BuildStep,
    looked: &Looked,
    before: &Applied,
    apply: &Build,
) -> Result<Next, PhaseError> {
    if !apply.has_ended() {
        return Ok(at_work(apply, "goes back"));
    }
    if !apply.has_succeeded() {
        return Err(failed(step, apply));
    }
    let counted = match &looked.undo_changes {
        Some(Ok(changes)) => counted(changes),
        _ => "as planned".to_owned(),
    };
    let mut summary = format!("{} applied again: {counted}", before.source.label());
    if let Some(Err(why)) = &looked.undo_outputs {
        summary = format!(
            "{summary}; its outputs.json cannot be read ({why}), so the outputs it had before are kept"
        );
    }
    Ok(restored(looked, before, &summary))
}

/// Done, once the ledger says that what was applied before is applied again.
fn restored(looked: &Looked, before: &Applied, summary: &str) -> Next {
    let mut applied = before.clone();
    if let Some(Ok(outputs)) = &looked.undo_outputs {
        applied.outputs.clone_from(outputs);
    }
    let record = BuildRecord {
        applied: Some(applied),
        begun: None,
    };
    recorded(looked, record, summary.to_owned())
}

#[cfg(test)]
mod tests;
