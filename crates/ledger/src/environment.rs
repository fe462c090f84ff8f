//! What is kept of an environment: lock, queue, newest artifacts, verified releases, holds.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lockstep::DeploymentId;
use lockstep::migration::RollbackFloor;
use lockstep::release::{Artifacts, Component, Release};
use serde::{Deserialize, Serialize};

use crate::deployments::Newest;
use crate::error::LedgerError;
use crate::item::{
    Item, body, find_text, find_time, get_number, get_text, get_time, sk_after, unreadable,
};
use crate::releases::{NewestReleases, newest_releases};
use crate::{Ledger, keys};

/// Who deploys to an environment. The item stays after a release so that the fencing
/// number only ever grows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// The deployment that holds it; `None` when it is free.
    pub deployment: Option<DeploymentId>,
    /// When it was taken.
    pub since: Option<Timestamp>,
    /// Until when the holder need not be doubted; every step it takes up renews it.
    pub lease_until: Option<Timestamp>,
    /// The fencing number of the last acquisition; writes of an older holder are refused.
    pub fence: u64,
    /// The failure that made the holder stop its other steps.
    pub halted_by: Option<String>,
}

/// A deployment that waits for the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The deployment.
    pub deployment: DeploymentId,
    /// What it wants to deploy.
    pub artifacts: Artifacts,
}

/// What the lock's decision needs, read in one query.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnvironmentState {
    /// The lock; `None` when nothing was ever deployed here.
    pub lock: Option<Lock>,
    /// The newest artifact asked for, by component.
    pub newest: BTreeMap<Component, Newest>,
    /// The newest uploaded releases asked for.
    pub releases: NewestReleases,
    /// The waiting deployments, oldest first.
    pub queue: Vec<Waiting>,
}

/// A release that passed verification: the only kind that is rolled back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedRelease {
    /// The release.
    pub release: Release,
    /// The deployment that verified it.
    pub deployment: DeploymentId,
    /// When it was verified.
    pub verified_at: Timestamp,
    /// The oldest release that may be gone back to since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_floor: Option<RollbackFloor>,
}

/// "Do not deploy this here by itself."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The held image's digest.
    pub digest: String,
    /// Why, for a person.
    pub reason: String,
    /// Who or what set it.
    pub owner: String,
    /// The deployment that set it.
    pub deployment: DeploymentId,
    /// Since when.
    pub since: Timestamp,
}

impl Ledger {
    /// Lock, queue and newest artifacts of an environment, in one query.
    pub async fn environment(
        &self,
        application: &str,
        environment: &str,
    ) -> Result<EnvironmentState, LedgerError> {
        let items = self
            .range(
                keys::environment(application, environment),
                "lock",
                "queue#~",
            )
            .await?;
        let mut state = EnvironmentState::default();
        for item in &items {
            let sk = get_text(item, "sk")?;
            if sk == "lock" {
                state.lock = Some(lock(item)?);
            } else if sk == keys::NEWEST_RELEASES {
                state.releases = newest_releases(item)?;
            } else if let Some(component) = sk_after(item, "newest#") {
                state.newest.insert(component.to_owned(), newest(item)?);
            } else if let Some(id) = sk_after(item, "queue#") {
                state.queue.push(Waiting {
                    deployment: deployment_id(item, id)?,
                    artifacts: body(item)?,
                });
            }
        }
        Ok(state)
    }

    /// The last verified release of an environment.
    pub async fn current_release(
        &self,
        application: &str,
        environment: &str,
    ) -> Result<Option<VerifiedRelease>, LedgerError> {
        self.get(keys::of_environment(application, environment, "current"))
            .await?
            .as_ref()
            .map(body)
            .transpose()
    }

    /// The verified release before the last one.
    pub async fn previous_release(
        &self,
        application: &str,
        environment: &str,
    ) -> Result<Option<VerifiedRelease>, LedgerError> {
        self.get(keys::of_environment(application, environment, "previous"))
            .await?
            .as_ref()
            .map(body)
            .transpose()
    }

    /// Every hold of an environment.
    pub async fn holds(
        &self,
        application: &str,
        environment: &str,
    ) -> Result<Vec<Hold>, LedgerError> {
        let pk = keys::environment(application, environment);
        let items = self.range(pk, &keys::hold(""), &keys::hold("~")).await?;
        items.iter().map(body).collect()
    }

    /// The hold on an artifact, if there is one.
    pub async fn hold(
        &self,
        application: &str,
        environment: &str,
        digest: &str,
    ) -> Result<Option<Hold>, LedgerError> {
        let key = keys::of_environment(application, environment, keys::hold(digest));
        self.get(key).await?.as_ref().map(body).transpose()
    }
}

pub(crate) fn lock(item: &Item) -> Result<Lock, LedgerError> {
    Ok(Lock {
        deployment: find_text(item, "deployment")
            .map(|id| deployment_id(item, id))
            .transpose()?,
        since: find_time(item, "since"),
        lease_until: find_time(item, "lease_until"),
        fence: u64::try_from(get_number(item, "fence")?).unwrap_or_default(),
        halted_by: find_text(item, "halted_by").map(str::to_owned),
    })
}

pub(crate) fn newest(item: &Item) -> Result<Newest, LedgerError> {
    Ok(Newest {
        digest: get_text(item, "digest")?.to_owned(),
        pushed_at: get_time(item, "pushed_at")?,
        deployment: deployment_id(item, get_text(item, "deployment")?)?,
    })
}

pub(crate) fn deployment_id(item: &Item, text: &str) -> Result<DeploymentId, LedgerError> {
    DeploymentId::parse(text)
        .ok_or_else(|| unreadable(item, &format!("{text:?} is not a deployment id")))
}
