//! Whose turn it is: a pure decision over what the ledger shows.

use jiff::Timestamp;
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
    },
    /// Everything it wanted was overtaken by newer images.
    Superseded(String),
    /// Somebody else's turn: the lock is held, or a newer deployment goes first.
    Wait(String),
}

/// Decides for `record`. The newest waiting deployment wins; what older ones wanted and
/// it does not name itself becomes part of it.
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
    // It ends only once the newer one has the lock: what it wants is in its queue entry, and
    // ending would take that away before the newer one could take it over.
    if let Some(newer) = state.queue.iter().find(|waiting| waiting.deployment > *me) {
        return Decision::Wait(format!(
            "deployment {}, which is newer and goes first",
            newer.deployment
        ));
    }
    if let Some(holder) = holder(state, record, now) {
        return Decision::Wait(holder);
    }
    let mut overtaken: Vec<_> = state
        .queue
        .iter()
        .filter(|waiting| waiting.deployment < *me)
        .cloned()
        .collect();
    overtaken.drain(..overtaken.len().saturating_sub(OVERTAKEN_AT_ONCE));
    let mut requested = record.requested.clone();
    for waiting in overtaken.iter().rev() {
        inherit(&mut requested, &waiting.artifacts);
    }
    let wanted = requested.len();
    let Some(newest) = drop_outdated(&mut requested, record, state) else {
        return Decision::Take {
            requested,
            overtaken,
        };
    };
    if wanted > 0 && requested.is_empty() {
        return Decision::Superseded(newest);
    }
    Decision::Take {
        requested,
        overtaken,
    }
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
        Artifact::Zip(zip) | Artifact::Template(zip) | Artifact::Source(zip) => {
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
