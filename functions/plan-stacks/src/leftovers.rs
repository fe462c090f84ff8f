//! Change sets that deployments left behind which were planned and then rejected.

use lockstep::stack::identity;
use lockstep::{DeploymentId, PhaseError};
use lockstep_cloudformation::CloudFormation;
use lockstep_ledger::Ledger;

/// Deletes the change sets of deployments that have ended. They would do nothing, but a stack may
/// have so many only, and people would wonder. What is not Lockstep's is left alone.
pub(crate) async fn tidy(
    cloudformation: &CloudFormation,
    ledger: &Ledger,
    me: &DeploymentId,
    stack: &str,
) -> Result<(), PhaseError> {
    for change_set in cloudformation.change_sets(stack).await? {
        let Some((deployment, _)) = identity::of_token(&change_set.name) else {
            continue;
        };
        if deployment == *me || change_set.execution != "AVAILABLE" {
            continue;
        }
        let record = ledger.record(&deployment).await?;
        if record.is_some_and(|record| record.conclusion.is_some()) {
            tracing::info!(
                stack,
                change_set = change_set.name,
                "deleting the change set of a deployment that has ended"
            );
            cloudformation
                .delete_change_set(stack, &change_set.name)
                .await?;
        }
    }
    Ok(())
}
