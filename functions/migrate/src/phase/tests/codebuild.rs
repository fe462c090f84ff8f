//! A small CodeBuild: builds that end when they are told to, and their logs.

use std::sync::{Arc, Mutex, MutexGuard};

use aws_smithy_http_client::test_util::infallible_client_fn;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use aws_types::region::Region;
use lockstep_codebuild::CodeBuild;
use serde_json::{Value, json};

use super::ecs::Fault;

#[derive(Clone, Default)]
pub(super) struct FakeCodeBuild(Arc<Mutex<State>>);

#[derive(Default)]
pub(super) struct State {
    pub(super) builds: Vec<Value>,
    /// The operations, in order.
    pub(super) asked: Vec<String>,
    /// The call, by its number from 0, that fails.
    pub(super) fault: Option<(usize, Fault)>,
    /// Whether no more builds are taken.
    pub(super) full: bool,
    /// What the logs end with.
    pub(super) says: &'static str,
}

impl FakeCodeBuild {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// The only running build ends, in this phase.
    pub(super) fn end(&self, status: &str, phase: &str) {
        let mut state = self.state();
        let mut running = state
            .builds
            .iter_mut()
            .filter(|it| it["buildStatus"] == "IN_PROGRESS");
        end(running.next().unwrap(), status, phase);
    }

    /// What the builds were told to do, in order.
    pub(super) fn verbs(&self) -> Vec<String> {
        let state = self.state();
        let verb = |build: &Value| variable(build, "LOCKSTEP_MIGRATION");
        state.builds.iter().map(verb).collect()
    }

    pub(super) fn client(&self) -> CodeBuild {
        let this = self.clone();
        let http = infallible_client_fn(move |request: http::Request<SdkBody>| {
            let target = request.headers()["x-amz-target"].to_str().unwrap();
            let operation = target.rsplit('.').next().unwrap().to_owned();
            let body = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
            let (status, answer) = this.state().call(&operation, &body);
            let response = http::Response::builder().status(status);
            response.body(SdkBody::from(answer.to_string())).unwrap()
        });
        let config = SdkConfig::builder()
            .behavior_version(aws_sdk_ecs::config::BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(aws_sdk_ecs::config::SharedCredentialsProvider::new(
                aws_sdk_ecs::config::Credentials::for_tests(),
            ))
            .retry_config(aws_sdk_ecs::config::retry::RetryConfig::disabled())
            .http_client(http)
            .build();
        CodeBuild::new(&config)
    }
}

impl State {
    fn call(&mut self, operation: &str, body: &Value) -> (u16, Value) {
        let number = self.asked.len();
        self.asked.push(operation.to_owned());
        let fault = self.fault.filter(|(at, _)| *at == number);
        let fails = (500, json!({"__type": "InternalFailure"}));
        if matches!(fault, Some((_, Fault::Before))) {
            return fails;
        }
        let answer = self.act(operation, body);
        if fault.is_some() { fails } else { answer }
    }

    fn act(&mut self, operation: &str, body: &Value) -> (u16, Value) {
        match operation {
            "StartBuild" if self.full => (
                400,
                json!({"__type": "AccountLimitExceededException", "message": "Cannot have more than 1 builds."}),
            ),
            "StartBuild" => {
                let token = &body["idempotencyToken"];
                if let Some(known) = self.builds.iter().find(|it| it["token"] == *token) {
                    return (200, json!({"build": known}));
                }
                let id = format!("shop-migrate:{}", self.builds.len());
                self.builds.push(json!({
                    "id": id, "projectName": "shop-migrate", "buildStatus": "IN_PROGRESS", "currentPhase": "BUILD",
                    "startTime": jiff::Timestamp::now().as_second(), "token": token,
                    "environment": {
                        "type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL",
                        "environmentVariables": body["environmentVariablesOverride"],
                    },
                    "logs": {"groupName": "g", "streamName": "s", "deepLink": "https://console"},
                }));
                (200, json!({"build": self.builds.last()}))
            }
            "ListBuildsForProject" => {
                let ids: Vec<_> = self.builds.iter().rev().map(|it| &it["id"]).collect();
                (200, json!({"ids": ids}))
            }
            "BatchGetBuilds" => {
                let ids = body["ids"].as_array().unwrap();
                let found = self.builds.iter().filter(|it| ids.contains(&it["id"]));
                (200, json!({"builds": found.collect::<Vec<_>>()}))
            }
            "StopBuild" => {
                let mut builds = self.builds.iter_mut();
                let build = builds.find(|it| it["id"] == body["id"]).unwrap();
                if build["buildStatus"] == "IN_PROGRESS" {
                    end(build, "STOPPED", "BUILD");
                }
                (200, json!({"build": build}))
            }
            "GetLogEvents" => (
                200,
                json!({"events": [{"timestamp": 1, "message": self.says}]}),
            ),
            other => unreachable!("{other}"),
        }
    }
}

fn end(build: &mut Value, status: &str, phase: &str) {
    build["buildStatus"] = status.into();
    build["buildComplete"] = true.into();
    build["currentPhase"] = "COMPLETED".into();
    build["endTime"] = (jiff::Timestamp::now().as_second() - 60).into();
    build["phases"] = json!([{"phaseType": phase, "phaseStatus": status}]);
}

pub(super) fn variable(build: &Value, wanted: &str) -> String {
    let variables = build["environment"]["environmentVariables"].as_array();
    let mut variables = variables.into_iter().flatten();
    let found = variables.find(|it| it["name"] == wanted).unwrap();
    found["value"].as_str().unwrap().to_owned()
}
