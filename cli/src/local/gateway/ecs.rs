//! What ECS announces: the states of deployments and tasks.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::events::Event;

/// Whether a rollout is under way, so that there will be more to see soon.
pub(super) fn is_busy(state: &Value) -> bool {
    list(&state["services"])
        .flat_map(|service| list(&service["deployments"]))
        .any(|deployment| deployment["rolloutState"] == "IN_PROGRESS")
}

/// The last known state of every deployment and task.
#[derive(Debug, Default)]
pub(super) struct Seen {
    deployments: HashMap<String, String>,
    tasks: HashMap<String, String>,
}

impl Seen {
    /// Takes in what there is now and returns what ECS would have announced since the last time.
    pub(super) fn update(&mut self, state: &Value) -> Vec<Event> {
        let mut events = Vec::new();
        for service in list(&state["services"]) {
            for deployment in list(&service["deployments"]) {
                events.extend(self.deployment(service, deployment));
            }
        }
        for task in list(&state["tasks"]) {
            events.extend(self.task(task));
        }
        events
    }

    fn deployment(&mut self, service: &Value, deployment: &Value) -> Vec<Event> {
        let (Some(id), Some(now)) = (
            deployment["id"].as_str(),
            deployment["rolloutState"].as_str(),
        ) else {
            return vec![];
        };
        let before = self.deployments.insert(id.to_owned(), now.to_owned());
        if before.as_deref() == Some(now) {
            return vec![];
        }
        // ECS announces the beginning of every deployment, also of one that ended between two looks.
        let began = before.is_none() && now != "IN_PROGRESS";
        let states = if began {
            vec!["IN_PROGRESS", now]
        } else {
            vec![now]
        };
        states
            .into_iter()
            .map(|state| deployment_event(service, deployment, state))
            .collect()
    }

    fn task(&mut self, task: &Value) -> Option<Event> {
        let (arn, now) = (task["taskArn"].as_str()?, task["lastStatus"].as_str()?);
        let before = self.tasks.insert(arn.to_owned(), now.to_owned());
        (before.as_deref() != Some(now)).then(|| task_event(arn, task))
    }
}

fn deployment_event(service: &Value, deployment: &Value, state: &str) -> Event {
    let detail = json!({
        "eventType": if state == "FAILED" { "ERROR" } else { "INFO" },
        "eventName": format!("SERVICE_DEPLOYMENT_{state}"),
        "deploymentId": deployment["id"],
        "updatedAt": deployment["updatedAt"],
        "reason": deployment["rolloutStateReason"].as_str().unwrap_or_default(),
    });
    Event {
        source: "aws.ecs".into(),
        detail_type: "ECS Deployment State Change".into(),
        resources: service["serviceArn"]
            .as_str()
            .map(str::to_owned)
            .into_iter()
            .collect(),
        detail,
    }
}

fn task_event(arn: &str, task: &Value) -> Event {
    Event {
        source: "aws.ecs".into(),
        detail_type: "ECS Task State Change".into(),
        resources: vec![arn.to_owned()],
        detail: task.clone(),
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(deployments: &Value) -> Value {
        json!({"services": [{"serviceArn": "arn:service", "deployments": deployments}], "tasks": []})
    }

    fn names(events: &[Event]) -> Vec<&str> {
        events
            .iter()
            .filter_map(|event| event.detail["eventName"].as_str())
            .collect()
    }

    #[test]
    fn a_rollout_is_announced_once_per_state() {
        let mut seen = Seen::default();
        let begun = service(&json!([{"id": "ecs-svc/1", "rolloutState": "IN_PROGRESS"}]));
        assert_eq!(
            names(&seen.update(&begun)),
            ["SERVICE_DEPLOYMENT_IN_PROGRESS"]
        );
        assert!(seen.update(&begun).is_empty());
        let failed = service(
            &json!([{"id": "ecs-svc/1", "rolloutState": "FAILED", "rolloutStateReason": "breaker"}]),
        );
        let events = seen.update(&failed);
        assert_eq!(names(&events), ["SERVICE_DEPLOYMENT_FAILED"]);
        assert_eq!(events[0].detail["eventType"], "ERROR");
        assert_eq!(events[0].detail["reason"], "breaker");
        assert_eq!(events[0].resources, ["arn:service"]);
    }

    #[test]
    fn a_rollout_that_ended_between_two_looks_still_began() {
        let done = service(&json!([{"id": "ecs-svc/2", "rolloutState": "COMPLETED"}]));
        let expected = [
            "SERVICE_DEPLOYMENT_IN_PROGRESS",
            "SERVICE_DEPLOYMENT_COMPLETED",
        ];
        assert_eq!(names(&Seen::default().update(&done)), expected);
    }

    #[test]
    fn a_task_is_announced_whenever_its_status_changes() {
        let mut seen = Seen::default();
        let task = |status: &str| json!({"tasks": [{"taskArn": "arn:task", "lastStatus": status, "group": "service:web"}]});
        assert_eq!(seen.update(&task("PENDING")).len(), 1);
        assert!(seen.update(&task("PENDING")).is_empty());
        let events = seen.update(&task("STOPPED"));
        assert_eq!(events[0].detail_type, "ECS Task State Change");
        assert_eq!(events[0].detail["group"], "service:web");
    }
}
