//! What is done to a whole stack. Each call carries a token, which its events repeat.

use std::collections::BTreeSet;

use lockstep::PhaseError;

use crate::client::sent;
use crate::{CloudFormation, Sent};

impl CloudFormation {
    /// Deletes a stack. One that is gone already is deleted: CloudFormation says so itself.
    /// `retain`, the logical ids of resources that stay, is allowed for a stack whose deletion
    /// failed only.
    pub async fn delete(
        &self,
        stack: &str,
        token: &str,
        role: Option<&str>,
        retain: &BTreeSet<String>,
    ) -> Result<Sent, PhaseError> {
        let retain = retain.iter().cloned().collect::<Vec<_>>();
        let call = self.client.delete_stack().stack_name(stack);
        let call = call
            .client_request_token(token)
            .set_role_arn(role.map(str::to_owned))
            .set_retain_resources((!retain.is_empty()).then_some(retain));
        sent("cloudformation:DeleteStack", stack, call.send().await)
    }

    /// Stops an update that is under way; CloudFormation then rolls it back. It ends the
    /// resource that it is at first.
    pub async fn cancel_update(&self, stack: &str, token: &str) -> Result<Sent, PhaseError> {
        let call = self.client.cancel_update_stack().stack_name(stack);
        let call = call.client_request_token(token);
        sent("cloudformation:CancelUpdateStack", stack, call.send().await)
    }

    /// Goes on with a rollback that failed (`UPDATE_ROLLBACK_FAILED`). Resources in `skip` are
    /// left as they are; those of nested stacks are written `Nested/Logical`, as everywhere here,
    /// and sent as CloudFormation wants them: by the nested stack's name.
    pub async fn continue_rollback(
        &self,
        stack: &str,
        token: &str,
        role: Option<&str>,
        skip: &BTreeSet<String>,
    ) -> Result<Sent, PhaseError> {
        let skip = self.names_to_skip(stack, skip).await?;
        let call = self.client.continue_update_rollback().stack_name(stack);
        let call = call
            .client_request_token(token)
            .set_role_arn(role.map(str::to_owned))
            .set_resources_to_skip((!skip.is_empty()).then_some(skip));
        let call = call.send().await;
        sent("cloudformation:ContinueUpdateRollback", stack, call)
    }

    /// Rolls back a stack whose operation failed and was not rolled back (`UPDATE_FAILED`,
    /// `CREATE_FAILED`).
    pub async fn roll_back(
        &self,
        stack: &str,
        token: &str,
        role: Option<&str>,
    ) -> Result<Sent, PhaseError> {
        let call = self.client.rollback_stack().stack_name(stack);
        let call = call
            .client_request_token(token)
            .set_role_arn(role.map(str::to_owned));
        sent("cloudformation:RollbackStack", stack, call.send().await)
    }

    /// Protects a stack from being deleted, or takes the protection off.
    pub async fn protect(&self, stack: &str, on: bool) -> Result<Sent, PhaseError> {
        let call = self.client.update_termination_protection();
        let call = call.stack_name(stack).enable_termination_protection(on);
        let call = call.send().await;
        sent("cloudformation:UpdateTerminationProtection", stack, call)
    }

    /// `ResourcesToSkip` names a resource of a nested stack `NestedStackName.LogicalId`.
    async fn names_to_skip(
        &self,
        stack: &str,
        skip: &BTreeSet<String>,
    ) -> Result<Vec<String>, PhaseError> {
        if !skip.iter().any(|path| path.contains('/')) {
            return Ok(skip.iter().cloned().collect());
        }
        let resources = self.resources(stack).await?;
        let name = |path: &String| match path.rsplit_once('/') {
            None => path.clone(),
            Some((nested, logical)) => {
                let found = resources.iter().find(|it| it.path == nested);
                let arn = found.and_then(|it| it.physical.as_deref());
                let name = arn.and_then(|arn| arn.split('/').nth(1)).unwrap_or(nested);
                format!("{name}.{logical}")
            }
        };
        Ok(skip.iter().map(name).collect())
    }
}

#[cfg(test)]
mod tests;
