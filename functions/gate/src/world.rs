//! A CodeBuild and a ledger in memory, for tests. Every call can fail.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_sdk_codebuild::config::retry::RetryConfig;
use aws_sdk_codebuild::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_smithy_http_client::test_util::infallible_client_fn;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use lockstep_codebuild::CodeBuild;
use lockstep_ledger::Ledger;
use serde_json::{Value, json};

use crate::phase::GatePhase;

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing was done.
    BeforeActing,
    /// It was done, and nobody hears of it.
    AfterActing,
}

/// What there is.
#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    /// The builds, as CodeBuild shows them, newest last.
    pub(crate) builds: Arc<Mutex<Vec<Value>>>,
    /// The items of the ledger, by their keys.
    pub(crate) items: Arc<Mutex<BTreeMap<String, Value>>>,
    /// Operations on CodeBuild, in order.
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
    /// How many calls were made.
    pub(crate) calls: Arc<Mutex<usize>>,
    /// What becomes of the call of this number.
    pub(crate) fault: Arc<Mutex<Option<(usize, Fault)>>>,
    /// How a build has ended when it is looked at again; `None`: it goes on.
    pub(crate) ends: Arc<Mutex<Option<&'static str>>>,
    /// Nothing is taken: the queue is full.
    pub(crate) full: bool,
    /// Nothing may be stopped.
    pub(crate) denied: bool,
}

impl World {
    pub(crate) fn phase(&self) -> GatePhase {
        let config = self.config();
        let client = aws_sdk_dynamodb::Client::new(&config);
        GatePhase::new(CodeBuild::new(&config), Ledger::new(client, "ledger"))
    }

    fn config(&self) -> SdkConfig {
        let world = self.clone();
        let http = infallible_client_fn(move |request: http::Request<SdkBody>| {
            let (status, body) = world.answer(&request);
            let response = http::Response::builder().status(status);
            response.body(SdkBody::from(body)).unwrap()
        });
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
            .endpoint_url("http://localhost")
            .retry_config(RetryConfig::disabled())
            .http_client(http)
            .build()
    }

    /// Counts calls from now on, and has one of them fail.
    pub(crate) fn inject(&self, fault: Option<(usize, Fault)>) {
        *self.fault.lock().unwrap() = fault;
        *self.calls.lock().unwrap() = 0;
    }

    /// How many builds there are.
    pub(crate) fn started(&self) -> usize {
        self.builds.lock().unwrap().len()
    }

    /// How a build is.
    pub(crate) fn status(&self, number: usize) -> String {
        let builds = self.builds.lock().unwrap();
        builds[number]["buildStatus"].as_str().unwrap().to_owned()
    }

    /// What is known of the ledger's runs happened a minute ago.
    pub(crate) fn a_minute_later(&self) {
        let then = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(1);
        for item in self.items.lock().unwrap().values_mut() {
            for field in ["begun_at", "closed"] {
                if item.get(field).is_some() {
                    item[field] = json!({"S": then.to_string()});
                }
            }
        }
    }

    fn answer(&self, request: &http::Request<SdkBody>) -> (u16, String) {
        let number = {
            let mut calls = self.calls.lock().unwrap();
            *calls += 1;
            *calls - 1
        };
        let fault = *self.fault.lock().unwrap();
        let fault = fault.filter(|(at, _)| *at == number);
        let fails = (500, r#"{"__type": "InternalFailure"}"#.to_owned());
        if fault.is_some_and(|(_, it)| it == Fault::BeforeActing) {
            return fails;
        }
        let answer = self.act(request);
        if fault.is_some() { fails } else { answer }
    }

    fn act(&self, request: &http::Request<SdkBody>) -> (u16, String) {
        let target = request.headers().get("x-amz-target").unwrap();
        let (service, operation) = target.to_str().unwrap().split_once('.').unwrap();
        let body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        if service.starts_with("DynamoDB") {
            return self.item(operation, &body);
        }
        self.asked.lock().unwrap().push(operation.to_owned());
        self.service(operation, &body)
    }

    /// As much of DynamoDB as runs need.
    fn item(&self, operation: &str, body: &Value) -> (u16, String) {
        let mut items = self.items.lock().unwrap();
        let key = |it: &Value| format!("{} {}", it["pk"]["S"], it["sk"]["S"]);
        if operation == "GetItem" {
            let found = items.get(&key(&body["Key"]));
            let answer = found.map_or_else(|| json!({}), |item| json!({"Item": item}));
            return (200, answer.to_string());
        }
        let update = &body["TransactItems"][0]["Update"];
        let item = items.entry(key(&update["Key"])).or_insert_with(|| {
            let mut item = update["Key"].clone();
            item["kind"] = json!({"S": "run"});
            item
        });
        let condition = update["ConditionExpression"].as_str().unwrap_or_default();
        if condition.contains("closed") && item.get("closed").is_some() {
            let reasons = json!([{"Code": "ConditionalCheckFailed", "Item": item}]);
            let error =
                json!({"__type": "TransactionCanceledException", "CancellationReasons": reasons});
            return (400, error.to_string());
        }
        let expression = update["UpdateExpression"].as_str().unwrap();
        let field = if expression.contains("begun_at") {
            "begun_at"
        } else {
            "closed"
        };
        if item.get(field).is_none() {
            item[field] = update["ExpressionAttributeValues"][":now"].clone();
        }
        (200, "{}".to_owned())
    }

    fn service(&self, operation: &str, body: &Value) -> (u16, String) {
        let mut builds = self.builds.lock().unwrap();
        let answer = match operation {
            "StartBuild" if self.full => {
                let error = json!({"__type": "AccountLimitExceededException", "message": "1 build in the queue."});
                return (400, error.to_string());
            }
            "StopBuild" if self.denied => {
                let error = json!({"__type": "AccessDeniedException", "message": "not authorized"});
                return (400, error.to_string());
            }
            "StartBuild" => {
                let token = &body["idempotencyToken"];
                if !builds.iter().any(|it| it["token"] == *token) {
                    let number = builds.len();
                    builds.push(build(number, body));
                }
                json!({"build": builds.last()})
            }
            "StopBuild" => {
                let build = builds.iter_mut().find(|it| it["id"] == body["id"]).unwrap();
                build["buildStatus"] = json!("STOPPED");
                build["currentPhase"] = json!("COMPLETED");
                build["endTime"] = json!(jiff::Timestamp::now().as_second());
                json!({"build": build})
            }
            "ListBuildsForProject" => {
                let ids: Vec<_> = builds.iter().rev().map(|it| it["id"].clone()).collect();
                json!({"ids": ids})
            }
            "BatchGetBuilds" => {
                let shown = builds.clone();
                if let Some(status) = *self.ends.lock().unwrap() {
                    for build in builds
                        .iter_mut()
                        .filter(|it| it["buildStatus"] == "IN_PROGRESS")
                    {
                        build["buildStatus"] = json!(status);
                        build["currentPhase"] = json!("COMPLETED");
                        build["phases"] = json!([{"phaseType": "BUILD", "phaseStatus": status}]);
                    }
                }
                json!({"builds": shown})
            }
            "GetLogEvents" => json!({"events": [{"timestamp": 1, "message": "1 test failed"}]}),
            _ => unreachable!("{operation}"),
        };
        (200, answer.to_string())
    }
}

/// A build that began just now, as CodeBuild shows it.
fn build(number: usize, asked: &Value) -> Value {
    let project = asked["projectName"].as_str().unwrap();
    let arn = format!("arn:aws:codebuild:eu-west-1:111122223333:build/{project}:{number}");
    json!({
        "id": format!("{project}:{number}"), "arn": arn, "projectName": project, "token": asked["idempotencyToken"],
        "buildStatus": "IN_PROGRESS", "currentPhase": "QUEUED", "startTime": jiff::Timestamp::now().as_second(),
        "environment": {
            "type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL",
            "environmentVariables": asked["environmentVariablesOverride"],
        },
        "reportArns": [format!("arn:aws:codebuild:eu-west-1:111122223333:report/{project}-unit:{number}")],
        "logs": {"groupName": "g", "streamName": "s", "deepLink": "https://log"},
    })
}
