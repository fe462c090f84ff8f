//! What CloudFormation announces: the status of every stack. And, for tests, resources that fail.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::events::Event;

/// What is done to a resource of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceAction {
    /// It is created, also in place of another one.
    Create,
    /// It is changed, also back in a rollback.
    Update,
    /// It is deleted, also in a rollback of its creation.
    Delete,
}

/// A resource that fails or takes its time. All else, rollbacks above all, is the emulator's own.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceFault {
    stack: String,
    resource: String,
    action: ResourceAction,
    reason: String,
    pause: Duration,
    skip: usize,
    times: usize,
}

impl ResourceFault {
    /// The resource of this logical id does nothing special yet.
    pub fn on(stack: &str, resource: &str, action: ResourceAction) -> Self {
        Self {
            stack: stack.to_owned(),
            resource: resource.to_owned(),
            action,
            reason: String::new(),
            pause: Duration::ZERO,
            skip: 0,
            times: usize::MAX >> 1,
        }
    }

    /// It fails with this reason.
    #[must_use]
    pub fn fails(self, reason: &str) -> Self {
        Self {
            reason: reason.to_owned(),
            ..self
        }
    }

    /// It takes so long first, or until the faults are set anew.
    #[must_use]
    pub fn takes(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    /// The first so many times nothing happens.
    #[must_use]
    pub fn after(self, skip: usize) -> Self {
        Self { skip, ..self }
    }

    /// At most so many times.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    pub(super) fn rule(&self) -> Value {
        json!({
            "stack": self.stack, "resource": self.resource, "action": self.action, "reason": self.reason,
            "seconds": self.pause.as_secs_f64(), "skip": self.skip, "times": self.times,
        })
    }
}

/// The events of stacks that were announced, and the stacks' statuses.
#[derive(Debug, Default)]
pub(super) struct Seen {
    events: HashSet<String>,
    statuses: HashMap<String, String>,
}

impl Seen {
    /// Takes in what happened and returns what CloudFormation would have announced since the
    /// last time.
    pub(super) fn update(&mut self, state: &Value) -> Vec<Event> {
        let happened = state["stacks"].as_array().into_iter().flatten();
        happened.filter_map(|event| self.event(event)).collect()
    }

    /// Whether a stack is being changed, so that there will be more to see soon.
    pub(super) fn is_busy(&self) -> bool {
        self.statuses
            .values()
            .any(|status| status.ends_with("_IN_PROGRESS") && status != "REVIEW_IN_PROGRESS")
    }

    fn event(&mut self, event: &Value) -> Option<Event> {
        let (id, stack) = (event["EventId"].as_str()?, event["StackId"].as_str()?);
        let status = event["ResourceStatus"].as_str()?;
        if !self.events.insert(id.to_owned()) {
            return None;
        }
        self.statuses.insert(stack.to_owned(), status.to_owned());
        let mut detail = json!({
            "stack-id": stack,
            "status-details": {
                "status": status,
                "status-reason": event["ResourceStatusReason"].as_str().unwrap_or_default(),
            },
        });
        if let Some(token) = event["ClientRequestToken"].as_str() {
            detail["client-request-token"] = json!(token);
        }
        Some(Event {
            source: "aws.cloudformation".into(),
            detail_type: "CloudFormation Stack Status Change".into(),
            resources: vec![stack.to_owned()],
            detail,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn happened(events: &[(&str, &str)]) -> Value {
        let events = events.iter().map(|(id, status)| {
            json!({
                "EventId": id, "StackId": "arn:stack", "ResourceStatus": status,
                "ResourceStatusReason": "", "ClientRequestToken": "lockstep-1",
            })
        });
        json!({"stacks": events.collect::<Vec<_>>()})
    }

    #[test]
    fn every_status_is_announced_once_and_none_is_missed() {
        let mut seen = Seen::default();
        let begun = happened(&[("1", "UPDATE_IN_PROGRESS")]);
        assert_eq!(seen.update(&begun).len(), 1);
        assert!(seen.update(&begun).is_empty() && seen.is_busy());
        let ended = happened(&[
            ("1", "UPDATE_IN_PROGRESS"),
            ("2", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
            ("3", "UPDATE_COMPLETE"),
        ]);
        let events = seen.update(&ended);
        assert_eq!(events.len(), 2);
        assert!(!seen.is_busy());
        assert_eq!(events[1].resources, ["arn:stack"]);
        assert_eq!(
            events[1].detail,
            json!({
                "stack-id": "arn:stack", "client-request-token": "lockstep-1",
                "status-details": {"status": "UPDATE_COMPLETE", "status-reason": ""},
            })
        );
    }

    #[test]
    fn a_shell_is_nothing_that_is_under_way() {
        let mut seen = Seen::default();
        seen.update(&happened(&[("1", "REVIEW_IN_PROGRESS")]));
        assert!(!seen.is_busy());
    }

    #[test]
    fn a_fault_says_what_it_hits() {
        let fault = ResourceFault::on("quiz", "Table", ResourceAction::Delete)
            .fails("still in use")
            .takes(Duration::from_millis(500))
            .after(1)
            .times(2);
        assert_eq!(
            fault.rule(),
            json!({
                "stack": "quiz", "resource": "Table", "action": "delete", "reason": "still in use",
                "seconds": 0.5, "skip": 1, "times": 2,
            })
        );
    }
}
