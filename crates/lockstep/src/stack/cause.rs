//! Why an operation on a stack failed: the resource that failed first.

use super::event::StackEvent;
use super::live::StackResource;

/// What a nested stack is called as a resource.
const NESTED: &str = "AWS::CloudFormation::Stack";

/// How CloudFormation says that a resource failed only because another one did.
const CANCELLED: [&str; 3] = [
    "Resource creation cancelled",
    "Resource update cancelled",
    "Resource deletion cancelled",
];

/// What is in the reason when something that was started did not become healthy: that says
/// something about the release, everything else about permissions, names and limits.
const UNHEALTHY: [&str; 6] = [
    "did not stabilize",
    "not stabilized",
    "circuit breaker",
    "failed to stabilize",
    "Exceeded attempts to wait",
    "ALARM",
];

/// The resource that failed first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootCause {
    /// Its logical id, with those of the stacks it is nested in.
    pub path: String,
    /// Its type.
    pub resource_type: String,
    /// Why, as CloudFormation says it.
    pub reason: String,
    /// The ARN of the stack it is in.
    pub stack: String,
    /// Whether something was started that did not become healthy.
    pub is_unhealthy: bool,
}

/// The resource that failed first in the operation that a token began, from events newest first.
/// Without a token, in everything that the events tell of.
///
/// Nested stacks are followed to the resource. The stack's own events, and resources that were
/// only cancelled because of another one, are never the cause; but the stack's own reason is, where
/// no resource failed, as with an alarm.
pub fn root_cause(events: &[StackEvent], token: Option<&str>) -> Option<RootCause> {
    let began = events.iter().rfind(|event| {
        event.is_of_stack() && (token.is_none() || event.token.as_deref() == token)
    })?;
    let ours = |event: &&StackEvent| {
        let other = event.token.as_deref().filter(|_| event.nesting.is_empty());
        event.at >= began.at && (token.is_none() || other.is_none_or(|it| Some(it) == token))
    };
    let mut failed: Vec<_> = events
        .iter()
        .filter(ours)
        .filter(|it| is_failure(it))
        .collect();
    // Events are newest first. Those of nested stacks come after the others, so only time orders them.
    failed.reverse();
    failed.sort_by_key(|event| event.at);
    let resource = failed.iter().find(|event| event.resource_type != NESTED);
    let found = resource.or(failed.first()).copied();
    let of_stack = || {
        let of_stack =
            |event: &&StackEvent| event.is_of_stack() && event.status.contains("ROLLBACK");
        events
            .iter()
            .filter(ours)
            .filter(of_stack)
            .rfind(|event| !event.reason.is_empty())
    };
    found.or_else(of_stack).map(cause)
}

fn is_failure(event: &StackEvent) -> bool {
    let cancelled = CANCELLED.iter().any(|it| event.reason.starts_with(it));
    let of_its_stack = event.physical.as_deref() == Some(event.stack.as_str());
    event.status.ends_with("_FAILED") && !cancelled && !of_its_stack
}

fn cause(event: &StackEvent) -> RootCause {
    let reason = match event.reason.as_str() {
        "" => "CloudFormation gives no reason".to_owned(),
        reason => reason.to_owned(),
    };
    RootCause {
        path: event.path(),
        resource_type: event.resource_type.clone(),
        is_unhealthy: UNHEALTHY.iter().any(|it| reason.contains(it)),
        reason,
        stack: event.stack.clone(),
    }
}

impl RootCause {
    /// The cause in one sentence, with the address of the events in AWS's console.
    pub fn words(&self) -> String {
        let Self {
            path,
            resource_type,
            reason,
            ..
        } = self;
        let reason = reason.trim_end_matches('.');
        let what = match resource_type.as_str() {
            NESTED => reason.to_owned(),
            _ => format!("{path} ({resource_type}) failed: {reason}"),
        };
        format!("{what}; its events: {}", console(&self.stack))
    }
}

/// The address of a stack's events in AWS's console.
pub fn console(stack: &str) -> String {
    let region = stack.split(':').nth(3).unwrap_or_default();
    let id = stack.replace(':', "%3A").replace('/', "%2F");
    format!(
        "https://{region}.console.aws.amazon.com/cloudformation/home?region={region}#/stacks/events?stackId={id}"
    )
}

/// Resources with what is wrong with each: `A (T): reason, B (T): reason`.
pub(super) fn list<'a>(resources: impl IntoIterator<Item = &'a StackResource>) -> String {
    let told = |it: &StackResource| match it.reason.as_str() {
        "" => format!("{} ({})", it.path, it.resource_type),
        reason => format!(
            "{} ({}): {}",
            it.path,
            it.resource_type,
            reason.trim_end_matches('.')
        ),
    };
    let told: Vec<_> = resources.into_iter().map(told).collect();
    told.join(", ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::root_cause;
    use crate::stack::StackEvent;
    use crate::stack::testing::{ARN, Events, NESTED_ARN};

    fn found(events: &[StackEvent], token: Option<&str>) -> String {
        let cause = root_cause(events, token).unwrap();
        format!("{}: {}", cause.path, cause.reason)
    }

    #[test]
    fn the_first_resource_that_failed_is_the_cause_and_never_one_that_was_cancelled() {
        let events = Events::default()
            .stack("UPDATE_IN_PROGRESS", Some("us"))
            .resource(
                "Queue",
                "AWS::SQS::Queue",
                "UPDATE_FAILED",
                "Resource update cancelled",
                Some("us"),
            )
            .resource(
                "Service",
                "AWS::ECS::Service",
                "UPDATE_FAILED",
                "ECS Deployment Circuit Breaker was triggered.",
                Some("us"),
            )
            .resource(
                "Role",
                "AWS::IAM::Role",
                "CREATE_FAILED",
                "Resource creation cancelled",
                Some("us"),
            )
            .resource(
                "Late",
                "AWS::SNS::Topic",
                "UPDATE_FAILED",
                "too late",
                Some("us"),
            )
            .stack("UPDATE_ROLLBACK_IN_PROGRESS", Some("us"))
            .newest_first();
        assert_eq!(
            found(&events, Some("us")),
            "Service: ECS Deployment Circuit Breaker was triggered."
        );
    }

    #[test]
    fn what_failed_in_an_operation_of_somebody_else_is_not_the_cause() {
        let events = Events::default()
            .stack("UPDATE_IN_PROGRESS", Some("them"))
            .resource(
                "Old",
                "AWS::SNS::Topic",
                "UPDATE_FAILED",
                "theirs",
                Some("them"),
            )
            .stack("UPDATE_ROLLBACK_COMPLETE", Some("them"))
            .stack("UPDATE_IN_PROGRESS", Some("us"))
            .resource(
                "New",
                "AWS::SNS::Topic",
                "UPDATE_FAILED",
                "ours",
                Some("us"),
            )
            .stack("UPDATE_ROLLBACK_IN_PROGRESS", Some("us"))
            .newest_first();
        assert_eq!(found(&events, Some("us")), "New: ours");
        assert_eq!(found(&events, None), "Old: theirs");
        assert_eq!(root_cause(&events, Some("nobody")), None);
    }

    #[test]
    fn nested_stacks_are_followed_to_the_resource() {
        let events = Events::default()
            .stack("CREATE_IN_PROGRESS", Some("us"))
            .nested(
                "Data",
                "Table",
                "AWS::DynamoDB::Table",
                "CREATE_FAILED",
                "already exists",
            )
            .resource(
                "Data",
                "AWS::CloudFormation::Stack",
                "CREATE_FAILED",
                "Embedded stack was not created",
                Some("us"),
            )
            .stack("ROLLBACK_IN_PROGRESS", Some("us"))
            .newest_first();
        let cause = root_cause(&events, Some("us")).unwrap();
        assert_eq!(
            (cause.path.as_str(), cause.stack.as_str()),
            ("Data/Table", NESTED_ARN)
        );
        let only_outer: Vec<_> = events
            .into_iter()
            .filter(|it| it.nesting.is_empty())
            .collect();
        assert_eq!(
            found(&only_outer, Some("us")),
            "Data: Embedded stack was not created"
        );
    }

    #[test]
    fn where_no_resource_failed_the_stack_itself_says_why() {
        let events = Events::default()
            .stack("UPDATE_IN_PROGRESS", Some("us"))
            .stack_because(
                "UPDATE_ROLLBACK_IN_PROGRESS",
                "Alarm shop-errors went to ALARM",
                Some("us"),
            )
            .newest_first();
        let cause = root_cause(&events, Some("us")).unwrap();
        assert!(cause.is_unhealthy);
        let words = cause.words();
        assert!(
            words.starts_with(
                "Alarm shop-errors went to ALARM; its events: https://eu-west-1.console"
            ),
            "{words}"
        );
        assert!(
            words.contains(&ARN.replace(':', "%3A").replace('/', "%2F")),
            "{words}"
        );
    }
}
