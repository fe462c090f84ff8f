//! A CodeBuild with its log, a bucket and a ledger in memory, for tests. Every call can fail.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, SharedCredentialsProvider};
use aws_smithy_http_client::test_util::infallible_client_fn;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use aws_types::region::Region;
use lockstep::DeploymentId;
use lockstep::build::{
    Applied, BuildRecord, BuildStep, Projects, Source, Variable, Work, source_key,
};
use lockstep_codebuild::CodeBuild;
use lockstep_ledger::Ledger;
use serde_json::{Value, json};

use crate::builds::Builds;
use crate::phase::BuildPhase;
use crate::store::Store;

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
    /// The objects of all buckets, by `/bucket/key`.
    pub(crate) objects: Arc<Mutex<BTreeMap<String, String>>>,
    /// The items of the ledger, by their keys.
    pub(crate) items: Arc<Mutex<BTreeMap<String, Value>>>,
    /// Operations on CodeBuild with their bodies, in order.
    pub(crate) asked: Arc<Mutex<Vec<(String, Value)>>>,
    /// How many calls were made.
    pub(crate) calls: Arc<Mutex<usize>>,
    /// What becomes of the call of this number.
    pub(crate) fault: Arc<Mutex<Option<(usize, Fault)>>>,
    /// The builds of this name fail.
    pub(crate) failing: Arc<Mutex<Option<&'static str>>>,
    /// What plan builds say.
    pub(crate) changes: &'static str,
    /// A build is not listed before it was looked for so often.
    pub(crate) unseen: usize,
}

impl World {
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

    pub(crate) fn parts(&self) -> (Builds, Store) {
        let config = self.config();
        let builds = Builds::new(CodeBuild::new(&config));
        (builds, Store::new(&config, "releases".to_owned()))
    }

    pub(crate) fn phase(&self) -> BuildPhase {
        let (builds, store) = self.parts();
        let client = aws_sdk_dynamodb::Client::new(&self.config());
        BuildPhase::new(Ledger::new(client, "ledger"), builds, store)
    }

    /// Forgets everything that happened.
    pub(crate) fn reset(&self) {
        self.inject(None);
        *self.failing.lock().unwrap() = None;
        self.builds.lock().unwrap().clear();
        self.objects.lock().unwrap().clear();
        self.items.lock().unwrap().clear();
        self.asked.lock().unwrap().clear();
    }

    /// Counts calls from now on, and has one of them fail.
    pub(crate) fn inject(&self, fault: Option<(usize, Fault)>) {
        *self.fault.lock().unwrap() = fault;
        *self.calls.lock().unwrap() = 0;
    }

    /// The names of the builds that were started, in order.
    pub(crate) fn started(&self) -> Vec<String> {
        let builds = self.builds.lock().unwrap();
        builds.iter().map(|it| name(it).to_owned()).collect()
    }

    pub(crate) fn put(&self, key: &str, text: &str) {
        let key = format!("/releases/{key}");
        self.objects.lock().unwrap().insert(key, text.to_owned());
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
        let body = request.body().bytes().unwrap_or_default();
        let Some(target) = request.headers().get("x-amz-target") else {
            return self.object(request, body);
        };
        let (service, operation) = target.to_str().unwrap().split_once('.').unwrap();
        let body: Value = serde_json::from_slice(body).unwrap();
        if service.starts_with("DynamoDB") {
            return self.item(operation, &body);
        }
        let answer = self.service(operation, &body);
        self.asked
            .lock()
            .unwrap()
            .push((operation.to_owned(), body));
        (200, answer.to_string())
    }

    /// As much of DynamoDB as a record needs: reading it, and writing it in place of another one.
    fn item(&self, operation: &str, body: &Value) -> (u16, String) {
        let mut items = self.items.lock().unwrap();
        let key = |it: &Value| format!("{} {}", it["pk"]["S"], it["sk"]["S"]);
        if operation == "GetItem" {
            let found = items.get(&key(&body["Key"]));
            let answer = found.map_or_else(|| json!({}), |item| json!({"Item": item}));
            return (200, answer.to_string());
        }
        let put = &body["TransactItems"][1]["Put"];
        let known = items
            .get(&key(&put["Item"]))
            .map(|it| it["body"]["S"].clone());
        let values = &put["ExpressionAttributeValues"];
        let fits = match &known {
            None => put["ConditionExpression"]
                .to_string()
                .contains("not_exists"),
            Some(known) => [&values[":known"]["S"], &values[":wanted"]["S"]].contains(&known),
        };
        if !fits {
            let reasons = json!([{"Code": "None"}, {"Code": "ConditionalCheckFailed", "Item": {}}]);
            let error =
                json!({"__type": "TransactionCanceledException", "CancellationReasons": reasons});
            return (400, error.to_string());
        }
        items.insert(key(&put["Item"]), put["Item"].clone());
        (200, "{}".to_owned())
    }

    fn service(&self, operation: &str, body: &Value) -> Value {
        let mut builds = self.builds.lock().unwrap();
        match operation {
            "StartBuild" => {
                let project = body["projectName"].as_str().unwrap();
                let token = &body["idempotencyToken"];
                if let Some(known) = builds.iter().find(|it| it["token"] == *token) {
                    return json!({"build": known});
                }
                let variables = body["environmentVariablesOverride"].clone();
                let id = format!("{project}:{}", builds.len());
                let mut build = build(&id, project, &variables);
                build["token"] = token.clone();
                build["unseen"] = json!(self.unseen);
                builds.push(build);
                json!({"build": builds.last()})
            }
            "ListBuildsForProject" => {
                let mut ids = Vec::new();
                let of_it = builds.iter_mut().rev();
                for it in of_it.filter(|it| it["projectName"] == body["projectName"]) {
                    match it["unseen"].as_u64().unwrap() {
                        0 => ids.push(it["id"].clone()),
                        left => it["unseen"] = json!(left - 1),
                    }
                }
                json!({"ids": ids})
            }
            "BatchGetBuilds" => {
                let ids = body["ids"].as_array().unwrap();
                let found = builds.iter_mut().filter(|it| ids.contains(&it["id"]));
                let mut shown = Vec::new();
                for build in found {
                    shown.push(build.clone());
                    self.proceed(build);
                }
                json!({"builds": shown})
            }
            "GetLogEvents" => json!({"events": [{"timestamp": 1, "message": "no such class"}]}),
            _ => unreachable!("{operation}"),
        }
    }

    /// A build that was seen at work has ended when it is looked at again, and left what it should.
    fn proceed(&self, build: &mut Value) {
        if build["buildStatus"] != "IN_PROGRESS" || self.changes.is_empty() {
            return;
        }
        let named = name(build).to_owned();
        let variables = build["environment"]["environmentVariables"].as_array();
        let mut variables = variables.into_iter().flatten();
        let work = variables.find(|it| it["name"] == "LOCKSTEP_WORK").unwrap();
        let place = work["value"].as_str().unwrap().replace("s3:/", "");
        let failing = *self.failing.lock().unwrap();
        let has_failed = failing.is_some_and(|it| named.contains(it));
        let status = if has_failed { "FAILED" } else { "SUCCEEDED" };
        build["currentPhase"] = json!("COMPLETED");
        build["buildStatus"] = json!(status);
        build["phases"] = json!([{"phaseType": "BUILD", "phaseStatus": status}]);
        let mut objects = self.objects.lock().unwrap();
        if named.contains("-plan-") {
            objects.insert(format!("{place}/changes.json"), self.changes.to_owned());
        } else if !has_failed {
            let outputs = format!(r#"{{"by": "{named}"}}"#);
            objects.insert(format!("{place}/outputs.json"), outputs);
        }
    }

    fn object(&self, request: &http::Request<SdkBody>, body: &[u8]) -> (u16, String) {
        let mut objects = self.objects.lock().unwrap();
        let key = request.uri().path().to_owned();
        if request.method() == http::Method::PUT {
            let copied = request.headers().get("x-amz-copy-source");
            let text = match copied {
                Some(from) => format!("copy of {}", from.to_str().unwrap()),
                None => String::from_utf8(body.to_vec()).unwrap(),
            };
            objects.insert(key, text);
            return (200, "<CopyObjectResult/>".to_owned());
        }
        match objects.get(&key) {
            Some(text) => (200, text.clone()),
            None => (404, String::new()),
        }
    }
}

/// What a build's `LOCKSTEP_BUILD` says.
fn name(build: &Value) -> &str {
    let variables = build["environment"]["environmentVariables"].as_array();
    let mut variables = variables.into_iter().flatten();
    let found = variables.find(|it| it["name"] == "LOCKSTEP_BUILD");
    found.unwrap()["value"].as_str().unwrap()
}

/// A build as CodeBuild shows it.
fn build(id: &str, project: &str, variables: &Value) -> Value {
    json!({
        "id": id, "projectName": project, "buildStatus": "IN_PROGRESS", "currentPhase": "QUEUED",
        "startTime": 1_763_719_200,
        "environment": {
            "type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL",
            "environmentVariables": variables,
        },
        "logs": {"groupName": "g", "streamName": "s", "deepLink": "https://console"},
    })
}

pub(crate) fn source(sha256: &str) -> Source {
    Source {
        bucket: "releases".into(),
        key: source_key("shop", sha256),
        sha256: sha256.into(),
    }
}

/// A step that changes what was applied before.
pub(crate) fn step() -> BuildStep {
    let id = DeploymentId::parse("01JD5Q6Z8G0000000000000000").unwrap();
    BuildStep {
        application: "shop".into(),
        environment: "production".into(),
        component: "platform".into(),
        project: Projects {
            plan: "shop-plan".into(),
            apply: "shop-apply".into(),
        },
        source: source("bb"),
        variables: [("size".to_owned(), Variable::Text("large".into()))].into(),
        work: Work::of("releases", "shop", "production", &id, "platform"),
        planned: None,
        before: BuildRecord {
            applied: Some(Applied {
                source: source("aa"),
                project: Projects {
                    plan: "shop-old".into(),
                    apply: "shop-old".into(),
                },
                variables: [("size".to_owned(), "small".to_owned())].into(),
                outputs: [("url".to_owned(), "old".to_owned())].into(),
                deployment: id.clone(),
            }),
            begun: None,
        },
        approved: [].into(),
        timeout_minutes: 60,
        deadline_seconds: 11_400,
        deployment: id,
    }
}
