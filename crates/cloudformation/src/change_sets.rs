//! Change sets: made, listed, executed, deleted.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::types::{
    Capability, ChangeSetType, Parameter, RollbackConfiguration, RollbackTrigger, Tag,
};
use lockstep::PhaseError;

use crate::client::{found, sent};
use crate::read::text;
use crate::{CloudFormation, Sent};

/// The change set that is wanted. What it does not name is not kept: this is all of the stack.
#[derive(Debug, Clone, Default)]
pub struct ChangeSetRequest {
    /// The stack's name.
    pub stack: String,
    /// The change set's name.
    pub name: String,
    /// Whether the stack is new.
    pub kind: Kind,
    /// A text for people who find it in the console.
    pub description: String,
    /// The template's address in S3.
    pub template_url: String,
    /// The template's parameters; `None` keeps the value that the stack has.
    pub parameters: BTreeMap<String, Option<String>>,
    /// The capabilities that are acknowledged.
    pub capabilities: Vec<String>,
    /// All tags.
    pub tags: BTreeMap<String, String>,
    /// The ARN of the role that CloudFormation uses; `None` keeps the one the stack has.
    pub role: Option<String>,
    /// The ARNs of the alarms that roll the change back: all of them.
    pub alarms: Vec<String>,
    /// How long they are watched afterwards, in minutes.
    pub monitoring_minutes: u32,
}

/// What a change set does to its stack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// It creates the stack, which until then is a shell (`REVIEW_IN_PROGRESS`).
    Create,
    /// It updates the stack.
    #[default]
    Update,
}

/// A change set that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeSetName {
    /// Its name.
    pub name: String,
    /// What can be done with it (`ExecutionStatus`), such as `AVAILABLE`.
    pub execution: String,
}

impl CloudFormation {
    /// Makes a change set, nested stacks included. It is made in the background: its status
    /// tells when it is there. [`Sent::LookAgain`] where one of the name is there already.
    pub async fn create_change_set(&self, request: &ChangeSetRequest) -> Result<Sent, PhaseError> {
        let call = self.client.create_change_set();
        let call = call
            .stack_name(&request.stack)
            .change_set_name(&request.name)
            .client_token(&request.name)
            .description(&request.description)
            .change_set_type(match request.kind {
                Kind::Create => ChangeSetType::Create,
                Kind::Update => ChangeSetType::Update,
            })
            .template_url(&request.template_url)
            .include_nested_stacks(true)
            .set_parameters(Some(parameters(request)))
            .set_capabilities(Some(capabilities(request)))
            .set_tags(Some(tags(request)))
            .set_role_arn(request.role.clone())
            .rollback_configuration(rollback(request));
        let call = call.send().await;
        sent("cloudformation:CreateChangeSet", &request.stack, call)
    }

    /// The change sets of a stack. Empty when there is no such stack.
    pub async fn change_sets(&self, stack: &str) -> Result<Vec<ChangeSetName>, PhaseError> {
        let mut names = Vec::new();
        let mut token = None;
        loop {
            let call = self.client.list_change_sets().stack_name(stack);
            let call = call.set_next_token(token).send().await;
            let Some(page) = found("cloudformation:ListChangeSets", stack, call)? else {
                return Ok(names);
            };
            names.extend(page.summaries().iter().map(|it| {
                ChangeSetName {
                    name: text(it.change_set_name()),
                    execution: text(
                        it.execution_status()
                            .map(aws_sdk_cloudformation::types::ExecutionStatus::as_str),
                    ),
                }
            }));
            token = page.next_token().map(str::to_owned);
            if token.is_none() {
                return Ok(names);
            }
        }
    }

    /// Executes a change set. Its token, and that of all events, is `token`. CloudFormation then
    /// deletes all other change sets of the stack.
    pub async fn execute_change_set(
        &self,
        stack: &str,
        name: &str,
        token: &str,
    ) -> Result<Sent, PhaseError> {
        let call = self.client.execute_change_set().stack_name(stack);
        let call = call.change_set_name(name).client_request_token(token);
        sent("cloudformation:ExecuteChangeSet", stack, call.send().await)
    }

    /// Deletes a change set, and those of nested stacks. One that is gone already is deleted.
    /// Where it was to create the stack, an empty shell stays.
    pub async fn delete_change_set(&self, stack: &str, name: &str) -> Result<Sent, PhaseError> {
        let call = self.client.delete_change_set().stack_name(stack);
        let call = call.change_set_name(name).send().await;
        sent("cloudformation:DeleteChangeSet", stack, call)
    }
}

fn parameters(request: &ChangeSetRequest) -> Vec<Parameter> {
    let parameters = request.parameters.iter().map(|(key, value)| {
        Parameter::builder()
            .parameter_key(key)
            .set_parameter_value(value.clone())
            .set_use_previous_value(value.is_none().then_some(true))
            .build()
    });
    parameters.collect()
}

fn capabilities(request: &ChangeSetRequest) -> Vec<Capability> {
    let names = request.capabilities.iter();
    names.map(|name| Capability::from(name.as_str())).collect()
}

fn tags(request: &ChangeSetRequest) -> Vec<Tag> {
    let tags = request.tags.iter();
    tags.map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

/// Always sent: an update that leaves it out keeps what the stack has.
fn rollback(request: &ChangeSetRequest) -> RollbackConfiguration {
    let triggers = request.alarms.iter().map(|arn| {
        RollbackTrigger::builder()
            .arn(arn)
            .r#type("AWS::CloudWatch::Alarm")
            .build()
    });
    RollbackConfiguration::builder()
        .set_rollback_triggers(Some(triggers.collect()))
        .monitoring_time_in_minutes(i32::try_from(request.monitoring_minutes).unwrap_or(i32::MAX))
        .build()
}

#[cfg(test)]
mod tests;
