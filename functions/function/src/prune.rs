//! Deleting versions that nobody needs any more.

use futures_util::{StreamExt as _, stream};
use lockstep::PhaseError;
use lockstep::lambda::{FunctionChange, FunctionsStep};
use lockstep::plan::Change;
use lockstep::record::DeploymentRef;
use lockstep_handler::parse;
use lockstep_lambda::{Lambda, Sent, Version};
use lockstep_ledger::Ledger;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::fleet::{Fleet, Permit};

/// How many versions of one function one deployment deletes, oldest first. One deployment
/// makes one, so that only a function with a past has more to delete.
const AT_MOST: usize = 20;

/// The payload of the `prune` verb.
#[derive(Debug, Deserialize)]
struct Request {
    deployment: DeploymentRef,
}

/// Deletes old versions of the functions that a deployment changed.
///
/// Only versions that Lockstep published, and never one that an alias, a weight or
/// provisioned concurrency uses, that this deployment would be rolled back to, or that is
/// among the newest `keep`. Best effort: what fails or finds no time is left to the next
/// deployment.
#[derive(Debug)]
pub(crate) struct Pruner {
    pub(crate) ledger: Ledger,
    pub(crate) lambda: Lambda,
    pub(crate) permit: Permit,
}

impl Pruner {
    /// One invocation; says how many versions were deleted.
    pub(crate) async fn handle(&self, payload: Value) -> Result<Value, PhaseError> {
        let Request { deployment } = parse(payload)?;
        let plan = self.ledger.plan(&deployment.id).await?;
        let mut deleted = 0;
        for step in plan.into_iter().flat_map(|plan| plan.steps) {
            if let Change::Functions(step) = step.change {
                deleted += prune(&self.lambda, &step, &self.permit).await;
            }
        }
        tracing::info!(
            deployment = deployment.id.as_str(),
            deleted,
            "old versions deleted"
        );
        Ok(json!({ "deleted": deleted }))
    }
}

pub(crate) async fn prune(lambda: &Lambda, step: &FunctionsStep, permit: &Permit) -> usize {
    let fleet = Fleet::new(lambda, step, permit);
    let functions = stream::iter(&step.functions);
    let work = functions.map(async |change| match prune_one(&fleet, change).await {
        Ok(deleted) => deleted,
        Err(error) => {
            tracing::warn!(function = change.function, "old versions are kept: {error}");
            0
        }
    });
    let deleted: Vec<_> = work.buffer_unordered(fleet.at_once()).collect().await;
    deleted.into_iter().sum()
}

async fn prune_one(fleet: &Fleet<'_>, change: &FunctionChange) -> Result<usize, PhaseError> {
    let (lambda, name) = (&fleet.lambda, &change.function);
    let old = old(change, &lambda.versions(name).await?);
    if old.is_empty() {
        return Ok(0);
    }
    let used = lambda.used_versions(name).await?;
    let mut deleted = 0;
    for version in old.iter().filter(|it| !used.contains(*it)).take(AT_MOST) {
        match lambda.delete_version(name, version).await? {
            Sent::Accepted(()) => deleted += 1,
            Sent::LookAgain(why) => {
                tracing::info!(function = name, version, "is kept: {why}");
            }
        }
    }
    Ok(deleted)
}

/// The versions that are neither among the newest nor what this deployment came from, oldest
/// first; `versions` are in order.
fn old(change: &FunctionChange, versions: &[Version]) -> Vec<String> {
    let keep = usize::try_from(change.keep).unwrap_or(usize::MAX);
    let before = &change.before;
    let newest = versions.len().saturating_sub(keep);
    versions
        .iter()
        .take(newest)
        .filter(|it| it.ours && !change.is_snapshot(&it.live))
        .map(|it| it.live.version.clone())
        .filter(|it| before.version.as_ref() != Some(it) && !before.weights.contains_key(it))
        .collect()
}
