//! What `lockstep status` says about each environment.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lockstep::release::Artifacts;
use lockstep_ledger::{EnvironmentState, Hold, Lock, VerifiedRelease};
use serde::Serialize;

use super::duration::{ago, moment};
use super::history::{self, DeploymentLine};
use super::question::ShownQuestion;
use super::{Report, table};

/// `lockstep status --json`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// The application.
    pub application: String,
    /// The manifest version in force.
    pub manifest_version: u64,
    /// Its environments, by name.
    pub environments: Vec<EnvironmentStatus>,
}

/// One environment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EnvironmentStatus {
    /// Its name.
    pub environment: String,
    /// The last release that passed verification; `null` before the first.
    pub serving: Option<Serving>,
    /// Who deploys; `null` when nobody does.
    pub lock: Option<LockStatus>,
    /// What the deployment asks that has the lock; `null` when it asks nothing.
    pub question: Option<ShownQuestion>,
    /// Deployments that wait for the lock, oldest first.
    pub queue: Vec<WaitingDeployment>,
    /// Artifacts that are not deployed here by themselves.
    pub holds: Vec<HoldStatus>,
    /// The last deployments, newest first.
    pub deployments: Vec<DeploymentLine>,
    #[serde(skip)]
    now: Timestamp,
}

/// A verified release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Serving {
    /// The release in a few words.
    pub release: String,
    /// Its image digests, by `service/container`.
    pub images: BTreeMap<String, String>,
    /// The deployment that verified it.
    pub deployment: String,
    /// When.
    pub verified_at: Timestamp,
}

/// A lock that is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LockStatus {
    /// The deployment that holds it.
    pub deployment: String,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Until when its holder need not be doubted.
    pub lease_until: Option<Timestamp>,
    /// Whether that time has passed: the next deployment takes the lock over.
    pub lease_expired: bool,
    /// The failure that made it stop and put back what was there.
    pub halted_by: Option<String>,
}

/// A deployment that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaitingDeployment {
    /// Its id.
    pub deployment: String,
    /// What it wants to deploy.
    pub release: String,
}

/// An artifact that must not be deployed by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HoldStatus {
    /// The image's digest.
    pub digest: String,
    /// Why.
    pub reason: String,
    /// Who or what set it.
    pub owner: String,
    /// The deployment that set it.
    pub deployment: String,
    /// Since when.
    pub since: Timestamp,
}

impl EnvironmentStatus {
    /// The status of an environment from what the ledger has, as of `now`.
    pub fn of(
        environment: &str,
        current: Option<&VerifiedRelease>,
        state: EnvironmentState,
        holds: Vec<Hold>,
        deployments: Vec<DeploymentLine>,
        now: Timestamp,
    ) -> Self {
        let waiting = state.queue.into_iter().map(|waiting| WaitingDeployment {
            deployment: waiting.deployment.to_string(),
            release: match waiting.only.words() {
                Some(only) => format!("{only}: {}", listed(&waiting.artifacts)),
                None => listed(&waiting.artifacts),
            },
        });
        Self {
            environment: environment.to_owned(),
            serving: current.map(Serving::of),
            lock: state.lock.and_then(|lock| LockStatus::of(lock, now)),
            question: None,
            queue: waiting.collect(),
            holds: holds.into_iter().map(HoldStatus::of).collect(),
            deployments,
            now,
        }
    }

    fn text(&self) -> String {
        let mut facts = table::new(&[]);
        facts.add_row(["serving", &self.serving_text()]);
        facts.add_row(["lock", &self.lock_text()]);
        for (name, text) in self.question.iter().flat_map(ShownQuestion::rows) {
            facts.add_row([name, &text]);
        }
        for waiting in &self.queue {
            facts.add_row([
                "waiting",
                &format!("{}: {}", waiting.deployment, waiting.release),
            ]);
        }
        for hold in &self.holds {
            facts.add_row(["on hold", &hold.text(self.now)]);
        }
        let facts = table::text(&mut facts, 2);
        if self.deployments.is_empty() {
            return format!(
                "{}\n{facts}\n  never deployed by this controller",
                self.environment
            );
        }
        format!(
            "{}\n{facts}\n\n{}",
            self.environment,
            history::lines(&self.deployments, 2)
        )
    }

    fn serving_text(&self) -> String {
        match &self.serving {
            Some(serving) => format!(
                "{}, verified {} by {}",
                serving.release,
                ago(serving.verified_at, self.now),
                serving.deployment
            ),
            None => "nothing that this controller has verified".to_owned(),
        }
    }

    fn lock_text(&self) -> String {
        self.lock
            .as_ref()
            .map_or_else(|| "free".to_owned(), |lock| lock.text(self.now))
    }
}

impl Serving {
    fn of(verified: &VerifiedRelease) -> Self {
        let images = &verified.release.artifacts;
        Self {
            release: verified.release.label(),
            images: images
                .iter()
                .map(|(component, image)| (component.clone(), image.id()))
                .collect(),
            deployment: verified.deployment.to_string(),
            verified_at: verified.verified_at,
        }
    }
}

impl LockStatus {
    fn of(lock: Lock, now: Timestamp) -> Option<Self> {
        Some(Self {
            deployment: lock.deployment?.to_string(),
            since: lock.since,
            lease_until: lock.lease_until,
            lease_expired: lock.lease_until.is_some_and(|until| until < now),
            halted_by: lock.halted_by,
        })
    }

    fn text(&self, now: Timestamp) -> String {
        let since = self.since.map_or_else(String::new, |since| {
            format!(" since {} ({})", moment(since), ago(since, now))
        });
        let mut text = format!("held by {}{since}", self.deployment);
        if self.lease_expired {
            text.push_str("; its lease has run out, the next deployment takes it over");
        }
        if let Some(by) = &self.halted_by {
            text.push_str("; halted: ");
            text.push_str(by);
        }
        text
    }
}

impl HoldStatus {
    fn of(hold: Hold) -> Self {
        Self {
            digest: hold.digest,
            reason: hold.reason,
            owner: hold.owner,
            deployment: hold.deployment.to_string(),
            since: hold.since,
        }
    }

    fn text(&self, now: Timestamp) -> String {
        let digest = self.digest.get(..19).unwrap_or(&self.digest);
        format!(
            "{digest}, {}, by {}: {}",
            ago(self.since, now),
            self.owner,
            table::sentence(&self.reason)
        )
    }
}

fn listed(artifacts: &Artifacts) -> String {
    if artifacts.is_empty() {
        return "what the manifest says".to_owned();
    }
    let labels: Vec<_> = artifacts
        .iter()
        .map(|(component, image)| format!("{component} {}", image.label()))
        .collect();
    labels.join(", ")
}

impl Report for Status {
    fn text(&self) -> String {
        let title = format!(
            "{}, manifest version {}",
            self.application, self.manifest_version
        );
        let environments = self.environments.iter().map(EnvironmentStatus::text);
        let all: Vec<_> = std::iter::once(title).chain(environments).collect();
        all.join("\n\n")
    }
}

#[cfg(test)]
mod tests;
