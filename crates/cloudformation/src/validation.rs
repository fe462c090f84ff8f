//! What CloudFormation found wrong before it began. It tells so in events of their own: those of
//! the stack only say that there are some.

use aws_sdk_cloudformation::types::{EventFilter, EventType, OperationEvent};
use lockstep::PhaseError;
use lockstep::stack::StackEvent;
use lockstep_aws::{AwsError, ErrorKind};

use crate::CloudFormation;
use crate::client::resource;
use crate::error::explain;
use crate::read::{present, text};

/// How the reason of a stack's event, and of a change set that failed, begins then.
const FAILED: &str = "Validation failed";

/// Of what the problems are.
#[derive(Clone, Copy)]
enum Of<'a> {
    Stack(&'a str),
    ChangeSet { stack: &'a str, name: &'a str },
}

/// One thing that is wrong.
struct Problem {
    id: String,
    logical: String,
    resource_type: String,
    words: String,
}

impl CloudFormation {
    /// The events of the resources that kept an operation from beginning, where one of these
    /// events says that there are some.
    pub(crate) async fn invalid_resources(
        &self,
        stack: &str,
        events: &[StackEvent],
    ) -> Result<Vec<StackEvent>, PhaseError> {
        let told = |event: &&StackEvent| event.is_of_stack() && event.reason.starts_with(FAILED);
        let Some(event) = events.iter().find(told) else {
            return Ok(Vec::new());
        };
        let problems = self.problems(Of::Stack(stack)).await?;
        let events = problems.into_iter().map(|problem| StackEvent {
            id: problem.id,
            logical: problem.logical,
            physical: None,
            resource_type: problem.resource_type,
            status: "VALIDATION_FAILED".to_owned(),
            reason: problem.words,
            ..event.clone()
        });
        Ok(events.collect())
    }

    /// Why a change set failed, with what is wrong with its resources.
    pub(crate) async fn full_reason(
        &self,
        stack: &str,
        name: &str,
        reason: String,
    ) -> Result<String, PhaseError> {
        if !reason.starts_with(FAILED) {
            return Ok(reason);
        }
        let problems = self.problems(Of::ChangeSet { stack, name }).await?;
        let told = problems.into_iter();
        let told: Vec<_> = told
            .map(|it| format!("{} ({}): {}", it.logical, it.resource_type, it.words))
            .collect();
        if told.is_empty() {
            return Ok(reason);
        }
        Ok(told.join("; "))
    }

    /// The problems of the newest operation. Where they may not be read, or cannot, it stays at
    /// what CloudFormation says by itself: how many there are, and where to see them.
    async fn problems(&self, of: Of<'_>) -> Result<Vec<Problem>, PhaseError> {
        let filter = EventFilter::builder().failed_events(true).build();
        let call = self.client.describe_events().filters(filter);
        let (about, call) = match of {
            Of::Stack(stack) => (stack, call.stack_name(stack)),
            Of::ChangeSet { stack, name } => {
                let call = call.stack_name(stack).change_set_name(name);
                (stack, call)
            }
        };
        let sent = call.send().await;
        let sent = sent.map_err(|error| AwsError::new("cloudformation:DescribeEvents", &error));
        let events = match sent {
            Ok(answer) => answer.operation_events.unwrap_or_default(),
            Err(error) if error.kind == ErrorKind::Transient => {
                return Err(explain(error, &resource(about)));
            }
            Err(error) => {
                tracing::warn!(stack = about, code = error.code, "{}", error.message);
                return Ok(Vec::new());
            }
        };
        let is_problem =
            |event: &&OperationEvent| event.event_type() == Some(&EventType::ValidationError);
        let operation = events.iter().find(is_problem);
        let operation = operation.and_then(OperationEvent::operation_id);
        let problems = events.iter().filter(is_problem);
        let problems = problems.filter(|event| event.operation_id() == operation);
        Ok(problems.map(problem).collect())
    }
}

fn problem(event: &OperationEvent) -> Problem {
    let words = text(event.validation_status_reason());
    Problem {
        id: text(event.event_id()),
        logical: text(event.logical_resource_id()),
        resource_type: text(event.resource_type()),
        words: match present(event.validation_path()) {
            Some(path) => format!("{} (at {path})", words.trim_end_matches('.')),
            None => words,
        },
    }
}

#[cfg(test)]
mod tests;
