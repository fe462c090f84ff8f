//! A small Lambda: functions, their versions and aliases, and updates that take a while.

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

impl State {
    fn answer(&mut self, call: &str, body: &Value) -> Answer {
        let number = self.calls;
        self.calls += 1;
        let fault = self
            .faults
            .filter(|(at, times, _)| (*at..at.saturating_add(*times)).contains(&number));
        let fault = self.fault_at(call).or(fault);
        match fault {
            Some((_, _, Fault::FailsBeforeActing)) => refused(500, "ServiceException", "x"),
            Some((_, _, Fault::Throttled)) => refused(429, "TooManyRequestsException", "x"),
            Some((_, _, Fault::Busy)) if !call.starts_with("GET") => {
                refused(409, "ResourceConflictException", "an update is in progress")
            }
            Some((_, _, Fault::LosesTheAnswer)) => {
                self.act(call, body);
                refused(500, "ServiceException", "x")
            }
            Some((_, _, Fault::Busy)) | None => self.act(call, body),
        }
    }

    fn fault_at(&mut self, call: &str) -> Option<(usize, usize, Fault)> {
        let (part, left, fault) = self.faults_at.as_mut()?;
        if *left == 0 || !call.contains(*part) {
            return None;
        }
        *left -= 1;
        Some((0, 1, *fault))
    }

    fn revision(&mut self) -> Value {
        self.revisions += 1;
        format!("r{}", self.revisions).into()
    }

    fn act(&mut self, call: &str, body: &Value) -> Answer {
        self.asked.push(call.to_owned());
        let (method, path) = call.split_once(' ').unwrap();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let qualifier = query.strip_prefix("Qualifier=");
        let parts: Vec<_> = path.trim_matches('/').split('/').skip(2).collect();
        if !self.functions.contains_key(parts[0]) {
            return missing();
        }
        match (method, parts.as_slice()) {
            ("GET", [name]) => self.look(name, qualifier),
            ("GET", [name, "aliases"]) => {
                let aliases: Vec<_> = self.functions[*name].aliases.values().collect();
                (200, "", json!({"Aliases": aliases}))
            }
            ("GET", [name, "aliases", alias]) => {
                let found = self.functions[*name].aliases.get(*alias);
                found.map_or_else(missing, |alias| (200, "", alias.clone()))
            }
            ("GET", [name, "versions"]) => {
                let versions = self.functions[*name].versions.values();
                let versions: Vec<_> = versions.map(|(version, _)| version).collect();
                (200, "", json!({"Versions": versions}))
            }
            ("GET", [_, "provisioned-concurrency"]) => {
                (200, "", json!({"ProvisionedConcurrencyConfigs": []}))
            }
            ("PUT", [name, "configuration"]) => self.update(name, body, |function| {
                for key in ["MemorySize", "Timeout", "Handler", "Runtime", "Environment"] {
                    if let Some(value) = body.get(key) {
                        function.latest[key] = value.clone();
                    }
                }
            }),
            ("PUT", [name, "code"]) => self.update(name, body, |function| {
                let zip = match body["ZipFile"].as_str() {
                    Some(zip) => BASE64_STANDARD.decode(zip).unwrap(),
                    None => body["S3Key"].as_str().unwrap().as_bytes().to_vec(),
                };
                function.latest["CodeSha256"] = code_sha256(&zip).into();
                function.zip = zip;
            }),
            ("POST", [name, "versions"]) => self.publish_guarded(name, body),
            ("POST", [name, "invocations"]) => self.invoke(name, qualifier.unwrap()),
            ("PUT", [name, "aliases", alias]) => self.point(name, alias, body),
            ("DELETE", [name]) => {
                let number = qualifier.unwrap().parse().unwrap();
                let function = self.functions.get_mut(*name).unwrap();
                function
                    .versions
                    .remove(&number)
                    .map_or_else(missing, |_| (204, "", Value::Null))
            }
            other => refused(400, "InvalidParameterValueException", &format!("{other:?}")),
        }
    }

    fn look(&mut self, name: &str, qualifier: Option<&str>) -> Answer {
        let function = self.functions.get_mut(name).unwrap();
        let alias = qualifier.and_then(|it| function.aliases.get(it));
        let version = alias.map_or(qualifier, |alias| alias["FunctionVersion"].as_str());
        let Some(version) = version else {
            let shown = function.latest.clone();
            if function.settling > 0 {
                function.settling -= 1;
                if function.settling == 0 {
                    function.latest["LastUpdateStatus"] = function.latest["Outcome"].take();
                    // AWS gives an update that took effect another revision.
                    function.latest["RevisionId"] =
                        format!("{}+", function.latest["RevisionId"].as_str().unwrap()).into();
                }
            }
            return (200, "", json!({"Configuration": shown}));
        };
        let Some((found, _)) = version
            .parse()
            .ok()
            .and_then(|it: u64| function.versions.get(&it))
        else {
            return missing();
        };
        let location = format!("https://code.example.com/{name}/{version}");
        (
            200,
            "",
            json!({"Configuration": found, "Code": {"Location": location}}),
        )
    }

    fn invoke(&self, name: &str, version: &str) -> Answer {
        let function = &self.functions[name];
        let number = version.parse().ok();
        let code = number.map_or(&function.zip, |number: u64| &function.versions[&number].1);
        if self.crashing.as_deref() == Some(name) && code == b"new" {
            let error = json!({"errorType": "SyntaxError", "errorMessage": "invalid syntax"});
            return (200, UNHANDLED, error);
        }
        (200, "", json!({"version": version}))
    }

    fn update(&mut self, name: &str, body: &Value, change: impl FnOnce(&mut Function)) -> Answer {
        let revision = self.revision();
        let broken = self.broken.as_deref() == Some(name) && body.get("S3Key").is_some();
        let function = self.functions.get_mut(name).unwrap();
        if function.settling > 0 {
            return refused(409, "ResourceConflictException", "an update is in progress");
        }
        if body["RevisionId"] != function.latest["RevisionId"] {
            return refused(412, "PreconditionFailedException", "RevisionId");
        }
        change(function);
        function.settling = 2;
        let latest = &mut function.latest;
        latest["RevisionId"] = revision;
        latest["LastUpdateStatus"] = "InProgress".into();
        latest["Outcome"] = if broken { "Failed" } else { "Successful" }.into();
        latest["LastUpdateStatusReasonCode"] = if broken { "InvalidImage" } else { "" }.into();
        (200, "", latest.clone())
    }

    fn publish_guarded(&mut self, name: &str, body: &Value) -> Answer {
        if self.meddled.as_deref() == Some(name) {
            self.meddled = None;
            let revision = self.revision();
            let function = self.functions.get_mut(name).unwrap();
            function.latest["CodeSha256"] = code_sha256(b"foreign").into();
            function.latest["RevisionId"] = revision;
        }
        let function = self.functions.get_mut(name).unwrap();
        if function.settling > 0 {
            return refused(409, "ResourceConflictException", "an update is in progress");
        }
        if body["CodeSha256"] != function.latest["CodeSha256"] {
            let why = "CodeSHA256 (a) is different from current CodeSHA256 in $LATEST (b).";
            return refused(400, "InvalidParameterValueException", why);
        }
        if body["RevisionId"] != function.latest["RevisionId"] {
            return refused(412, "PreconditionFailedException", "RevisionId");
        }
        (201, "", self.publish(name, &body["Description"]))
    }

    fn publish(&mut self, name: &str, description: &Value) -> Value {
        let function = self.functions.get_mut(name).unwrap();
        let state = function.latest["RevisionId"].as_str().map(str::to_owned);
        if function.published_from == state {
            return function.versions.values().next_back().unwrap().0.clone();
        }
        function.published_from = state;
        let number = function.next;
        function.next += 1;
        let mut version = function.latest.clone();
        version["Version"] = number.to_string().into();
        version["Description"] = description.clone();
        version["RevisionId"] = format!("v{number}").into();
        function
            .versions
            .insert(number, (version.clone(), function.zip.clone()));
        version
    }

    fn point(&mut self, name: &str, alias: &str, body: &Value) -> Answer {
        let revision = self.revision();
        let function = self.functions.get_mut(name).unwrap();
        let number = body["FunctionVersion"].as_str().unwrap().parse().unwrap();
        let Some(found) = function.aliases.get_mut(alias) else {
            return missing();
        };
        if !function.versions.contains_key(&number) {
            return missing();
        }
        if body
            .get("RevisionId")
            .is_some_and(|it| *it != found["RevisionId"])
        {
            return refused(412, "PreconditionFailedException", "RevisionId");
        }
        found["FunctionVersion"] = body["FunctionVersion"].clone();
        found["RevisionId"] = revision;
        let weights = &body["RoutingConfig"]["AdditionalVersionWeights"];
        match weights.as_object().map(serde_json::Map::is_empty) {
            Some(true) => drop(found.as_object_mut().unwrap().remove("RoutingConfig")),
            Some(false) => found["RoutingConfig"] = body["RoutingConfig"].clone(),
            None => {}
        }
        (200, "", found.clone())
    }
}
