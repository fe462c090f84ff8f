//! What is deployed in the sweep: a service, a fleet of functions, a stack beside a service, or a front end.

use lockstep_tests::{Application, Fleet, FleetSnapshot, Snapshot};

use crate::seeded::{Seeded, SeenSeeded};
use crate::sited::{SeenSite, SiteSubject};
use crate::stacked::{SeenStacked, Stacked};

/// What a scenario deploys.
pub enum Subject<'w> {
    /// A service, and the digest of its new image.
    Service(Application<'w>, String),
    /// Functions, and the hashes of their new zip files.
    Functions(Fleet<'w>, Vec<String>),
    /// A stack, and the digest of its service's bad new image; `None` when the service stays as it is.
    Stacked(Stacked<'w>, Option<String>),
    /// A stack that makes a service and a function.
    Seeded(Seeded<'w>),
    /// A front end.
    Site(SiteSubject<'w>),
}

/// What there is at one moment.
#[derive(Debug)]
pub enum Seen {
    /// Of a service.
    Service(Snapshot),
    /// Of functions.
    Functions(FleetSnapshot),
    /// Of a stack and its service.
    Stacked(SeenStacked),
    /// Of a stack that makes a service and a function.
    Seeded(SeenSeeded),
    /// Of a front end.
    Site(SeenSite),
}

/// The label of the functions' new code.
pub const NEW: &str = "v2";
/// The settings that come with it.
pub const SETTINGS: &str = "memory_mb: 256, environment: { FLEET_NEW: added }";

impl Subject<'_> {
    /// What there is now.
    pub async fn look(&self) -> Seen {
        match self {
            Self::Service(application, _) => Seen::Service(application.snapshot().await),
            Self::Functions(fleet, _) => Seen::Functions(fleet.snapshot().await),
            Self::Stacked(stacked, _) => Seen::Stacked(stacked.look().await),
            Self::Seeded(seeded) => Seen::Seeded(seeded.look().await),
            Self::Site(site) => Seen::Site(site.look().await),
        }
    }

    /// Whether an artifact on hold is one of the new ones.
    pub fn has(&self, held: &str) -> bool {
        match self {
            Self::Service(_, digest) => held.ends_with(digest),
            Self::Functions(_, hashes) => hashes.iter().any(|hash| held.ends_with(hash)),
            Self::Stacked(_, digest) => digest.iter().any(|digest| held.ends_with(digest)),
            Self::Seeded(seeded) => seeded.has(held),
            Self::Site(site) => site.has(held),
        }
    }

    /// Takes it away: what nobody looks at any more makes the emulator slow.
    pub async fn delete(self) {
        match self {
            Self::Service(application, _) => application.delete().await,
            Self::Functions(fleet, _) => fleet.delete().await,
            Self::Stacked(stacked, _) => stacked.delete().await,
            Self::Seeded(seeded) => seeded.delete().await,
            // A few objects.
            Self::Site(_) => {}
        }
    }

    /// Whether the new release runs, with the manifest's settings and nothing else changed.
    pub fn is_released(&self, before: &Seen, after: &Seen) -> bool {
        match (self, before, after) {
            (Self::Service(_, digest), Seen::Service(before), Seen::Service(after)) => {
                runs_image(before, after, digest)
            }
            (Self::Functions(fleet, _), Seen::Functions(before), Seen::Functions(after)) => {
                runs_code(fleet, before, after)
            }
            (Self::Stacked(stacked, _), Seen::Stacked(before), Seen::Stacked(after)) => {
                stacked.is_wanted(after) && after.service.runs_the_same_as(&before.service)
            }
            (Self::Seeded(seeded), _, Seen::Seeded(after)) => seeded.is_released(after),
            (Self::Site(_), Seen::Site(before), Seen::Site(after)) => {
                after.is_released_after(before)
            }
            _ => false,
        }
    }
}

impl Seen {
    /// Whether the same runs in both.
    pub fn runs_the_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Service(one), Self::Service(other)) => one.runs_the_same_as(other),
            (Self::Functions(one), Self::Functions(other)) => one.runs_the_same_as(other),
            (Self::Stacked(one), Self::Stacked(other)) => one.runs_the_same_as(other),
            (Self::Seeded(one), Self::Seeded(other)) => one.runs_the_same_as(other),
            (Self::Site(one), Self::Site(other)) => one.runs_the_same_as(other),
            _ => false,
        }
    }

    /// Whether nobody holds the lock.
    pub fn is_unlocked(&self) -> bool {
        match self {
            Self::Service(seen) => seen.is_unlocked(),
            Self::Functions(seen) => seen.is_unlocked(),
            Self::Stacked(seen) => seen.service.is_unlocked(),
            Self::Seeded(seen) => seen.kept.is_unlocked(),
            Self::Site(seen) => seen.kept.is_unlocked(),
        }
    }

    /// The change sets that deployments left behind.
    pub fn left_behind(&self) -> &[String] {
        match self {
            Self::Stacked(seen) => &seen.change_sets,
            Self::Seeded(seen) => &seen.change_sets,
            _ => &[],
        }
    }

    /// Whether a stack is left that is nothing but a name.
    pub fn is_shell(&self) -> bool {
        match self {
            Self::Stacked(seen) => seen.is_shell(),
            Self::Seeded(seen) => seen.is_shell(),
            _ => false,
        }
    }

    /// The sort keys of the environment that begin with `prefix`.
    pub fn kept(&self, prefix: &str) -> Vec<&str> {
        match self {
            Self::Service(seen) => seen.kept(prefix),
            Self::Functions(seen) => seen.kept(prefix),
            Self::Stacked(seen) => seen.service.kept(prefix),
            Self::Seeded(seen) => seen.kept.kept(prefix),
            Self::Site(seen) => seen.kept.kept(prefix),
        }
    }
}

fn runs_image(before: &Snapshot, after: &Snapshot, digest: &str) -> bool {
    let settings = &after.settings;
    after.digest() == digest
        && after.definition == before.definition
        && (settings.maximum_percent, settings.minimum_healthy_percent) == (Some(200), Some(100))
        && settings.circuit_breaker == (true, true)
        && settings.desired == before.settings.desired
}

/// Whether every function has new code, the manifest's settings, and the variables that it had before.
fn runs_code(fleet: &Fleet<'_>, before: &FleetSnapshot, after: &FleetSnapshot) -> bool {
    fleet.functions.iter().all(|name| {
        let (before, after) = (&before.functions[name], &after.functions[name]);
        let mut variables = before.variables.clone();
        variables.insert("FLEET_NEW".to_owned(), "added".to_owned());
        after.code != before.code
            && after.settings.contains("memory_size: Some(256)")
            && after.variables == variables
            && after.weights.is_empty()
            && (after.version != before.version || !fleet.shape.aliased)
    })
}
