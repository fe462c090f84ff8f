//! What a waiting phase can be woken by.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Names one thing in the world that a waiting phase looks at. An event about that
/// thing wakes every phase registered under its key; the event's content is never
/// trusted, it only says "look now".
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WakeKey(String);

impl WakeKey {
    /// An ECS service, by the names of its cluster and itself.
    pub fn ecs_service(cluster: &str, service: &str) -> Self {
        Self(format!("ecs-service/{cluster}/{service}"))
    }

    /// A task that no service started, by its cluster's name and who started it.
    pub fn task(cluster: &str, started_by: &str) -> Self {
        Self(format!("task/{cluster}/{started_by}"))
    }

    /// The lock of an environment.
    pub fn lock(application: &str, environment: &str) -> Self {
        Self(format!("lock/{application}/{environment}"))
    }

    /// A CloudFormation stack, by its name.
    pub fn stack(name: &str) -> Self {
        Self(format!("stack/{name}"))
    }

    /// The builds of a CodeBuild project, by its name.
    pub fn builds(project: &str) -> Self {
        Self(format!("build/{project}"))
    }

    /// The keys that an EventBridge event concerns; none for an event of no interest.
    ///
    /// `ECS Deployment State Change` names the service by ARN in `resources`; `ECS Task
    /// State Change` by `detail.group` (`service:NAME`) and `detail.clusterArn`, a task that
    /// Lockstep started by `detail.startedBy` (`lockstep/...`) instead. A service
    /// ARN of the old format, without the cluster's name, gives no key: such a service is
    /// asked again at the next timeout instead. `CloudFormation Stack Status Change` names the
    /// stack by ARN in `detail.stack-id`, `CodeBuild Build State Change` the project in
    /// `detail.project-name`.
    pub fn of_event(event: &Value) -> Vec<Self> {
        let key = match event.get("detail-type").and_then(Value::as_str) {
            Some("ECS Deployment State Change") => service_of_arn(event),
            Some("ECS Task State Change") => service_of_task(event),
            Some("CloudFormation Stack Status Change") => stack_of_event(event),
            Some("CodeBuild Build State Change") => project_of_event(event),
            _ => None,
        };
        key.into_iter().collect()
    }

    /// The key as it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn service_of_arn(event: &Value) -> Option<WakeKey> {
    let arn = event.get("resources")?.get(0)?.as_str()?;
    let mut path = arn.rsplit(':').next()?.split('/');
    let (kind, cluster, service) = (path.next()?, path.next()?, path.next()?);
    (kind == "service").then(|| WakeKey::ecs_service(cluster, service))
}

fn service_of_task(event: &Value) -> Option<WakeKey> {
    let detail = event.get("detail")?;
    let field = |name: &str| detail.get(name).and_then(Value::as_str);
    let cluster = field("clusterArn")?.rsplit('/').next()?;
    let started_by = field("startedBy").filter(|it| it.starts_with("lockstep/"));
    if let Some(started_by) = started_by {
        return Some(WakeKey::task(cluster, started_by));
    }
    let service = field("group")?.strip_prefix("service:")?;
    Some(WakeKey::ecs_service(cluster, service))
}

fn stack_of_event(event: &Value) -> Option<WakeKey> {
    let arn = event.get("detail")?.get("stack-id")?.as_str()?;
    let (_, path) = arn.split_once(":stack/")?;
    Some(WakeKey::stack(path.split('/').next()?))
}

fn project_of_event(event: &Value) -> Option<WakeKey> {
    let project = event.get("detail")?.get("project-name")?.as_str()?;
    Some(WakeKey::builds(project))
}

impl fmt::Display for WakeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::WakeKey;

    #[test]
    fn deployment_and_task_events_of_one_service_give_one_key() {
        let deployment = json!({
            "detail-type": "ECS Deployment State Change",
            "resources": ["arn:aws:ecs:eu-west-1:111122223333:service/live-quiz/websocket"],
            "detail": {"eventName": "SERVICE_DEPLOYMENT_COMPLETED"},
        });
        let task = json!({
            "detail-type": "ECS Task State Change",
            "detail": {
                "group": "service:websocket",
                "clusterArn": "arn:aws:ecs:eu-west-1:111122223333:cluster/live-quiz",
            },
        });
        assert_eq!(
            WakeKey::of_event(&deployment),
            [WakeKey::ecs_service("live-quiz", "websocket")]
        );
        assert_eq!(WakeKey::of_event(&task), WakeKey::of_event(&deployment));
    }

    #[test]
    fn a_task_of_ours_is_known_by_who_started_it() {
        let event = json!({
            "detail-type": "ECS Task State Change",
            "detail": {
                "group": "family:shop-api-migration-schema",
                "startedBy": "lockstep/01JD5Q6Z8G0000000000000000/schema/expand",
                "clusterArn": "arn:aws:ecs:eu-west-1:111122223333:cluster/shop",
            },
        });
        assert_eq!(
            WakeKey::of_event(&event),
            [WakeKey::task(
                "shop",
                "lockstep/01JD5Q6Z8G0000000000000000/schema/expand"
            )]
        );
    }

    #[test]
    fn an_event_of_a_stack_gives_its_name() {
        let event = json!({
            "detail-type": "CloudFormation Stack Status Change",
            "resources": ["arn:aws:cloudformation:eu-west-1:111122223333:stack/shop-network/9b2e"],
            "detail": {
                "stack-id": "arn:aws:cloudformation:eu-west-1:111122223333:stack/shop-network/9b2e",
                "status-details": {"status": "UPDATE_COMPLETE", "status-reason": ""},
                "client-request-token": "",
            },
        });
        assert_eq!(WakeKey::of_event(&event), [WakeKey::stack("shop-network")]);
    }

    #[test]
    fn an_event_of_a_build_gives_its_project() {
        let event = json!({
            "detail-type": "CodeBuild Build State Change",
            "resources": ["arn:aws:codebuild:eu-west-1:111122223333:build/shop-terraform:8745a7a9"],
            "detail": {
                "build-status": "SUCCEEDED",
                "project-name": "shop-terraform",
                "build-id": "arn:aws:codebuild:eu-west-1:111122223333:build/shop-terraform:8745a7a9",
            },
        });
        assert_eq!(
            WakeKey::of_event(&event),
            [WakeKey::builds("shop-terraform")]
        );
    }

    #[test]
    fn other_events_give_no_key() {
        let lone_task =
            json!({"detail-type": "ECS Task State Change", "detail": {"group": "family:job"}});
        let old_arn = json!({
            "detail-type": "ECS Deployment State Change",
            "resources": ["arn:aws:ecs:eu-west-1:111122223333:service/websocket"],
        });
        for event in [
            lone_task,
            old_arn,
            json!({}),
            json!({"detail-type": "EC2 something"}),
        ] {
            assert_eq!(WakeKey::of_event(&event), []);
        }
    }
}
