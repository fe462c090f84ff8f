//! The handle, and the look at one stack.

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use lockstep::PhaseError;
use lockstep::stack::LiveStack;
use lockstep_aws::AwsError;

use crate::error::{explain, is_absent, is_outdated};
use crate::read::live_stack;

/// A handle on CloudFormation. Cheap to clone.
#[derive(Debug, Clone)]
pub struct CloudFormation {
    pub(crate) client: Client,
}

/// What came of a call that changes something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// CloudFormation took it, and goes on working on it.
    Accepted,
    /// Nothing was done: the stack or the change set is not what it was when it was looked at,
    /// an earlier attempt was taken already, or CloudFormation is at work on it. In its words.
    LookAgain(String),
}

impl CloudFormation {
    /// A handle that calls through `client`.
    pub const fn new(client: Client) -> Self {
        Self { client }
    }

    /// Looks at the stack of this name, or with this ARN, without its events. `None` when there
    /// is none; a stack that was deleted is found by its ARN only, and is not `None` then.
    pub async fn stack(&self, stack: &str) -> Result<Option<LiveStack>, PhaseError> {
        let sent = self.client.describe_stacks().stack_name(stack).send().await;
        match found("cloudformation:DescribeStacks", stack, sent)? {
            Some(answer) => Ok(answer.stacks().first().map(live_stack)),
            None => Ok(None),
        }
    }

    /// The stack with what it did last, for which its newest events are read.
    pub async fn stack_with_operation(&self, stack: &str) -> Result<Option<LiveStack>, PhaseError> {
        let Some(mut live) = self.stack(stack).await? else {
            return Ok(None);
        };
        live.last_operation = self.last_operation(&live.id).await?;
        Ok(Some(live))
    }
}

/// An answer about a stack; `None` where there is no such stack.
pub(crate) fn found<T, E>(
    operation: &'static str,
    stack: &str,
    sent: Result<T, SdkError<E, HttpResponse>>,
) -> Result<Option<T>, PhaseError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match sent.map_err(|error| AwsError::new(operation, &error)) {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(explain(error, &resource(stack))),
    }
}

/// What came of a call that changes something of a stack.
pub(crate) fn sent<T, E>(
    operation: &'static str,
    stack: &str,
    sent: Result<T, SdkError<E, HttpResponse>>,
) -> Result<Sent, PhaseError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match sent.map_err(|error| AwsError::new(operation, &error)) {
        Ok(_) => Ok(Sent::Accepted),
        Err(error) if is_outdated(&error) => {
            tracing::info!(stack, operation, code = error.code, "{}", error.message);
            Ok(Sent::LookAgain(error.message))
        }
        Err(error) => Err(explain(error, &resource(stack))),
    }
}

/// The stack as messages name it: by its name, also where it was asked for by its ARN.
pub(crate) fn resource(stack: &str) -> String {
    let name = stack
        .strip_prefix("arn:")
        .and_then(|arn| arn.split('/').nth(1))
        .unwrap_or(stack);
    format!("stack {name}")
}

#[cfg(test)]
mod tests;
