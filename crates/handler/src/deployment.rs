//! What most phases read first: the deployment's record, and what the manifest says of its
//! environment.

use lockstep::PhaseError;
use lockstep::manifest::ResolvedEnvironment;
use lockstep::record::{DeploymentRecord, DeploymentRef};
use lockstep_ledger::Ledger;

/// The record of a deployment.
///
/// # Errors
/// [`PhaseError::InvalidRequest`] when there is none, and what the ledger says.
pub async fn record_of(
    ledger: &Ledger,
    deployment: &DeploymentRef,
) -> Result<DeploymentRecord, PhaseError> {
    let record = ledger.record(&deployment.id).await?;
    record.ok_or_else(|| no_record(deployment))
}

/// The error for a deployment that has no record.
pub fn no_record(deployment: &DeploymentRef) -> PhaseError {
    PhaseError::InvalidRequest {
        field: "deployment.id".to_owned(),
        reason: format!("there is no record of deployment {}", deployment.id),
    }
}

/// The deployment's environment, as the version of the manifest says with which it began: what
/// was applied since is of no concern.
///
/// # Errors
/// [`PhaseError::Rejected`] when the version is not stored any more, or means nothing for the
/// environment, and what the ledger says.
pub async fn environment_of(
    ledger: &Ledger,
    deployment: &DeploymentRef,
    manifest_version: u64,
) -> Result<ResolvedEnvironment, PhaseError> {
    let application = &deployment.application;
    let rejected = |reason: String| PhaseError::Rejected {
        resource: format!("the manifest of {application}"),
        reason,
    };
    let manifest = ledger.manifest(application, manifest_version).await?;
    let manifest = manifest.ok_or_else(|| {
        rejected(format!(
            "version {manifest_version} is not stored; apply it again: lockstep apply"
        ))
    })?;
    manifest
        .resolve(&deployment.environment)
        .map_err(|error| rejected(error.to_string()))
}
