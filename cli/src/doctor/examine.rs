//! Looking at one stack.

use std::collections::BTreeSet;

use lockstep::PhaseError;
use lockstep::stack::{
    Diagnosis, LiveStack, Patient, RootCause, StackEvent, StackResource, diagnose, root_cause,
};
use lockstep_cloudformation::CloudFormation;

/// A stack of the manifest, and what is the matter with it.
#[derive(Debug, Clone)]
pub struct Case {
    /// The manifest's name of it.
    pub component: String,
    /// Its name in CloudFormation.
    pub stack: String,
    /// The stack; `None` when there is none.
    pub live: Option<LiveStack>,
    /// What is the matter; healthy when there is no stack.
    pub diagnosis: Diagnosis,
    /// What failed first in its last operation, if that failed.
    pub cause: Option<RootCause>,
    /// Its resources, read where it is not healthy.
    pub resources: Vec<StackResource>,
    /// The paths of those that its last change made, where that failed: a rollback deletes them.
    pub made: BTreeSet<String>,
}

/// Looks at a stack. `skip` are the resources that a person lets a rollback skip.
///
/// # Errors
/// When CloudFormation could not be asked.
pub async fn examine(
    cloudformation: &CloudFormation,
    environment: &str,
    (component, stack): (&str, &str),
    skip: &BTreeSet<String>,
) -> Result<Case, PhaseError> {
    let live = cloudformation.stack_with_operation(stack).await?;
    let mut case = Case {
        component: component.to_owned(),
        stack: stack.to_owned(),
        live: live.filter(|live| !live.status.is_deleted()),
        diagnosis: Diagnosis::Healthy,
        cause: None,
        resources: Vec::new(),
        made: BTreeSet::new(),
    };
    let Some(live) = &case.live else {
        return Ok(case);
    };
    let status = &live.status;
    let mut events = Vec::new();
    if status.is_failure() || !(status.is_healthy() || status.is_in_progress()) {
        events = cloudformation.events(&live.id, None).await?;
        case.resources = cloudformation.resources(&live.id).await?;
    }
    if status.is_failure() {
        let last = last_change(&events);
        case.cause = root_cause(&last, None);
        case.made = made(&last);
    }
    case.diagnosis = diagnose(&Patient {
        stack: live,
        resources: &case.resources,
        events: &events,
        deployment: None,
        skip,
        environment,
        component,
    });
    Ok(case)
}

/// How the stack's own event is called by which a change begins. What is rolled back, and
/// continued, belongs to it.
const BEGINS: [&str; 4] = [
    "CREATE_IN_PROGRESS",
    "UPDATE_IN_PROGRESS",
    "DELETE_IN_PROGRESS",
    "IMPORT_IN_PROGRESS",
];

/// The events of the last change, from events newest first.
fn last_change(events: &[StackEvent]) -> Vec<StackEvent> {
    let began = events
        .iter()
        .find(|event| event.is_of_stack() && BEGINS.contains(&event.status.as_str()));
    let Some(began) = began.map(|event| event.at) else {
        return events.to_vec();
    };
    let since = events.iter().filter(|event| event.at >= began);
    since.cloned().collect()
}

/// What was made by these events, and exists by the newest of them.
fn made(events: &[StackEvent]) -> BTreeSet<String> {
    let mut gone = BTreeSet::new();
    let mut made = BTreeSet::new();
    for event in events.iter().filter(|event| !event.is_of_stack()) {
        match event.status.as_str() {
            "DELETE_COMPLETE" => drop(gone.insert(event.path())),
            "CREATE_COMPLETE" if !gone.contains(&event.path()) => drop(made.insert(event.path())),
            _ => {}
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use lockstep::stack::{StackEvent, root_cause};

    use super::{last_change, made};

    fn event(second: i64, logical: &str, status: &str, reason: &str) -> StackEvent {
        let of_stack = logical == "shop";
        StackEvent {
            id: second.to_string(),
            stack: "arn".into(),
            at: Timestamp::from_second(second).unwrap(),
            logical: logical.into(),
            physical: Some(if of_stack { "arn" } else { logical }.into()),
            resource_type: if of_stack {
                "AWS::CloudFormation::Stack"
            } else {
                "AWS::SQS::Queue"
            }
            .into(),
            status: status.into(),
            reason: reason.into(),
            token: None,
            nesting: Vec::new(),
        }
    }

    #[test]
    fn what_the_last_change_made_and_is_there_still_is_known() {
        let mut events = vec![
            event(1, "shop", "CREATE_IN_PROGRESS", ""),
            event(2, "Old", "CREATE_COMPLETE", ""),
            event(3, "shop", "CREATE_COMPLETE", ""),
            event(4, "shop", "UPDATE_IN_PROGRESS", ""),
            event(5, "Orders", "CREATE_COMPLETE", ""),
            event(6, "Topic", "CREATE_COMPLETE", ""),
            event(7, "Topic", "DELETE_COMPLETE", ""),
            event(8, "Queue", "CREATE_FAILED", "no such key"),
            event(9, "shop", "UPDATE_FAILED", ""),
        ];
        events.reverse();
        let made = made(&last_change(&events));
        assert_eq!(made, ["Orders".to_owned()].into());
    }

    #[test]
    fn the_cause_is_looked_for_in_the_last_change_only() {
        let mut events = vec![
            event(1, "shop", "UPDATE_IN_PROGRESS", ""),
            event(2, "Old", "UPDATE_FAILED", "long ago"),
            event(3, "shop", "UPDATE_ROLLBACK_COMPLETE", ""),
            event(4, "shop", "UPDATE_IN_PROGRESS", ""),
            event(5, "Queue", "UPDATE_FAILED", "no such key"),
            event(6, "shop", "UPDATE_ROLLBACK_IN_PROGRESS", ""),
            event(7, "Topic", "UPDATE_FAILED", "denied"),
            event(8, "shop", "UPDATE_ROLLBACK_FAILED", ""),
        ];
        events.reverse();
        let cause = root_cause(&last_change(&events), None).unwrap();
        assert_eq!(
            (cause.path.as_str(), cause.reason.as_str()),
            ("Queue", "no such key")
        );
    }
}
