//! What the small Lambda answers, and what that changes.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::{Answer, Fault, Function, State, UNHANDLED, code_sha256, missing, refused};

impl State {
    pub(super) fn answer(&mut self, call: &str, body: &Value) -> Answer {
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

    pub(super) fn revision(&mut self) -> Value {
        self.revisions += 1;
        format!("r{}", self.revisions).into()
    }

    pub(super) fn act(&mut self, call: &str, body: &Value) -> Answer {
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

    pub(super) fn publish(&mut self, name: &str, description: &Value) -> Value {
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
