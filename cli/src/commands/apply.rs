//! `lockstep apply`: the manifest as a new version, with its triggers, in one transaction.

use jiff::Timestamp;
use lockstep::manifest::{Embedded, Environment, StoredManifest, trigger_index};
use lockstep_ledger::LedgerError;
use serde::Serialize;

use crate::application;
use crate::args::{ApplyArgs, Global};
use crate::aws::Controller;
use crate::error::CliError;
use crate::exit::Exit;
use crate::templates::store;
use crate::view::manifest::{Applied, EnvironmentTrigger};
use crate::view::{Output, Report};

/// How often a version is tried again after somebody else's came first.
const TRIES: u32 = 5;

pub(super) async fn run(
    global: &Global,
    args: &ApplyArgs,
    output: Output,
) -> Result<Exit, CliError> {
    let embedded = application::load_all(args.path.as_ref().unwrap_or(&global.file))?;
    let controller = Controller::connect(global).await?;
    output.report(&apply_all(&controller, embedded, &args.by).await?)?;
    Ok(Exit::Good)
}

/// `lockstep deploy --apply --json`: a line before those of the deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct AppliedFirst {
    event: &'static str,
    #[serde(flatten)]
    applied: Applied,
}

impl Report for AppliedFirst {
    fn text(&self) -> String {
        self.applied.text()
    }
}

/// Applies a manifest for a command that goes on with it, and gives it as it is stored.
pub(super) async fn apply_first(
    controller: &Controller,
    embedded: Embedded,
    by: &str,
    output: Output,
) -> Result<StoredManifest, CliError> {
    let manifest = store(controller, embedded).await?;
    let applied = apply(controller, &manifest, by).await?;
    output.report(&AppliedFirst {
        event: "applied",
        applied,
    })?;
    Ok(manifest)
}

/// Stores the templates that a manifest names, then puts it in force.
pub async fn apply_all(
    controller: &Controller,
    embedded: Embedded,
    by: &str,
) -> Result<Applied, CliError> {
    let manifest = store(controller, embedded).await?;
    apply(controller, &manifest, by).await
}

/// Puts a manifest in force. A manifest that is in force already makes no new version. Its
/// templates are stored already.
pub async fn apply(
    controller: &Controller,
    manifest: &StoredManifest,
    by: &str,
) -> Result<Applied, CliError> {
    let application = &manifest.manifest.application;
    let doing = format!("applying the manifest of {application}");
    for _ in 0..TRIES {
        match try_apply(controller, manifest, by).await {
            Err(LedgerError::Contended { .. }) => {}
            Ok((version, changed)) => {
                let triggers = triggers(manifest);
                return Ok(Applied {
                    application: application.clone(),
                    version,
                    changed,
                    triggers,
                });
            }
            Err(error) => return Err(controller.explain(&doing, error)),
        }
    }
    Err(CliError::Ledger {
        doing,
        reason: format!("somebody else applied another manifest first, {TRIES} times in a row"),
    })
}

async fn try_apply(
    controller: &Controller,
    manifest: &StoredManifest,
    by: &str,
) -> Result<(u64, bool), LedgerError> {
    let ledger = &controller.ledger;
    let application = &manifest.manifest.application;
    let current = match ledger.manifest_version(application).await? {
        Some(version) => ledger
            .manifest(application, version)
            .await?
            .map(|stored| (version, stored)),
        None => None,
    };
    if let Some((version, stored)) = &current
        && stored == manifest
    {
        return Ok((*version, false));
    }
    let old = current.map(|(version, stored)| (version, trigger_index(&stored)));
    let replaced = old
        .as_ref()
        .map(|(version, index)| (*version, index.as_slice()));
    let index = trigger_index(manifest);
    let version = ledger
        .apply_manifest(manifest, &index, replaced, by, Timestamp::now())
        .await?;
    Ok((version, true))
}

fn triggers(manifest: &StoredManifest) -> Vec<EnvironmentTrigger> {
    let index = trigger_index(manifest);
    let of = |(name, environment): (&String, &Environment)| {
        let entries: Vec<_> = index
            .iter()
            .filter(|entry| entry.environment == *name)
            .collect();
        EnvironmentTrigger {
            environment: name.clone(),
            releases: environment.trigger.as_ref().is_some_and(|it| it.releases),
            repositories: entries
                .iter()
                .map(|entry| entry.repository.clone())
                .collect(),
            tags: entries
                .first()
                .map(|entry| entry.tags.clone())
                .unwrap_or_default(),
        }
    };
    manifest.manifest.environments.iter().map(of).collect()
}
