//! Whether a deployment may still act: it may have been stopped, or have lost its lock.

use jiff::Timestamp;
use lockstep::PhaseError;
use lockstep::record::DeploymentRef;
use lockstep_aws::Mandate;
use lockstep_ledger::{Ledger, TakeUp, TakeUpRequest};

/// Renews the lease of the deployment's lock, at the beginning of an invocation that works on
/// no step of its own. An undo goes on where the deployment was stopped.
///
/// # Errors
/// [`PhaseError::Halted`] when the deployment was stopped, or lost its lock.
pub async fn hold_lock(
    ledger: &Ledger,
    deployment: &DeploymentRef,
    fence: u64,
    undo: bool,
) -> Result<(), PhaseError> {
    let request = TakeUpRequest {
        deployment,
        fence,
        step: None,
        undo,
        registrations: &[],
    };
    unless_halted(ledger.take_up(&request, Timestamp::now()).await?)
}

/// Makes sure that what an invocation does is still wanted: between two calls of one that makes
/// many, its execution may have been stopped, and what it did be put back.
///
/// # Errors
/// [`PhaseError::Halted`] when the deployment was stopped, or lost its lock.
pub async fn may_act(
    ledger: &Ledger,
    deployment: &DeploymentRef,
    fence: u64,
    undo: bool,
) -> Result<(), PhaseError> {
    unless_halted(ledger.may_act(deployment, fence, undo).await?)
}

/// [`may_act`] as it is asked right before each change of an invocation that makes many.
pub fn mandate(ledger: &Ledger, deployment: &DeploymentRef, fence: u64, undo: bool) -> Mandate {
    let (ledger, deployment) = (ledger.clone(), deployment.clone());
    Mandate::new(move || {
        let (ledger, deployment) = (ledger.clone(), deployment.clone());
        async move { may_act(&ledger, &deployment, fence, undo).await }
    })
}

/// Who may not act any more is told why.
pub(crate) fn unless_halted(standing: TakeUp) -> Result<(), PhaseError> {
    match standing {
        TakeUp::Go => Ok(()),
        TakeUp::Halted { by } => Err(PhaseError::Halted { by }),
        TakeUp::LockLost { holder } => Err(PhaseError::Halted {
            by: format!("the lock's new holder, {holder}"),
        }),
    }
}
