//! Whose turn it is: a pure decision over what the ledger shows.

use jiff::Timestamp;
use lockstep::DeploymentId;
use lockstep::record::DeploymentRecord;
use lockstep::release::{Artifact, Artifacts, Component, inherit};
use lockstep_ledger::{EnvironmentState, Waiting};

/// How many waiting deployments one transaction can take over: two writes for each, and
/// three to take the lock, of the hundred that DynamoDB allows. Older ones still have their
/// turn afterwards.
const OVERTAKEN_AT_ONCE: usize = 48;

/// What a deployment that wants the lock should do now.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Decision {
    /// It holds the lock already, with this fencing number.
    Held(u64),
    /// It is its turn. It takes over what the deployments it overtakes wanted.
    Take {
        /// What it will deploy.
        requested: Artifacts,
        /// The older waiting deployments, which end as superseded.
        overtaken: Vec<Waiting>,
        /// The older waiting deployments that go on waiting, without what this one decides about.
        struck: Vec<Waiting>,
    },
    /// Everything it wanted was overtaken by newer images.
    Superseded(String),
    /// Somebody else's turn: the lock is held, or a newer deployment goes first.
    Wait(String),
}

/// Decides for `record`. The newest waiting deployment wins; what older ones wanted and
/// it does not name itself becomes part of it.
///
/// Deployments of a part of the application, which only a person asks for, have a turn of their own:
/// before all others, in the order in which they were asked for. They take nothing over, because
/// they are about nothing else, and nothing takes them over, because they were asked for alone. For
/// the components that they name an artifact for, they are the later wish: that is struck out of
/// what the older ones want, so that none of these puts it on something else again.
pub(crate) fn decide(
    record: &DeploymentRecord,
    state: &EnvironmentState,
    now: Timestamp,
) -> Decision {
    let me = &record.deployment.id;
    if let Some(lock) = state
        .lock
        .as_ref()
        .filter(|lock| lock.deployment.as_ref() == Some(me))
    {
        return Decision::Held(lock.fence);
    }
    if let Some(first) = goes_first(record, &state.queue) {
        return Decision::Wait(first);
    }
    if let Some(holder) = holder(state, record, now) {
        return Decision::Wait(holder);
    }
    let older = state.queue.iter();
    let older = older.filter(|waiting| waiting.deployment < *me);
    let mut requested = record.requested.clone();
    if !record.only.is_everything() {
        return Decision::Take {
            struck: struck(older, &requested, me),
            requested,
            overtaken: Vec::new(),
        };
    }
    let mut overtaken: Vec<_> = older.cloned().collect();
    overtaken.drain(..overtaken.len().saturating_sub(OVERTAKEN_AT_ONCE));
    let by_part = drop_struck(&mut requested, me, &state.queue);
    for waiting in overtaken.iter().rev() {
        inherit(&mut requested, &waiting.artifacts);
    }
    let newest = drop_outdated(&mut requested, record, state);
    match newest.or(by_part) {
        Some(by) if requested.is_empty() => Decision::Superseded(by),
        _ => Decision::Take {
            requested,
            overtaken,
            struck: Vec::new(),
        },
    }
}

/// Which waiting deployment goes first, in words.
fn goes_first(record: &DeploymentRecord, queue: &[Waiting]) -> Option<String> {
    let me = &record.deployment.id;
    let others = || queue.iter().filter(|waiting| waiting.deployment != *me);
    let mut parts = others().filter(|waiting| !waiting.only.is_everything());
    if !record.only.is_everything() {
        let older = parts.find(|part| part.deployment < *me)?;
        return Some(format!(
            "deployment {}, which was asked for before",
            older.deployment
        ));
    }
    if let Some(part) = parts.next() {
        return Some(format!(
            "deployment {}, which is about a part of the application and goes first",
            part.deployment
        ));
    }
    // It ends only once the newer one has the lock: what it wants is in its queue entry, and
    // ending would take that away before the newer one could take it over.
    let newer = others().find(|waiting| waiting.deployment > *me)?;
    Some(format!(
        "deployment {}, which is newer and goes first",
        newer.deployment
    ))
}

/// The older waiting deployments that want something for a component that this one decides about,
/// without that.
fn struck<'a>(
    older: impl Iterator<Item = &'a Waiting>,
    mine: &Artifacts,
    me: &DeploymentId,
) -> Vec<Waiting> {
    let wants = |waiting: &&Waiting| {
        let mut wanted = waiting.artifacts.keys();
        waiting.only.is_everything() && wanted.any(|component| mine.contains_key(component))
    };
    let older = older.filter(wants).cloned();
    let mut struck: Vec<_> = older.map(|it| it.without(mine.keys(), me)).collect();
    struck.drain(..struck.len().saturating_sub(OVERTAKEN_AT_ONCE));
    struck
}

/// Leaves out what deployments of a part decided about that were asked for later and had their
/// turn first. Says which, when something was left out.
fn drop_struck(requested: &mut Artifacts, me: &DeploymentId, queue: &[Waiting]) -> Option<String> {
    let mine = queue.iter().find(|waiting| waiting.deployment == *me)?;
    let mut by = None;
    requested.retain(|component, _| match mine.struck.get(component) {
        Some(later) => {
            by = Some(format!(
                "deployment {later}, which was asked for later and decided about {component}"
            ));
            false
        }
        None => true,
    });
    by
}

/// Who holds the lock, in words; `None` when it may be taken.
fn holder(state: &EnvironmentState, record: &DeploymentRecord, now: Timestamp) -> Option<String> {
    let lock = state.lock.as_ref()?;
    if lock.is_open_to(&record.deployment.id, now) {
        return None;
    }
    let holder = lock.deployment.as_ref()?;
    let since = lock
        .since
        .map(|since| format!(" since {since}"))
        .unwrap_or_default();
    Some(format!("deployment {holder}, which holds the lock{since}"))
}

/// Never older: an artifact that was overtaken while its deployment waited is left out. What
/// a person named is kept. Says who overtook, when something was left out.
fn drop_outdated(
    requested: &mut Artifacts,
    record: &DeploymentRecord,
    state: &EnvironmentState,
) -> Option<String> {
    let mut by = None;
    requested.retain(|component, artifact| {
        let named = record.source.is_manual() && record.requested.contains_key(component);
        match overtaken_by(component, artifact, state) {
            Some(newer) if !named => {
                by = Some(newer);
                false
            }
            _ => true,
        }
    });
    by
}

/// The deployment that brought a newer artifact for the component, in words.
fn overtaken_by(
    component: &Component,
    artifact: &Artifact,
    state: &EnvironmentState,
) -> Option<String> {
    match artifact {
        Artifact::Image(image) => {
            let newest = state.newest.get(component)?;
            (newest.pushed_at > image.pushed_at).then(|| {
                format!(
                    "deployment {}, which brought a newer image",
                    newest.deployment
                )
            })
        }
        // Whatever was pushed after somebody asked for the build is newer.
        Artifact::Unbuilt(image) => {
            let newest = state.newest.get(component)?;
            (newest.pushed_at > image.asked_at).then(|| {
                format!(
                    "deployment {}, which brought a newer image",
                    newest.deployment
                )
            })
        }
        Artifact::Zip(zip)
        | Artifact::Template(zip)
        | Artifact::Source(zip)
        | Artifact::Site(zip) => {
            let newest = state.releases.components.get(component)?;
            zip.age().is_older_than(&newest.age).then(|| {
                format!(
                    "deployment {}, which brought release {}",
                    newest.deployment, newest.age.version
                )
            })
        }
    }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
