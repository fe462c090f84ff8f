//! What is left to do to bring a function's change about.

use super::configuration::{self, ConfigurationRequest};
use super::live::{LastUpdate, LiveFunction, State, version_label};
use super::step::{CodeChange, FunctionChange, shares, short};
use super::world::FunctionWorld;
use crate::{PhaseError, Progress};

/// The next thing to do for one function. `start` does it and looks again; `observe` only
/// tells it apart.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Nothing: what serves has the code and the configuration that are to serve.
    Done {
        /// What serves now, in one clause.
        summary: String,
    },
    /// Lambda is at work.
    Wait {
        /// On what, in one clause.
        note: String,
    },
    /// Publish what a function without an alias is now, so that it can be put back.
    Snapshot {
        /// The code it must still have.
        code_sha256: String,
        /// The `RevisionId` it must still have.
        revision_id: String,
    },
    /// Send one `UpdateFunctionConfiguration`.
    UpdateConfiguration(ConfigurationRequest),
    /// Send one `UpdateFunctionCode`.
    UpdateCode {
        /// The code.
        code: CodeChange,
        /// The `RevisionId` that the function must still have.
        revision_id: String,
    },
    /// Publish what is to serve.
    Publish {
        /// The code it must have.
        code_sha256: String,
        /// The `RevisionId` it must still have.
        revision_id: String,
    },
    /// Invoke what is to serve once, and see what it answers.
    Check {
        /// The version; `$LATEST` for a function without an alias, which serves already.
        version: String,
        /// Where its log is.
        logs: String,
    },
    /// Point the alias to the version alone, without weights for others.
    PointAlias {
        /// The version.
        version: String,
        /// The `RevisionId` that the alias must still have.
        revision_id: Option<String>,
    },
    /// The change cannot be brought about.
    Fail(PhaseError),
}

impl Next {
    /// Whether `start` has something to do now.
    pub const fn acts(&self) -> bool {
        !matches!(self, Self::Done { .. } | Self::Wait { .. } | Self::Fail(_))
    }
}

/// Decides what is next for one function, from nothing but its change and a look at it: an
/// answer that was lost, a retry and a second invocation at the same time all lead here.
pub fn next(change: &FunctionChange, world: &FunctionWorld) -> Next {
    if let Err(error) = alias_is_known(change, world) {
        return Next::Fail(error);
    }
    if let Some(end) = served(change, world) {
        return end;
    }
    let latest = &world.latest;
    if latest.last_update == LastUpdate::InProgress || latest.state == State::Pending {
        return wait(change, "Lambda is at work on it");
    }
    let steps = [known, sound, snapshot, configuration, code, publish, check];
    let outcome = steps.iter().find_map(|step| step(change, world));
    outcome.unwrap_or_else(|| end(change, world))
}

/// The alias points where it did, or where it is to point. Anything else is another tool's.
fn alias_is_known(change: &FunctionChange, world: &FunctionWorld) -> Result<(), PhaseError> {
    let Some(before) = &change.before.version else {
        return Ok(());
    };
    let found = match &world.serving {
        Some(serving) if serving.version == *before || change.is_after(serving) => {
            return weights_are_known(change, world);
        }
        Some(serving) => serving.version_label(),
        None => "no such alias".to_owned(),
    };
    Err(PhaseError::Diverged {
        resource: change.resource(),
        expected: version_label(before),
        found,
    })
}

/// Weights are those that were there, or none, as the change leaves them.
fn weights_are_known(change: &FunctionChange, world: &FunctionWorld) -> Result<(), PhaseError> {
    let Some(alias) = &world.alias else {
        return Ok(());
    };
    let weights = &alias.weights;
    if weights.is_empty() || *weights == change.before.weights {
        return Ok(());
    }
    Err(PhaseError::Diverged {
        resource: change.resource(),
        expected: shares(&change.before.weights),
        found: shares(weights),
    })
}

/// Whether what is to serve serves already.
fn served(change: &FunctionChange, world: &FunctionWorld) -> Option<Next> {
    let serving = world.serves(change).filter(|it| change.is_after(it))?;
    let weighted = world
        .alias
        .as_ref()
        .is_some_and(|it| !it.weights.is_empty());
    if weighted || (change.needs_alias() && world.alias.is_none()) {
        return None;
    }
    match (&serving.state, &serving.last_update) {
        (State::Failed(reason), _) | (_, LastUpdate::Failed(reason))
            if !is_old(change, serving) =>
        {
            Some(Next::Fail(unhealthy(change, serving, reason)))
        }
        (State::Pending, _) | (_, LastUpdate::InProgress) => {
            Some(wait(change, "Lambda is at work on it"))
        }
        _ if world.needs_check && change.alias.is_none() => Some(invocation(serving)),
        _ => Some(Next::Done {
            summary: summary(change, serving),
        }),
    }
}

/// A failure that was there before the change is no news.
pub(super) fn is_old(change: &FunctionChange, live: &LiveFunction) -> bool {
    live.revision_id == change.before.latest_revision
}

/// `$LATEST` is as it was, or as the change leaves it, or in between.
fn known(change: &FunctionChange, world: &FunctionWorld) -> Option<Next> {
    let latest = &world.latest;
    let hash = latest.configuration_hash();
    let before = &change.before;
    let code =
        [&before.latest_code_sha256, change.code_after()].contains(&latest.code_sha256.as_str());
    let configuration = [
        before.latest_configuration_hash.as_str(),
        change.configuration_after(),
    ]
    .contains(&hash.as_str());
    let (expected, found) = match (code, configuration) {
        (true, true) => return None,
        (false, _) => (
            format!("code {}", short(&before.latest_code_sha256)),
            format!("code {}", short(&latest.code_sha256)),
        ),
        (true, false) => (
            "the configuration that it had when the deployment was planned".to_owned(),
            "another one".to_owned(),
        ),
    };
    Some(Next::Fail(PhaseError::Diverged {
        resource: format!("function {}", change.function),
        expected,
        found,
    }))
}

/// No update of ours has failed.
fn sound(change: &FunctionChange, world: &FunctionWorld) -> Option<Next> {
    let latest = &world.latest;
    match (&latest.last_update, &latest.state) {
        (LastUpdate::Failed(reason), _) | (_, State::Failed(reason)) if !is_old(change, latest) => {
            Some(Next::Fail(unhealthy(change, latest, reason)))
        }
        _ => None,
    }
}

/// A function without an alias is published before anything of it is changed that no release
/// can put back.
fn snapshot(change: &FunctionChange, world: &FunctionWorld) -> Option<Next> {
    let latest = &world.latest;
    if !change.needs_snapshot() || !change.is_snapshot(latest) {
        return None;
    }
    match &world.published {
        Some(published) if change.is_snapshot(published) => None,
        _ => Some(Next::Snapshot {
            code_sha256: latest.code_sha256.clone(),
            revision_id: latest.revision_id.clone(),
        }),
    }
}

fn configuration(change: &FunctionChange, world: &FunctionWorld) -> Option<Next> {
    let wanted = change.configuration.as_ref()?;
    let latest = &world.latest;
    (latest.configuration_hash() != wanted.after_hash).then(|| {
        let configuration = &latest.configuration;
        let request = configuration::request(configuration, &wanted.settings, &latest.revision_id);
        Next::UpdateConfiguration(request)
    })
}

fn code(change: &FunctionChange, world: &FunctionWorld) -> Option<Next> {
    let wanted = change.code.as_ref()?;
    let latest = &world.latest;
    (latest.code_sha256 != wanted.code_sha256()).then(|| Next::UpdateCode {
        code: wanted.clone(),
        revision_id: latest.revision_id.clone(),
    })
}

fn publish(change: &FunctionChange, world: &FunctionWorld) -> Option<Next> {
    let latest = &world.latest;
    match world.published.as_ref().filter(|it| change.is_after(it)) {
        None => Some(Next::Publish {
            code_sha256: latest.code_sha256.clone(),
            revision_id: latest.revision_id.clone(),
        }),
        Some(published) => match &published.state {
            State::Pending => Some(wait(change, "Lambda is at work on the new version")),
            State::Failed(reason) => Some(Next::Fail(unhealthy(change, published, reason))),
            State::Active | State::Inactive => None,
        },
    }
}

fn check(_: &FunctionChange, world: &FunctionWorld) -> Option<Next> {
    let published = world.published.as_ref().filter(|_| world.needs_check);
    published.map(invocation)
}

fn invocation(live: &LiveFunction) -> Next {
    Next::Check {
        version: live.version.clone(),
        logs: live.log_link(),
    }
}

/// Everything is ready. Traffic that is shifted in stages is shifted for all functions
/// together, once all of them have come this far.
fn end(change: &FunctionChange, world: &FunctionWorld) -> Next {
    match &world.published {
        Some(published) if change.in_stages => Next::Done {
            summary: format!(
                "{} of {} is ready",
                published.version_label(),
                change.resource()
            ),
        },
        _ => point_alias(change, world),
    }
}

fn point_alias(change: &FunctionChange, world: &FunctionWorld) -> Next {
    let version = world.published.as_ref().map(|it| it.version.clone());
    let looked_at = world.alias.as_ref().map(|it| it.revision_id.clone());
    Next::PointAlias {
        version: version.unwrap_or_default(),
        revision_id: looked_at.or_else(|| change.before.alias_revision.clone()),
    }
}

fn wait(change: &FunctionChange, note: &str) -> Next {
    Next::Wait {
        note: format!("{}: {note}", change.function),
    }
}

pub(super) fn unhealthy(change: &FunctionChange, live: &LiveFunction, reason: &str) -> PhaseError {
    let what = match live.number() {
        Some(number) => format!("version {number}"),
        None => "the update".to_owned(),
    };
    PhaseError::Unhealthy {
        signal: format!("{}: {what} failed: {reason}", change.resource()),
    }
}

fn summary(change: &FunctionChange, serving: &LiveFunction) -> String {
    match change.alias {
        Some(_) => format!("{} serves {}", change.resource(), serving.version_label()),
        None => format!("{} runs {}", change.resource(), change.after_label()),
    }
}

/// What the step has come to, from what is next for each of its functions.
///
/// # Errors
/// The first function's that failed; the others are named by number.
pub fn progress(step: &super::FunctionsStep, nexts: &[Next]) -> Result<Progress, PhaseError> {
    let failed = nexts.iter().filter_map(|next| match next {
        Next::Fail(error) => Some(error),
        _ => None,
    });
    if let Some(first) = failed.clone().next() {
        return Err(first.clone());
    }
    let waits = nexts.iter().find_map(|next| match next {
        Next::Wait { note } => Some(note),
        _ => None,
    });
    let done = nexts
        .iter()
        .filter(|it| matches!(it, Next::Done { .. }))
        .count();
    let all = nexts.len();
    Ok(match (nexts.iter().any(Next::acts), waits, nexts) {
        (true, ..) => Progress::NotStarted,
        (false, Some(note), _) => Progress::Running {
            note: format!("{done} of {all} functions done; {note}"),
        },
        (false, None, [Next::Done { summary }]) => Progress::Done {
            summary: summary.clone(),
        },
        (false, None, _) if step.traffic.is_some() => Progress::Done {
            summary: format!("{} are ready for {}", step.resource(), step.after_label()),
        },
        (false, None, _) => Progress::Done {
            summary: format!("{} run {}", step.resource(), step.after_label()),
        },
    })
}

#[cfg(test)]
mod tests;
