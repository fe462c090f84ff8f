//! A small Lambda for tests: it answers as `GetFunction` and `GetAlias` do, and takes the
//! calls that decisions ask for.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::configuration::ConfigurationRequest;
use super::{
    CodeChange, FunctionChange, FunctionInputs, FunctionWorld, LiveAlias, LiveFunction, Next,
    Snapshot, Undo, plan_function,
};
use crate::manifest::{CodeSource, FunctionConfiguration, FunctionTarget, ResolvedFunction};
use crate::release::{Artifact, ZipArtifact};

/// The answer of `GetFunction` for a function of this code.
pub(super) fn answer(code: &str) -> Value {
    json!({
        "Configuration": {
            "FunctionName": "shop-api",
            "FunctionArn": "arn:aws:lambda:eu-west-1:111122223333:function:shop-api",
            "Runtime": "python3.12",
            "Role": "arn:aws:iam::111122223333:role/shop-api",
            "Handler": "index.handler",
            "CodeSize": 1000,
            "Timeout": 3,
            "MemorySize": 128,
            "CodeSha256": code,
            "Version": "$LATEST",
            "Environment": {"Variables": {"SECRET": "hunter2", "LOG_LEVEL": "warn"}},
            "TracingConfig": {"Mode": "PassThrough"},
            "RevisionId": "r1",
            "State": "Active",
            "LastUpdateStatus": "Successful",
            "PackageType": "Zip",
            "Architectures": ["arm64"],
            "EphemeralStorage": {"Size": 512},
        },
        "Code": {"RepositoryType": "S3", "Location": "https://example.com/code"},
        "Tags": {"team": "shop"},
    })
}

/// A zip file of a release whose hash in hex is this digit, 64 times.
pub(crate) fn zip(digit: char) -> Artifact {
    Artifact::Zip(ZipArtifact {
        bucket: "releases".into(),
        key: "releases/shop/v2/api.zip".into(),
        version_id: Some("o1".into()),
        sha256: digit.to_string().repeat(64),
        size: 1000,
        path: "api.zip".into(),
        release: "v2".into(),
        released_at: jiff::Timestamp::UNIX_EPOCH,
    })
}

/// The same hash as Lambda shows it.
pub(super) fn code(digit: char) -> String {
    crate::release::base64_of_hex(&digit.to_string().repeat(64))
}

pub(crate) fn resolved(
    alias: Option<&str>,
    configuration: FunctionConfiguration,
) -> ResolvedFunction {
    ResolvedFunction {
        target: FunctionTarget::One("shop-api".into()),
        code: CodeSource::Zip("api.zip".into()),
        alias: alias.map(str::to_owned),
        keep: 5,
        configuration,
        check: None,
    }
}

pub(crate) fn settings() -> FunctionConfiguration {
    FunctionConfiguration {
        memory_mb: Some(512),
        environment: [("LOG_LEVEL".to_owned(), "info".to_owned())].into(),
        ..FunctionConfiguration::default()
    }
}

/// One function of an account, with everything that Lambda keeps of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Account {
    pub(super) latest: Value,
    pub(super) versions: BTreeMap<u64, Value>,
    pub(super) alias: Option<Value>,
    revision: u64,
    pub(super) calls: u32,
    /// Whether the new version is still to be invoked.
    pub(super) unchecked: bool,
}

impl Account {
    /// A function of this code. With an alias, version 1 is published and the alias on it.
    pub(crate) fn new(digit: char, aliased: bool) -> Self {
        let mut account = Self {
            latest: answer(&code(digit)),
            versions: BTreeMap::new(),
            alias: None,
            revision: 1,
            calls: 0,
            unchecked: false,
        };
        if aliased {
            account.publish();
            account.point("1", &BTreeMap::new());
        }
        account.calls = 0;
        account
    }

    pub(super) fn set(&mut self, pointer: &str, value: impl Into<Value>) {
        if let Some(place) = self.latest.pointer_mut(pointer) {
            *place = value.into();
        }
    }

    pub(super) fn function(&self) -> LiveFunction {
        LiveFunction::parse(&self.latest)
    }

    pub(super) fn version(&self, number: u64) -> LiveFunction {
        LiveFunction::parse(&self.versions[&number])
    }

    pub(super) fn live_alias(&self) -> Option<LiveAlias> {
        self.alias.as_ref().map(LiveAlias::parse)
    }

    pub(super) fn serving(&self) -> Option<LiveFunction> {
        let number = self.live_alias()?.version.parse().ok()?;
        Some(self.version(number))
    }

    /// What people invoke: code and configuration.
    pub(super) fn serves(&self) -> (String, String) {
        let live = self.serving().unwrap_or_else(|| self.function());
        (live.code_sha256.clone(), live.configuration_hash())
    }

    pub(super) fn look(&self, change: &FunctionChange, published: Option<u64>) -> FunctionWorld {
        FunctionWorld {
            latest: self.function(),
            serving: self.serving(),
            alias: self.live_alias().filter(|_| change.needs_alias()),
            published: published.map(|number| self.version(number)),
            needs_check: self.unchecked,
        }
    }

    pub(crate) fn plan(
        &self,
        resolved: &ResolvedFunction,
        artifact: Option<&Artifact>,
    ) -> Result<Option<FunctionChange>, Vec<crate::Check>> {
        let (latest, alias, serving) = (self.function(), self.live_alias(), self.serving());
        plan_function(&FunctionInputs {
            component: "api",
            resolved,
            artifact,
            verified: None,
            latest: &latest,
            alias: alias.as_ref(),
            serving: serving.as_ref(),
        })
    }

    /// As `PublishVersion`: the newest version again where nothing changed since.
    pub(super) fn publish(&mut self) -> u64 {
        self.calls += 1;
        let newest = self.versions.last_key_value().map(|(number, version)| {
            let version = LiveFunction::parse(version);
            (
                *number,
                version.code_sha256.clone(),
                version.configuration_hash(),
            )
        });
        let latest = self.function();
        match newest {
            Some((number, code, hash))
                if code == latest.code_sha256 && hash == latest.configuration_hash() =>
            {
                number
            }
            newest => {
                let number = newest.map_or(0, |(number, ..)| number) + 1;
                let mut version = self.latest.clone();
                version["Configuration"]["Version"] = number.to_string().into();
                let arn = format!("{}:{number}", latest.arn);
                version["Configuration"]["FunctionArn"] = arn.into();
                version["Configuration"]["Description"] = "published".into();
                self.versions.insert(number, version);
                number
            }
        }
    }

    pub(super) fn point(&mut self, version: &str, weights: &BTreeMap<String, f64>) {
        self.calls += 1;
        self.revision += 1;
        self.alias = Some(json!({
            "FunctionVersion": version,
            "RoutingConfig": {"AdditionalVersionWeights": weights},
            "RevisionId": format!("a{}", self.revision),
        }));
    }

    pub(super) fn update_code(&mut self, code: &str) {
        self.calls += 1;
        self.touch();
        self.set("/Configuration/CodeSha256", code);
    }

    pub(super) fn update_configuration(&mut self, request: &ConfigurationRequest) {
        self.calls += 1;
        self.touch();
        for (key, value) in request.as_value().as_object().into_iter().flatten() {
            if key != "RevisionId" {
                self.latest["Configuration"][key] = value.clone();
            }
        }
    }

    fn touch(&mut self) {
        self.revision += 1;
        let revision = format!("r{}", self.revision);
        self.set("/Configuration/RevisionId", revision);
    }

    /// Does what is next; the number of the version it published, if it did.
    pub(super) fn act(&mut self, next: &Next) -> Option<u64> {
        match next {
            Next::Snapshot { .. } | Next::Publish { .. } => return Some(self.publish()),
            Next::UpdateConfiguration(request) => self.update_configuration(request),
            Next::UpdateCode { code, .. } => self.update_code(code.code_sha256()),
            Next::PointAlias { version, .. } => self.point(version, &BTreeMap::new()),
            Next::Check { .. } => self.unchecked = false,
            Next::Done { .. } | Next::Wait { .. } | Next::Fail(_) => {}
        }
        None
    }

    /// Does what is next until there is nothing left, at most `limit` calls; forgets what it
    /// published after each call where `forgetful`, as a new invocation does.
    pub(super) fn run(&mut self, change: &FunctionChange, limit: usize, forgetful: bool) -> Next {
        let mut published = None;
        for _ in 0..limit {
            let next = super::next(change, &self.look(change, published));
            if !next.acts() {
                return next;
            }
            let made = self.act(&next);
            // A version is only of use to the call that follows it.
            published = if forgetful && made.is_none() {
                None
            } else {
                made.or(published)
            };
        }
        super::next(change, &self.look(change, published))
    }

    /// Undoes the change, at most in 20 calls.
    pub(super) fn undo(&mut self, change: &FunctionChange) -> Undo {
        let mut snapshot = Snapshot::Unknown;
        for _ in 0..20 {
            let alias = self.live_alias();
            let mut shared = alias.iter().flat_map(|alias| alias.weights.keys());
            let shared = shared.find_map(|version| version.parse().ok());
            let world = FunctionWorld {
                alias,
                ..self.look(change, shared)
            };
            match super::undo(change, &world, &snapshot) {
                Undo::PointAlias {
                    version, weights, ..
                } => self.point(&version, &weights),
                Undo::FindSnapshot => {
                    let versions: Vec<_> =
                        self.versions.values().map(LiveFunction::parse).collect();
                    let found = change.snapshot(&versions).cloned();
                    snapshot = found.map_or(Snapshot::Missing, |it| Snapshot::Found(Box::new(it)));
                }
                Undo::RestoreCode { code, .. } => {
                    let hash = match (&code, &snapshot) {
                        (Some(code), _) => CodeChange::code_sha256(code).to_owned(),
                        (None, Snapshot::Found(it)) => it.code_sha256.clone(),
                        (None, _) => String::new(),
                    };
                    self.update_code(&hash);
                }
                Undo::RestoreConfiguration(request) => self.update_configuration(&request),
                end => return end,
            }
        }
        Undo::FindSnapshot
    }
}
