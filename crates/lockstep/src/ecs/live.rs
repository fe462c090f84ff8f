//! What ECS says of a service, its deployments and its stopped tasks.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::arn::short_name;
use super::json::{count, count_option, items, text, text_option, time};

/// A service as `DescribeServices` shows it, reduced to what decisions need.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveService {
    /// The service's ARN.
    pub arn: String,
    /// The service's name.
    pub name: String,
    /// The name of its cluster.
    pub cluster: String,
    /// `ACTIVE`, `DRAINING` or `INACTIVE`.
    pub status: String,
    /// The ARN of the task definition that the service was last told to run.
    pub task_definition: String,
    /// `ECS`, `CODE_DEPLOY` or `EXTERNAL`.
    pub controller: String,
    /// `REPLICA` or `DAEMON`.
    pub scheduling: String,
    /// Whether its tasks run on Fargate.
    pub fargate: bool,
    /// How many tasks there should be. Autoscaling owns this number.
    pub desired: u32,
    /// How many tasks run.
    pub running: u32,
    /// The deployments that still have tasks, and failed ones.
    pub deployments: Vec<Deployment>,
    /// `deploymentConfiguration` as it is, with every field AWS printed.
    pub deployment_configuration: Value,
    /// Seconds in which a new task's failing load balancer checks are ignored.
    pub health_check_grace_seconds: Option<u32>,
    /// Whether the service registers its tasks with a load balancer.
    pub load_balanced: bool,
    /// Where its tasks run, as fields of `RunTask`.
    pub placement: Value,
    /// The service's own log, newest first.
    pub events: Vec<Event>,
}

/// One entry of a service's `deployments`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// The id, such as `ecs-svc/1234567890123456789`.
    pub id: String,
    /// `PRIMARY`, `ACTIVE` or `INACTIVE`.
    pub status: String,
    /// The ARN of the revision it rolls out.
    pub task_definition: String,
    /// How far it is.
    pub rollout: Rollout,
    /// ECS's reason for the state, such as that the circuit breaker was triggered.
    pub reason: String,
    /// When it began.
    pub created_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
    /// Tasks wanted, running and waiting, and tasks that failed to become healthy.
    pub tasks: TaskCounts,
}

/// A deployment's tasks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TaskCounts {
    /// Wanted.
    pub desired: u32,
    /// Running.
    pub running: u32,
    /// Not running yet.
    pub pending: u32,
    /// Stopped before they were healthy.
    pub failed: u32,
}

/// How far a deployment is (`rolloutState`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rollout {
    /// Under way, or a state that is not known yet: time decides.
    InProgress,
    /// Done.
    Completed,
    /// Given up by the circuit breaker or an alarm.
    Failed,
    /// Not told. ECS leaves the state out behind a Classic Load Balancer.
    Untold,
}

/// One line of a service's own log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When it was written.
    pub at: Option<Timestamp>,
    /// What it says.
    pub message: String,
}

impl LiveService {
    /// Reads one item of `DescribeServices.services`.
    pub fn parse(value: &Value) -> Self {
        let configuration = value
            .get("deploymentConfiguration")
            .filter(|value| value.is_object());
        Self {
            arn: text(value, "serviceArn").to_owned(),
            name: text(value, "serviceName").to_owned(),
            cluster: short_name(text(value, "clusterArn")).to_owned(),
            status: text(value, "status").to_owned(),
            task_definition: text(value, "taskDefinition").to_owned(),
            controller: controller(value),
            scheduling: text_option(value, "schedulingStrategy")
                .unwrap_or_else(|| "REPLICA".into()),
            fargate: is_fargate(value),
            desired: count(value, "desiredCount"),
            running: count(value, "runningCount"),
            deployments: items(value, "deployments")
                .iter()
                .map(Deployment::parse)
                .collect(),
            deployment_configuration: configuration
                .cloned()
                .unwrap_or_else(|| Value::Object(Map::default())),
            health_check_grace_seconds: count_option(value, "healthCheckGracePeriodSeconds"),
            load_balanced: !items(value, "loadBalancers").is_empty(),
            placement: placement(value),
            events: items(value, "events").iter().map(Event::parse).collect(),
        }
    }

    /// The deployment that ECS works towards.
    pub fn primary(&self) -> Option<&Deployment> {
        self.deployments
            .iter()
            .find(|deployment| deployment.status == "PRIMARY")
    }

    /// The revision that ECS works towards.
    pub fn revision(&self) -> &str {
        self.primary()
            .map_or(&self.task_definition, |primary| &primary.task_definition)
    }

    /// The deployment strategy: `ROLLING` unless the service says otherwise.
    pub fn strategy(&self) -> &str {
        match text(&self.deployment_configuration, "strategy") {
            "" => "ROLLING",
            strategy => strategy,
        }
    }

    /// Whether the primary deployment is finished and all of its tasks run.
    pub fn serves(&self) -> bool {
        self.primary()
            .is_some_and(|primary| self.finished(primary) && primary.tasks.running >= self.desired)
    }

    /// Whether a deployment is finished. Where ECS does not tell the state, a deployment
    /// is finished once it is the only one and has all its tasks.
    pub fn finished(&self, deployment: &Deployment) -> bool {
        match deployment.rollout {
            Rollout::Completed => true,
            Rollout::InProgress | Rollout::Failed => false,
            Rollout::Untold => {
                let TaskCounts {
                    desired,
                    running,
                    pending,
                    ..
                } = deployment.tasks;
                self.deployments.len() == 1 && running >= desired && pending == 0
            }
        }
    }

    /// The newest line of the service's log since `since`.
    pub fn event_since(&self, since: Option<Timestamp>) -> Option<&str> {
        let newest = self.events.first().filter(|event| event.at >= since)?;
        Some(&newest.message)
    }
}

impl Deployment {
    fn parse(value: &Value) -> Self {
        Self {
            id: text(value, "id").to_owned(),
            status: text(value, "status").to_owned(),
            task_definition: text(value, "taskDefinition").to_owned(),
            rollout: Rollout::parse(text(value, "rolloutState")),
            reason: text(value, "rolloutStateReason").to_owned(),
            created_at: time(value, "createdAt"),
            updated_at: time(value, "updatedAt"),
            tasks: TaskCounts {
                desired: count(value, "desiredCount"),
                running: count(value, "runningCount"),
                pending: count(value, "pendingCount"),
                failed: count(value, "failedTasks"),
            },
        }
    }
}

impl Rollout {
    fn parse(state: &str) -> Self {
        match state {
            "" => Self::Untold,
            "COMPLETED" => Self::Completed,
            "FAILED" => Self::Failed,
            _ => Self::InProgress,
        }
    }
}

impl Event {
    fn parse(value: &Value) -> Self {
        Self {
            at: time(value, "createdAt"),
            message: text(value, "message").to_owned(),
        }
    }
}

/// What a task needs to run where the service's tasks do. A strategy takes the launch type's
/// place, and only Fargate has platform versions.
fn placement(value: &Value) -> Value {
    let mut placement = Map::new();
    let mut keep = |field: &str| {
        let found = value.get(field).filter(|it| match it {
            Value::Array(items) => !items.is_empty(),
            Value::String(text) => !text.is_empty(),
            other => !other.is_null(),
        });
        found.map(|found| placement.insert(field.to_owned(), found.clone()));
        found.is_some()
    };
    keep("networkConfiguration");
    if !keep("capacityProviderStrategy") {
        keep("launchType");
    }
    if is_fargate(value) {
        keep("platformVersion");
    } else {
        keep("placementConstraints");
    }
    Value::Object(placement)
}

fn controller(value: &Value) -> String {
    let named = value
        .get("deploymentController")
        .and_then(|controller| text_option(controller, "type"));
    named.unwrap_or_else(|| "ECS".into())
}

fn is_fargate(value: &Value) -> bool {
    let provider = |item: &Value| text(item, "capacityProvider").starts_with("FARGATE");
    text(value, "launchType") == "FARGATE"
        || items(value, "capacityProviderStrategy")
            .iter()
            .any(provider)
}
