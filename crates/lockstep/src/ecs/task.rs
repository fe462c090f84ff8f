//! Stopped tasks: why they stopped, and whether that is the release's fault.

use jiff::Timestamp;
use serde_json::Value;

use super::json::{items, text, time};

/// A stopped task, as `DescribeTasks` shows it for about an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoppedTask {
    /// The task's ARN.
    pub arn: String,
    /// The ARN of the revision it ran.
    pub task_definition: String,
    /// When it stopped.
    pub stopped_at: Option<Timestamp>,
    /// The kind of stop, such as `EssentialContainerExited`.
    pub stop_code: String,
    /// ECS's text, such as `CannotPullContainerError: ...`.
    pub reason: String,
    /// Its containers.
    pub containers: Vec<StoppedContainer>,
}

/// A container of a stopped task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoppedContainer {
    /// The name in the task definition.
    pub name: String,
    /// The exit code; `None` when it never ran.
    pub exit_code: Option<i64>,
    /// What ECS says of it, such as `OutOfMemoryError: Container killed due to memory usage`.
    pub reason: String,
    /// `HEALTHY`, `UNHEALTHY` or `UNKNOWN`.
    pub health: String,
}

impl StoppedTask {
    /// Reads one item of `DescribeTasks.tasks`.
    pub fn parse(value: &Value) -> Self {
        Self {
            arn: text(value, "taskArn").to_owned(),
            task_definition: text(value, "taskDefinitionArn").to_owned(),
            stopped_at: time(value, "stoppedAt").or_else(|| time(value, "stoppingAt")),
            stop_code: text(value, "stopCode").to_owned(),
            reason: text(value, "stoppedReason").to_owned(),
            containers: items(value, "containers")
                .iter()
                .map(StoppedContainer::parse)
                .collect(),
        }
    }

    /// Whether the task stopped because of what it runs: it exited, could not start, or
    /// failed its health checks. Stops by a person, by scaling, by a deployment, or by the
    /// loss of a spot instance say nothing about the release.
    pub fn stopped_by_itself(&self) -> bool {
        match self.stop_code.as_str() {
            "EssentialContainerExited" | "TaskFailedToStart" => true,
            _ => self.failed_health_checks(),
        }
    }

    /// Whether ECS stopped the task for its health checks.
    pub fn failed_health_checks(&self) -> bool {
        self.stop_code == "ServiceSchedulerInitiated" && self.reason.contains("health check")
    }

    /// The container to blame: the one that exited worst, or that ECS says something of.
    pub fn culprit(&self) -> Option<&StoppedContainer> {
        let unhealthy = |container: &&StoppedContainer| container.health == "UNHEALTHY";
        let failed =
            |container: &&StoppedContainer| container.exit_code.is_some_and(|code| code != 0);
        let told = |container: &&StoppedContainer| !container.reason.is_empty();
        let mut containers = self.containers.iter();
        if self.failed_health_checks() {
            return containers
                .find(unhealthy)
                .or_else(|| self.containers.first());
        }
        containers
            .find(failed)
            .or_else(|| self.containers.iter().find(told))
            .or_else(|| {
                self.containers
                    .iter()
                    .find(|container| container.exit_code.is_some())
            })
            .or_else(|| self.containers.first())
    }

    /// Why the task stopped, as a person would say it.
    pub fn cause(&self) -> String {
        if self.stop_code == "TaskFailedToStart" || self.failed_health_checks() {
            return self.reason_told();
        }
        match self.culprit() {
            Some(container) if container.exit_code.is_some() => container.exit(),
            _ => self.reason_told(),
        }
    }

    /// What ECS says of the stop.
    pub fn reason_told(&self) -> String {
        let told = self
            .containers
            .iter()
            .map(|container| &container.reason)
            .find(|reason| !reason.is_empty());
        match (self.reason.as_str(), told) {
            ("", Some(reason)) => reason.clone(),
            ("", None) => "the task stopped and ECS gave no reason".into(),
            (reason, Some(detail)) if !reason.contains(detail.as_str()) => {
                format!("{reason} ({detail})")
            }
            (reason, _) => reason.to_owned(),
        }
    }
}

impl StoppedContainer {
    /// How it ended: its exit code, and what is known of it.
    pub fn exit(&self) -> String {
        let Self { name, reason, .. } = self;
        let Some(code) = self.exit_code else {
            return format!("container {name} never ran");
        };
        let why = if reason.is_empty() {
            exit_hint(code)
        } else {
            reason
        };
        let why = if why.is_empty() {
            String::new()
        } else {
            format!(" ({why})")
        };
        format!("container {name} exited with code {code}{why}")
    }

    fn parse(value: &Value) -> Self {
        Self {
            name: text(value, "name").to_owned(),
            exit_code: value.get("exitCode").and_then(Value::as_i64),
            reason: text(value, "reason").to_owned(),
            health: text(value, "healthStatus").to_owned(),
        }
    }
}

/// What an exit code alone says, by the conventions of shells and container runtimes.
const fn exit_hint(code: i64) -> &'static str {
    match code {
        0 => "it ended by itself; a service's container must keep running",
        126 => "the command is not executable",
        127 => "the command was not found in the image",
        134 => "aborted, SIGABRT",
        137 => "killed, SIGKILL: out of memory, or it did not stop in time",
        139 => "crashed, SIGSEGV",
        143 => "stopped, SIGTERM",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::StoppedTask;

    fn stopped(code: &str, reason: &str, container: &Value) -> StoppedTask {
        StoppedTask::parse(
            &json!({"stopCode": code, "stoppedReason": reason, "containers": [container]}),
        )
    }

    #[test]
    fn an_exit_names_container_code_and_reason() {
        let container = json!({"name": "web", "exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"});
        let task = stopped(
            "EssentialContainerExited",
            "Essential container in task exited",
            &container,
        );
        assert!(task.stopped_by_itself());
        assert_eq!(
            task.cause(),
            "container web exited with code 137 (OutOfMemoryError: Container killed due to memory usage)"
        );
    }

    #[test]
    fn a_bare_exit_code_gets_a_hint() {
        let task = stopped(
            "EssentialContainerExited",
            "Essential container in task exited",
            &json!({"name": "web", "exitCode": 0}),
        );
        assert_eq!(
            task.cause(),
            "container web exited with code 0 (it ended by itself; a service's container must keep running)"
        );
        let task = stopped(
            "EssentialContainerExited",
            "",
            &json!({"name": "web", "exitCode": 1}),
        );
        assert_eq!(task.cause(), "container web exited with code 1");
    }

    #[test]
    fn a_task_that_could_not_start_gives_ecs_reason() {
        let pull = "CannotPullContainerError: pull image manifest has been retried 5 time(s)";
        let task = stopped(
            "TaskFailedToStart",
            pull,
            &json!({"name": "web", "reason": pull}),
        );
        assert!(task.stopped_by_itself());
        assert_eq!(task.cause(), pull);
    }

    #[test]
    fn health_checks_count_and_scaling_does_not() {
        let unhealthy = stopped(
            "ServiceSchedulerInitiated",
            "Task failed ELB health checks in (target-group tg)",
            &json!({"name": "web"}),
        );
        assert!(unhealthy.stopped_by_itself());
        assert_eq!(
            unhealthy.cause(),
            "Task failed ELB health checks in (target-group tg)"
        );
        for (code, reason) in [
            (
                "ServiceSchedulerInitiated",
                "Scaling activity initiated by (deployment ecs-svc/1)",
            ),
            ("UserInitiated", "Task stopped by user"),
            ("SpotInterruption", "Your Spot Task was interrupted."),
        ] {
            assert!(
                !stopped(code, reason, &json!({"name": "web", "exitCode": 143}))
                    .stopped_by_itself(),
                "{code}"
            );
        }
    }
}
