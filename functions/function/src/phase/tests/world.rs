//! A small Lambda: functions, their versions and aliases, and updates that take a while.

mod answers;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::{BehaviorVersion, Config, Credentials, Region};
use aws_smithy_http_client::test_util::infallible_client_fn;
use aws_smithy_types::body::SdkBody;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing happened.
    FailsBeforeActing,
    /// It happened, and the answer was lost.
    LosesTheAnswer,
    /// Lambda had no time.
    Throttled,
    /// Lambda is at work on the function, on whose behalf ever.
    Busy,
}

impl Fault {
    pub(crate) const ALL: [Self; 4] = [
        Self::FailsBeforeActing,
        Self::LosesTheAnswer,
        Self::Throttled,
        Self::Busy,
    ];
}

/// Calls that fail: from which one, how many, and how.
pub(crate) type Faults = Option<(usize, usize, Fault)>;

#[derive(Clone, Default)]
pub(crate) struct FakeLambda(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    functions: BTreeMap<String, Function>,
    asked: Vec<String>,
    faults: Faults,
    /// Calls of a kind that fail: a part of the path, how many, and how.
    faults_at: Option<(&'static str, usize, Fault)>,
    calls: usize,
    revisions: usize,
    /// Updates of the code of this function do not take effect.
    broken: Option<String>,
    /// Somebody else updates this function right before its next new version.
    meddled: Option<String>,
    /// This function's new code does not start.
    crashing: Option<String>,
}

#[derive(Clone)]
struct Function {
    latest: Value,
    zip: Vec<u8>,
    /// How many looks until an update took effect.
    settling: u32,
    /// The state of `$LATEST` that the newest version was published from.
    published_from: Option<String>,
    versions: BTreeMap<u64, (Value, Vec<u8>)>,
    next: u64,
    aliases: BTreeMap<String, Value>,
}

/// An artifact in the bucket is its key.
pub(crate) fn code_sha256(content: &[u8]) -> String {
    BASE64_STANDARD.encode(Sha256::digest(content))
}

/// What Lambda says of an invocation that failed.
const UNHANDLED: &str = "Unhandled";

type Answer = (u16, &'static str, Value);

fn refused(status: u16, code: &'static str, message: &str) -> Answer {
    (status, code, json!({"Message": message}))
}

fn missing() -> Answer {
    refused(404, "ResourceNotFoundException", "Function not found")
}

impl FakeLambda {
    /// Adds a function with this code, published once as version 1 under the alias `live`.
    pub(crate) fn add(&self, name: &str, code: &str) {
        let mut state = self.0.lock().unwrap();
        let arn = format!("arn:aws:lambda:eu-west-1:1:function:{name}");
        let latest = json!({
            "FunctionName": name, "FunctionArn": arn, "Version": "$LATEST",
            "CodeSha256": code_sha256(code.as_bytes()), "CodeSize": 3, "RevisionId": "r0",
            "State": "Active", "LastUpdateStatus": "Successful", "PackageType": "Zip",
            "Architectures": ["arm64"], "Runtime": "python3.12", "Handler": "index.handler",
            "Timeout": 3, "MemorySize": 128, "Environment": {"Variables": {"SECRET": "hush"}},
        });
        let function = Function {
            latest,
            zip: code.as_bytes().to_vec(),
            settling: 0,
            published_from: None,
            versions: BTreeMap::new(),
            next: 1,
            aliases: BTreeMap::new(),
        };
        state.functions.insert(name.to_owned(), function);
        state.publish(name, &Value::Null);
        let alias = json!({"Name": "live", "FunctionVersion": "1", "RevisionId": "a0"});
        let function = state.functions.get_mut(name).unwrap();
        function.aliases.insert("live".to_owned(), alias);
    }

    pub(crate) fn client(&self) -> Client {
        let this = self.clone();
        let http = infallible_client_fn(move |request: http::Request<SdkBody>| {
            let path = request.uri().path_and_query().unwrap().to_string();
            let body = serde_json::from_slice(request.body().bytes().unwrap());
            let call = format!("{} {path}", request.method());
            let answer = this
                .0
                .lock()
                .unwrap()
                .answer(&call, &body.unwrap_or_default());
            let (status, code, body) = answer;
            let mut response = http::Response::builder().status(status);
            if code == UNHANDLED {
                response = response.header("x-amz-function-error", code);
            } else if !code.is_empty() {
                response = response.header("x-amzn-errortype", code);
            }
            response.body(SdkBody::from(body.to_string())).unwrap()
        });
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::for_tests())
            .http_client(http);
        Client::from_conf(config.build())
    }

    pub(crate) fn inject(&self, faults: Faults) {
        self.0.lock().unwrap().faults = faults;
    }

    /// The next calls whose path contains this fail.
    pub(crate) fn inject_at(&self, part: &'static str, faults: (usize, Fault)) {
        self.0.lock().unwrap().faults_at = Some((part, faults.0, faults.1));
    }

    pub(crate) fn breaks(&self, function: &str) {
        self.0.lock().unwrap().broken = Some(function.to_owned());
    }

    pub(crate) fn crashes(&self, function: &str) {
        self.0.lock().unwrap().crashing = Some(function.to_owned());
    }

    pub(crate) fn is_meddled_with(&self, function: &str) {
        self.0.lock().unwrap().meddled = Some(function.to_owned());
    }

    pub(crate) fn calls(&self) -> usize {
        self.0.lock().unwrap().calls
    }

    /// How often something was asked, by a part of method and path.
    pub(crate) fn count(&self, part: &str) -> usize {
        let state = self.0.lock().unwrap();
        state.asked.iter().filter(|it| it.contains(part)).count()
    }

    /// As `GetFunction` or `GetAlias` would answer.
    pub(crate) fn show(&self, path: &str) -> Value {
        let mut state = self.0.lock().unwrap();
        state
            .act(&format!("GET /2015-03-31/functions/{path}"), &Value::Null)
            .2
    }

    /// What whoever invokes a function gets: by its alias, or by its own name.
    pub(crate) fn serving(&self, name: &str, alias: bool) -> Value {
        let state = self.0.lock().unwrap();
        let function = &state.functions[name];
        let facts = |it: &Value| {
            json!([
                it["CodeSha256"],
                it["MemorySize"],
                it["Environment"],
                it["Version"]
            ])
        };
        if !alias {
            return facts(&function.latest);
        }
        let alias = &function.aliases["live"];
        let number: u64 = alias["FunctionVersion"].as_str().unwrap().parse().unwrap();
        json!([facts(&function.versions[&number].0), alias["RoutingConfig"]])
    }

    pub(crate) fn set_weights(&self, name: &str, weights: &Value) {
        let mut state = self.0.lock().unwrap();
        let function = state.functions.get_mut(name).unwrap();
        function.aliases.get_mut("live").unwrap()["RoutingConfig"] =
            json!({"AdditionalVersionWeights": weights});
    }

    /// Publishes versions that differ, with these descriptions.
    pub(crate) fn publish_past(&self, name: &str, descriptions: &[&str]) {
        let mut state = self.0.lock().unwrap();
        for description in descriptions {
            let revision = state.revision();
            state.functions.get_mut(name).unwrap().latest["RevisionId"] = revision;
            state.publish(name, &json!(description));
        }
    }

    pub(crate) fn versions(&self, name: &str) -> Vec<u64> {
        let state = self.0.lock().unwrap();
        state.functions[name].versions.keys().copied().collect()
    }

    /// The code of a version, as its presigned address gives it.
    pub(crate) fn zip(&self, name: &str, version: u64) -> Vec<u8> {
        self.0.lock().unwrap().functions[name].versions[&version]
            .1
            .clone()
    }
}
