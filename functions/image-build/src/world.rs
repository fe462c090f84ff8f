//! A CodeBuild, an ECR and a ledger in memory, for tests. Every call can fail.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_sdk_codebuild::config::retry::RetryConfig;
use aws_sdk_codebuild::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_smithy_http_client::test_util::infallible_client_fn;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use lockstep::manifest::Manifest;
use lockstep_codebuild::CodeBuild;
use lockstep_ledger::Ledger;
use serde_json::{Value, json};

use crate::images::Images;
use crate::phase::BuildPhase;
use crate::planner::Planner;

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
    /// The tags of the only image that there may be; none where there is no image.
    pub(crate) tags: Arc<Mutex<Vec<String>>>,
    /// A build that succeeds pushes nothing.
    pub(crate) idle: bool,
    /// A tag that another image has, in a repository whose tags do not move.
    pub(crate) taken: Option<&'static str>,
    /// Nothing is taken: the queue is full.
    pub(crate) full: bool,
    /// Nothing may be stopped.
    pub(crate) denied: bool,
}

impl World {
    pub(crate) fn phase(&self) -> BuildPhase {
        let config = self.config();
        let client = aws_sdk_dynamodb::Client::new(&config);
        let images = Images::new(aws_sdk_ecr::Client::new(&config));
        BuildPhase::new(
            CodeBuild::new(&config),
            Ledger::new(client, "ledger"),
            images,
        )
    }

    /// A deployment that waits for what its builds make.
    pub(crate) fn with_record(self, record: &Value) -> Self {
        let key = format!("deployment#{}", record["id"].as_str().unwrap());
        let item =
            json!({"pk": {"S": key}, "sk": {"S": "record"}, "body": {"S": record.to_string()}});
        let mut items = self.items.lock().unwrap();
        items.insert(key_of(&item), item.clone());
        drop(items);
        self
    }

    /// Whoever says which builds there are.
    pub(crate) fn planner(&self) -> Planner {
        let config = self.config();
        let client = aws_sdk_dynamodb::Client::new(&config);
        let images = Images::new(aws_sdk_ecr::Client::new(&config));
        Planner::new(Ledger::new(client, "ledger"), images)
    }

    /// Version 7 of the manifest.
    pub(crate) fn with_manifest(self, text: &str) -> Self {
        let manifest = Manifest::parse("lockstep.yaml", text).unwrap();
        let stored = manifest.embed(|_| unreachable!()).unwrap();
        let applied = json!({"version": 7, "applied_at": "2026-11-20T10:00:00Z", "applied_by": "ann", "manifest": stored});
        let item = json!({
            "pk": {"S": "app#shop"}, "sk": {"S": "manifest#00000007"}, "body": {"S": applied.to_string()},
        });
        let mut items = self.items.lock().unwrap();
        items.insert(key_of(&item), item.clone());
        drop(items);
        self
    }

    /// What is kept under a key.
    pub(crate) fn item(&self, pk: &str, sk: &str) -> Value {
        let key = json!({"pk": {"S": pk}, "sk": {"S": sk}});
        let items = self.items.lock().unwrap();
        items.get(&key_of(&key)).cloned().unwrap_or_default()
    }

    /// The record as it is now.
    pub(crate) fn record(&self, id: &str) -> Value {
        let item = self.item(&format!("deployment#{id}"), "record");
        serde_json::from_str(item["body"]["S"].as_str().unwrap()).unwrap()
    }

    /// The tags of the image.
    pub(crate) fn tags(&self) -> Vec<String> {
        self.tags.lock().unwrap().clone()
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
            return self.item_call(operation, &body);
        }
        self.asked.lock().unwrap().push(operation.to_owned());
        if service.starts_with("AmazonEC2ContainerRegistry") {
            return self.registry(operation, &body);
        }
        self.service(operation, &body)
    }

    /// As much of DynamoDB as builds need.
    fn item_call(&self, operation: &str, body: &Value) -> (u16, String) {
        let mut items = self.items.lock().unwrap();
        if operation == "GetItem" {
            let found = items.get(&key_of(&body["Key"]));
            let answer = found.map_or_else(|| json!({}), |item| json!({"Item": item}));
            return (200, answer.to_string());
        }
        let writes = body["TransactItems"].as_array().unwrap();
        let of = |write: &Value| {
            let write = write.as_object().unwrap().values().next().unwrap().clone();
            let key = write.get("Key").or_else(|| write.get("Item")).unwrap();
            (key_of(key), write)
        };
        let writes: Vec<_> = writes.iter().map(of).collect();
        let holds = |(key, write): &(String, Value)| {
            let condition = write["ConditionExpression"].as_str().unwrap_or_default();
            let standing = items.get(key);
            let has = |field: &str| standing.is_some_and(|it| it.get(field).is_some());
            let is_same = standing
                .is_none_or(|it| it["body"] == write["ExpressionAttributeValues"][":standing"]);
            let ms = |it: &Value| it["N"].as_str().map(|it| it.parse::<i64>().unwrap());
            let is_older = standing.is_none_or(|it| {
                ms(&it["pushed_ms"]) < ms(&write["ExpressionAttributeValues"][":ms"])
            });
            let refuses = condition == "attribute_not_exists(pk)" && standing.is_some()
                || condition.contains("(closed)") && has("closed")
                || condition.contains("(concluded)") && has("concluded")
                || condition.contains("body = :standing") && !is_same
                || condition.contains("pushed_ms < :ms") && !is_older;
            !refuses
        };
        if !writes.iter().all(holds) {
            let reasons: Vec<_> = writes
                .iter()
                .map(|write| {
                    let item = items.get(&write.0).cloned().unwrap_or_default();
                    if holds(write) {
                        json!({"Code": "None"})
                    } else {
                        json!({"Code": "ConditionalCheckFailed", "Item": item})
                    }
                })
                .collect();
            let error =
                json!({"__type": "TransactionCanceledException", "CancellationReasons": reasons});
            return (400, error.to_string());
        }
        for (key, write) in writes {
            if let Some(item) = write.get("Item") {
                items.insert(key, item.clone());
                continue;
            }
            let item = items.entry(key).or_insert_with(|| write["Key"].clone());
            let values = &write["ExpressionAttributeValues"];
            let update = write["UpdateExpression"].as_str().unwrap();
            for one in update.trim_start_matches("SET ").split(", ") {
                let Some((field, value)) = one.split_once(" = ") else {
                    continue;
                };
                let first = value.starts_with("if_not_exists");
                if !(first && item.get(field).is_some()) {
                    let name = if first { ":now" } else { value };
                    item[field] = values[name].clone();
                }
            }
        }
        (200, "{}".to_owned())
    }

    /// As much of ECR as builds need: one image.
    fn registry(&self, operation: &str, body: &Value) -> (u16, String) {
        let mut tags = self.tags.lock().unwrap();
        let digest = "sha256:ab";
        let refused = |code: &str| (400, json!({"__type": code}).to_string());
        let answer = match operation {
            "DescribeImages" => {
                let asked = body["imageIds"][0]["imageTag"].as_str().unwrap();
                if !tags.iter().any(|tag| tag == asked) {
                    return refused("ImageNotFoundException");
                }
                json!({"imageDetails": [{"imageDigest": digest, "imageTags": *tags, "imagePushedAt": 1_763_000_000}]})
            }
            "DescribeRepositories" => {
                let name = body["repositoryNames"][0].as_str().unwrap();
                if name != "shop/web" {
                    return refused("RepositoryNotFoundException");
                }
                let uri = format!("111122223333.dkr.ecr.eu-west-1.amazonaws.com/{name}");
                json!({"repositories": [{"repositoryName": name, "repositoryUri": uri}]})
            }
            "BatchGetImage" => json!({"images": [{
                "imageManifest": "{}", "imageManifestMediaType": "application/vnd.oci.image.manifest.v1+json",
            }]}),
            "PutImage" => {
                let tag = body["imageTag"].as_str().unwrap().to_owned();
                assert_eq!(body["imageDigest"], digest);
                if self.taken == Some(tag.as_str()) {
                    return refused("ImageTagAlreadyExistsException");
                }
                if tags.contains(&tag) {
                    return refused("ImageAlreadyExistsException");
                }
                tags.push(tag);
                json!({"image": {}})
            }
            _ => unreachable!("{operation}"),
        };
        (200, answer.to_string())
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
                        if status == "SUCCEEDED" && !self.idle {
                            self.tags.lock().unwrap().push("3f2a9c1".to_owned());
                        }
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

/// An item's key as one text.
fn key_of(item: &Value) -> String {
    format!("{} {}", item["pk"]["S"], item["sk"]["S"])
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
