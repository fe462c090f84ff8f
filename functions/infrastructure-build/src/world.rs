//! A CodeBuild, a log and a bucket in memory, for tests.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

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
use serde_json::{Value, json};

use crate::builds::Builds;
use crate::store::Store;

/// What there is.
#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    /// The builds, as CodeBuild shows them, newest last.
    pub(crate) builds: Arc<Mutex<Vec<Value>>>,
    /// The objects of all buckets, by `/bucket/key`.
    pub(crate) objects: Arc<Mutex<BTreeMap<String, String>>>,
    /// Operations on CodeBuild with their bodies, in order.
    pub(crate) asked: Arc<Mutex<Vec<(String, Value)>>>,
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
            .http_client(http)
            .build()
    }

    pub(crate) fn parts(&self) -> (Builds, Store) {
        let config = self.config();
        let builds = Builds::new(CodeBuild::new(&config));
        (builds, Store::new(&config, "releases".to_owned()))
    }

    pub(crate) fn put(&self, key: &str, text: &str) {
        let key = format!("/releases/{key}");
        self.objects.lock().unwrap().insert(key, text.to_owned());
    }

    fn answer(&self, request: &http::Request<SdkBody>) -> (u16, String) {
        let body = request.body().bytes().unwrap_or_default();
        let Some(target) = request.headers().get("x-amz-target") else {
            return self.object(request, body);
        };
        let operation = target.to_str().unwrap().rsplit('.').next().unwrap();
        let body: Value = serde_json::from_slice(body).unwrap();
        let answer = self.service(operation, &body);
        self.asked
            .lock()
            .unwrap()
            .push((operation.to_owned(), body));
        (200, answer.to_string())
    }

    fn service(&self, operation: &str, body: &Value) -> Value {
        let mut builds = self.builds.lock().unwrap();
        match operation {
            "StartBuild" => {
                let project = body["projectName"].as_str().unwrap();
                let variables = body["environmentVariablesOverride"].clone();
                let id = format!("{project}:{}", builds.len());
                builds.push(build(&id, project, &variables));
                json!({"build": builds.last()})
            }
            "ListBuildsForProject" => {
                let of_it = builds.iter().rev();
                let of_it = of_it.filter(|it| it["projectName"] == body["projectName"]);
                json!({"ids": of_it.map(|it| it["id"].clone()).collect::<Vec<_>>()})
            }
            "BatchGetBuilds" => {
                let ids = body["ids"].as_array().unwrap();
                let found = builds.iter().filter(|it| ids.contains(&it["id"]));
                json!({"builds": found.cloned().collect::<Vec<_>>()})
            }
            "GetLogEvents" => json!({"events": [{"timestamp": 1, "message": "no such class"}]}),
            _ => unreachable!("{operation}"),
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
