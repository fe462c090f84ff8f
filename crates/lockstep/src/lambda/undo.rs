//! What is left to do to put a function back.

use std::collections::BTreeMap;

use super::configuration::{self, ConfigurationRequest};
use super::live::{LastUpdate, LiveAlias, LiveFunction, State, version_label};
use super::step::{CodeChange, FunctionChange};
use super::traffic;
use super::world::FunctionWorld;
use crate::PhaseError;

/// The next thing to do for an undo of one function.
#[derive(Debug, Clone, PartialEq)]
pub enum Undo {
    /// Nothing: what served before serves, or somebody else took the function over.
    Done {
        /// What is live now, in one clause.
        summary: String,
    },
    /// Lambda is at work.
    Wait {
        /// On what, in one clause.
        note: String,
    },
    /// Point the alias to the version and the weights that it had.
    PointAlias {
        /// The version.
        version: String,
        /// The additional versions and their weights.
        weights: BTreeMap<String, f64>,
        /// The `RevisionId` that the alias must still have.
        revision_id: String,
    },
    /// Look for the version that was published before the change, and ask again with it.
    FindSnapshot,
    /// Put the previous code back onto the function.
    RestoreCode {
        /// Where it comes from; `None` is the zip file of the snapshot.
        code: Option<CodeChange>,
        /// The `RevisionId` that the function must still have.
        revision_id: String,
    },
    /// Send the `UpdateFunctionConfiguration` that puts the previous settings back.
    RestoreConfiguration(ConfigurationRequest),
    /// The function cannot be put back.
    Fail(PhaseError),
}

/// What was found of the version that was published before the change.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Snapshot {
    /// Nobody looked.
    #[default]
    Unknown,
    /// There is none.
    Missing,
    /// This one, looked at with `GetFunction`.
    Found(Box<LiveFunction>),
}

/// Decides what is left to put back of one function. Touches nothing that does not carry our
/// mark, which is the hash of our code or of our configuration.
///
/// With an alias, only the alias is put back: nothing that serves depends on `$LATEST`.
pub fn undo(change: &FunctionChange, world: &FunctionWorld, snapshot: &Snapshot) -> Undo {
    match (&change.before.version, &world.alias) {
        (None, _) => undo_function(change, world, snapshot),
        (Some(version), Some(alias)) => undo_alias(change, world, version, alias),
        (Some(_), None) => left_alone(change, "its alias was deleted"),
    }
}

fn undo_alias(
    change: &FunctionChange,
    world: &FunctionWorld,
    version: &str,
    alias: &LiveAlias,
) -> Undo {
    let weights = &change.before.weights;
    if alias.version == version && alias.weights == *weights {
        return Undo::Done {
            summary: format!("{} serves {}", change.resource(), version_label(version)),
        };
    }
    let serving = world.serving.as_ref();
    let pointed = serving.is_some_and(|it| it.version == alias.version && change.is_after(it));
    let shared = change.in_stages
        && world
            .published
            .as_ref()
            .is_some_and(|new| change.is_after(new) && traffic::ours(change, &new.version, alias));
    // Pointing the alias cleared its weights, even where it kept its version.
    if (pointed && alias.weights.is_empty()) || shared {
        return Undo::PointAlias {
            version: version.to_owned(),
            weights: weights.clone(),
            revision_id: alias.revision_id.clone(),
        };
    }
    let share = match alias.weights.keys().next() {
        Some(shared) => format!(" with a share for version {shared}"),
        None => String::new(),
    };
    let found = format!("it serves {}{share} now", version_label(&alias.version));
    left_alone(change, &found)
}

fn undo_function(change: &FunctionChange, world: &FunctionWorld, snapshot: &Snapshot) -> Undo {
    let latest = &world.latest;
    if latest.last_update == LastUpdate::InProgress || latest.state == State::Pending {
        return Undo::Wait {
            note: format!("{}: Lambda is at work on it", change.function),
        };
    }
    let code = Part::of(
        &latest.code_sha256,
        &change.before.latest_code_sha256,
        change.code.as_ref().map(CodeChange::code_sha256),
    );
    let settings = Part::of(
        &latest.configuration_hash(),
        &change.before.latest_configuration_hash,
        change
            .configuration
            .as_ref()
            .map(|it| it.after_hash.as_str()),
    );
    match (code, settings) {
        (Part::Before, Part::Before) => Undo::Done {
            summary: format!("{} runs its previous code", change.resource()),
        },
        (Part::Ours, _) => restore_code(change, latest, snapshot),
        (_, Part::Ours) => restore_configuration(change, latest, snapshot),
        (Part::Foreign, _) => left_alone(change, "it has other code now"),
        (_, Part::Foreign) => left_alone(change, "it has another configuration now"),
    }
}

/// Whose a part of a function is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Before,
    Ours,
    Foreign,
}

impl Part {
    fn of(found: &str, before: &str, ours: Option<&str>) -> Self {
        match found {
            _ if found == before => Self::Before,
            _ if Some(found) == ours => Self::Ours,
            _ => Self::Foreign,
        }
    }
}

fn restore_code(change: &FunctionChange, latest: &LiveFunction, snapshot: &Snapshot) -> Undo {
    let revision_id = latest.revision_id.clone();
    let image = |it: &LiveFunction| {
        Some(CodeChange::Image {
            uri: it.image_uri.clone()?,
            code_sha256: it.code_sha256.clone(),
            label: it.version_label(),
        })
    };
    match (&change.put_back, snapshot) {
        (Some(code), _) => Undo::RestoreCode {
            code: Some(code.clone()),
            revision_id,
        },
        (None, Snapshot::Found(version)) => Undo::RestoreCode {
            code: image(version),
            revision_id,
        },
        (None, Snapshot::Unknown) => Undo::FindSnapshot,
        (None, Snapshot::Missing) => lost(change, "code"),
    }
}

fn restore_configuration(
    change: &FunctionChange,
    latest: &LiveFunction,
    snapshot: &Snapshot,
) -> Undo {
    let settings = change.configuration.as_ref().map(|it| &it.settings);
    match (snapshot, settings) {
        (Snapshot::Unknown, _) => Undo::FindSnapshot,
        (Snapshot::Found(version), Some(settings)) => {
            let before = &version.configuration;
            let request = configuration::restoring(before, settings, &latest.revision_id);
            Undo::RestoreConfiguration(request)
        }
        (Snapshot::Missing | Snapshot::Found(_), _) => lost(change, "configuration"),
    }
}

fn lost(change: &FunctionChange, what: &str) -> Undo {
    Undo::Fail(PhaseError::Rejected {
        resource: change.resource(),
        reason: format!(
            "the version that was published to keep its previous {what} is gone; somebody deleted it"
        ),
    })
}

fn left_alone(change: &FunctionChange, found: &str) -> Undo {
    Undo::Done {
        summary: format!(
            "{} left alone: {found}, which is not of this deployment",
            change.resource()
        ),
    }
}

#[cfg(test)]
mod tests;
