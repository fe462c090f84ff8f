//! The keys of the table's items, in one place.

use lockstep::{DeploymentId, WakeKey};

/// The key of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

fn key(pk: String, sk: impl Into<String>) -> Key {
    Key { pk, sk: sk.into() }
}

pub(crate) fn manifest_pointer(application: &str) -> Key {
    key(format!("app#{application}"), "manifest")
}

pub(crate) fn manifest(application: &str, version: u64) -> Key {
    key(
        format!("app#{application}"),
        format!("manifest#{version:08}"),
    )
}

pub(crate) fn repository(repository: &str) -> String {
    format!("repository#{repository}")
}

pub(crate) fn trigger_target(repository_name: &str, application: &str, environment: &str) -> Key {
    key(
        repository(repository_name),
        format!("{application}#{environment}"),
    )
}

pub(crate) fn environment(application: &str, environment: &str) -> String {
    format!("env#{application}#{environment}")
}

/// An item of an environment: `lock`, `current`, `previous`.
pub(crate) fn of_environment(
    application: &str,
    environment_name: &str,
    sk: impl Into<String>,
) -> Key {
    key(environment(application, environment_name), sk)
}

pub(crate) fn queue(id: &DeploymentId) -> String {
    format!("queue#{id}")
}

pub(crate) fn newest(component: &str) -> String {
    format!("newest#{component}")
}

/// The sort key of what is known of an environment's uploaded releases. It lies between `lock`
/// and the queue, so that one query reads it with them.
pub(crate) const NEWEST_RELEASES: &str = "newest-releases";

pub(crate) fn hold(digest: &str) -> String {
    format!("hold#{digest}")
}

pub(crate) fn infrastructure(component: &str) -> String {
    format!("infrastructure#{component}")
}

pub(crate) fn history_line(id: &DeploymentId) -> String {
    format!("deployment#{id}")
}

/// An item of a deployment: `record`, `plan`.
pub(crate) fn of_deployment(id: &DeploymentId, sk: impl Into<String>) -> Key {
    key(format!("deployment#{id}"), sk)
}

/// A part of a deployment's plan: `functions`.
pub(crate) fn part(id: &DeploymentId, of: &str) -> Key {
    of_deployment(id, format!("part#{of}"))
}

/// What a deployment publishes for others.
pub(crate) fn published(id: &DeploymentId) -> Key {
    of_deployment(id, "published")
}

/// A question of a deployment: `traffic-20`.
pub(crate) fn question(id: &DeploymentId, what: &str) -> Key {
    of_deployment(id, format!("question#{what}"))
}

/// What ran of a migration in an environment.
pub(crate) fn migration(component: &str) -> String {
    format!("migration#{component}")
}

/// One run of a migration: `schema#expand`.
pub(crate) fn migration_run(id: &DeploymentId, run: &str) -> Key {
    of_deployment(id, format!("migration#{run}"))
}

/// Which images of a repository an environment's own builds make.
pub(crate) fn built(repository: &str) -> String {
    format!("built#{repository}")
}

/// One build of a deployment: `gate-unit`, `image-web`.
pub(crate) fn build_run(id: &DeploymentId, run: &str) -> Key {
    of_deployment(id, format!("build#{run}"))
}

pub(crate) fn step(id: &DeploymentId, number: u32) -> Key {
    of_deployment(id, format!("step#{number:04}"))
}

pub(crate) fn journal(id: &DeploymentId, number: u32) -> Key {
    of_deployment(id, format!("journal#{number:04}"))
}

pub(crate) fn execution(name: &str) -> Key {
    key(format!("execution#{name}"), "deployment")
}

pub(crate) fn event(id: &str) -> Key {
    key(format!("event#{id}"), "event")
}

pub(crate) fn wake(key: &WakeKey) -> String {
    format!("wake#{key}")
}
