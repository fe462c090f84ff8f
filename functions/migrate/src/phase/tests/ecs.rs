//! A small ECS: one family, and tasks that end when they are told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use aws_sdk_ecs::Client;
use aws_sdk_ecs::config::{BehaviorVersion, Config, Credentials, Region};
use aws_smithy_http_client::test_util::infallible_client_fn;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing happened.
    Before,
    /// It happened, and the answer was lost.
    Lost,
}

#[derive(Clone, Default)]
pub(super) struct FakeEcs(Arc<Mutex<State>>);

#[derive(Default)]
pub(super) struct State {
    pub(super) revisions: Vec<Value>,
    pub(super) tasks: Vec<Value>,
    /// Stopped tasks are shown for an hour.
    pub(super) forgets: bool,
    tokens: BTreeMap<String, usize>,
    pub(super) asked: Vec<String>,
    /// The call, by its number from 0, that fails.
    pub(super) fault: Option<(usize, Fault)>,
}

impl FakeEcs {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// The only running task ends by itself.
    pub(super) fn end(&self, code: i64) {
        let mut state = self.state();
        let mut running = state
            .tasks
            .iter_mut()
            .filter(|it| it["lastStatus"] == "RUNNING");
        let task = running.next().unwrap();
        stop(
            task,
            "EssentialContainerExited",
            "Essential container in task exited",
        );
        task["containers"][0]["exitCode"] = code.into();
    }

    pub(super) fn commands(&self) -> Vec<String> {
        let state = self.state();
        let text = |task: &Value| task["command"].as_str().unwrap().to_owned();
        state.tasks.iter().map(text).collect()
    }

    pub(super) fn client(&self) -> Client {
        let this = self.clone();
        let http = infallible_client_fn(move |request: http::Request<SdkBody>| {
            let target = request.headers()["x-amz-target"].to_str().unwrap();
            let operation = target.rsplit('.').next().unwrap().to_owned();
            let body = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
            let (status, answer) = this.state().call(&operation, &body);
            http::Response::builder()
                .status(status)
                .body(SdkBody::from(answer.to_string()))
                .unwrap()
        });
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::for_tests())
            .retry_config(aws_sdk_ecs::config::retry::RetryConfig::disabled())
            .http_client(http);
        Client::from_conf(config.build())
    }
}

impl State {
    fn call(&mut self, operation: &str, body: &Value) -> (u16, Value) {
        let number = self.asked.len();
        self.asked.push(operation.to_owned());
        let fault = self.fault.filter(|(at, _)| *at == number).map(|it| it.1);
        let failed = (
            500,
            json!({"__type": "ServerException", "message": "later"}),
        );
        if fault == Some(Fault::Before) {
            return failed;
        }
        let answer = self.answer(operation, body);
        if fault == Some(Fault::Lost) {
            failed
        } else {
            answer
        }
    }

    fn answer(&mut self, operation: &str, body: &Value) -> (u16, Value) {
        match operation {
            "DescribeTaskDefinition" => self.revision(body["taskDefinition"].as_str().unwrap()),
            "RegisterTaskDefinition" => {
                let number = self.revisions.len() + 1;
                let mut registered = body.clone();
                registered["taskDefinitionArn"] = format!(
                    "arn:aws:ecs:eu-west-1:1:task-definition/api-migration-schema:{number}"
                )
                .into();
                self.revisions.push(registered);
                self.revision(&format!("api-migration-schema:{number}"))
            }
            "RunTask" => self.run(body),
            "StopTask" => {
                let arn = body["task"].as_str().unwrap();
                let task = self.tasks.iter_mut().find(|it| it["taskArn"] == arn);
                let task = task.unwrap();
                if task["lastStatus"] != "STOPPED" {
                    stop(task, "UserInitiated", body["reason"].as_str().unwrap());
                    task["containers"][0]["exitCode"] = 0.into();
                }
                (200, json!({"task": task}))
            }
            "ListTasks" => {
                let wanted = body["desiredStatus"].as_str().unwrap();
                let listed = self
                    .shown()
                    .into_iter()
                    .filter(|task| (task["lastStatus"] == "STOPPED") == (wanted == "STOPPED"));
                let arns: Vec<_> = listed.map(|task| task["taskArn"].clone()).collect();
                (200, json!({"taskArns": arns}))
            }
            "DescribeTasks" => {
                let arns = body["tasks"].as_array().unwrap();
                let tasks = self.shown().into_iter();
                let tasks: Vec<_> = tasks.filter(|it| arns.contains(&it["taskArn"])).collect();
                (200, json!({"tasks": tasks, "failures": []}))
            }
            other => unreachable!("{other}"),
        }
    }

    fn shown(&self) -> Vec<Value> {
        if self.forgets {
            Vec::new()
        } else {
            self.tasks.clone()
        }
    }

    fn revision(&self, reference: &str) -> (u16, Value) {
        let number = reference.rsplit_once(':').map(|(_, number)| number);
        let number = number.map_or(self.revisions.len(), |it| it.parse().unwrap());
        let found = number.checked_sub(1).and_then(|it| self.revisions.get(it));
        match found {
            Some(found) => (200, json!({"taskDefinition": found, "tags": found["tags"]})),
            None => (
                400,
                json!({"__type": "ClientException", "message": "Unable to describe task definition."}),
            ),
        }
    }

    fn run(&mut self, body: &Value) -> (u16, Value) {
        let token = body["clientToken"].as_str().unwrap().to_owned();
        let number = *self.tokens.entry(token).or_insert(self.tasks.len());
        if number == self.tasks.len() {
            let container = &body["overrides"]["containerOverrides"][0];
            let words = container["command"].as_array().unwrap();
            let words: Vec<_> = words.iter().map(|it| it.as_str().unwrap()).collect();
            self.tasks.push(json!({
                "taskArn": format!("arn:aws:ecs:eu-west-1:1:task/shop/{number:04}"),
                "startedBy": body["startedBy"], "lastStatus": "RUNNING", "startedAt": 1.5,
                "containers": [{"name": "api"}], "command": words.join(" "),
            }));
        }
        (200, json!({"tasks": [self.tasks[number]], "failures": []}))
    }
}

fn stop(task: &mut Value, code: &str, reason: &str) {
    task["lastStatus"] = "STOPPED".into();
    task["stopCode"] = code.into();
    task["stoppedReason"] = reason.into();
    task["stoppedAt"] = 1.6e9.into();
}
