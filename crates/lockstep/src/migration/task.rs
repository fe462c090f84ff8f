//! A one-shot task: whether it is over, and what came of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ecs::StoppedTask;

/// A task as `DescribeTasks` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneShotTask {
    /// Who started it.
    pub started_by: String,
    /// `PROVISIONING` to `STOPPED`.
    pub status: String,
    /// When its containers began to run.
    pub started_at: Option<String>,
    /// How it stopped, once it did; its ARN and containers before.
    pub stopped: StoppedTask,
}

/// How a task or a build ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskEnd {
    /// The ARN of the task, or the id of the build.
    pub task: String,
    /// Whether the command ended by itself with exit code 0, or the build succeeded.
    pub succeeded: bool,
    /// Whether a command began to run.
    pub ran: bool,
    /// Whether the command ended by itself, so that how it ended says something of the release.
    #[serde(default)]
    pub by_itself: bool,
    /// Why it ended, as a person would say it.
    pub cause: String,
    /// The last lines of its log.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub log: String,
    /// Where to read on, where that is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub link: String,
}

impl OneShotTask {
    /// Reads one item of `DescribeTasks.tasks`.
    pub fn parse(value: &Value) -> Self {
        let text = |key: &str| {
            value
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let started = value.get("startedAt").filter(|it| !it.is_null());
        Self {
            started_by: text("startedBy"),
            status: text("lastStatus"),
            started_at: started.map(Value::to_string),
            stopped: StoppedTask::parse(value),
        }
    }

    /// The ARN.
    pub fn arn(&self) -> &str {
        &self.stopped.arn
    }

    /// When it stopped.
    pub fn stopped_at(&self) -> Option<Timestamp> {
        self.stopped.stopped_at
    }

    /// Whether it stopped.
    pub fn is_over(&self) -> bool {
        self.status == "STOPPED"
    }

    /// What became of the command of a container. A command that was told to stop and then ends
    /// with 0 did not succeed: nobody knows how far it came.
    pub fn end(&self, container: &str) -> TaskEnd {
        let mut containers = self.stopped.containers.iter();
        let ours = containers.find(|it| it.name == container);
        let code = ours.and_then(|it| it.exit_code);
        let code_of_stop = self.stopped.stop_code.as_str();
        let by_itself = matches!(code_of_stop, "EssentialContainerExited" | "");
        let cause = match (ours, code) {
            (_, Some(0)) if by_itself => format!("container {container} exited with code 0"),
            (Some(ours), Some(_)) if by_itself => ours.exit(),
            _ => self.stopped.reason_told(),
        };
        TaskEnd {
            task: self.arn().to_owned(),
            succeeded: code == Some(0) && by_itself,
            ran: self.started_at.is_some() || code.is_some(),
            by_itself: by_itself && code.is_some(),
            cause,
            log: String::new(),
            link: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::OneShotTask;

    fn task(status: &str, code: &str, reason: &str, exit: &Value) -> OneShotTask {
        OneShotTask::parse(&json!({
            "taskArn": "arn:aws:ecs:eu-west-1:1:task/shop/0123", "startedBy": "lockstep/d/schema/expand",
            "lastStatus": status, "stopCode": code, "stoppedReason": reason, "startedAt": 1.5,
            "containers": [{"name": "sql", "exitCode": 137}, {"name": "api", "exitCode": exit}],
        }))
    }

    #[test]
    fn the_exit_code_of_the_named_container_decides() {
        let done = task("STOPPED", "EssentialContainerExited", "", &json!(0));
        assert!(done.is_over() && done.end("api").succeeded);
        let failed = task("STOPPED", "EssentialContainerExited", "", &json!(3));
        let end = failed.end("api");
        assert!(!end.succeeded && end.ran);
        assert_eq!(end.cause, "container api exited with code 3");
    }

    #[test]
    fn a_command_that_was_stopped_did_not_succeed() {
        let stopped = task("STOPPED", "UserInitiated", "by hand", &json!(0)).end("api");
        assert!(!stopped.succeeded && stopped.ran);
        assert_eq!(stopped.cause, "by hand");
    }

    #[test]
    fn a_task_that_never_started_says_why() {
        let pull = "CannotPullContainerError: not found";
        let mut value = task("STOPPED", "TaskFailedToStart", pull, &Value::Null);
        value.started_at = None;
        let end = value.end("api");
        assert!(!end.succeeded && !end.ran);
        assert_eq!(end.cause, pull);
        assert!(!task("RUNNING", "", "", &Value::Null).is_over());
    }
}
