//! What a fleet is at one moment, and what it answers.

use std::collections::BTreeMap;

use aws_sdk_lambda::types::FunctionConfiguration;
use serde::Deserialize;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::fleet::ALIAS;
use crate::snapshot::{is_unlocked, kept};
use crate::{ENVIRONMENT, Fleet};

/// What of a fleet a deployment may change.
#[derive(Debug, Clone, PartialEq)]
pub struct FleetSnapshot {
    /// What serves, by function.
    pub functions: BTreeMap<String, Serving>,
    /// Everything the ledger keeps of the environment, by sort key.
    pub environment: BTreeMap<String, Value>,
}

/// What serves of one function.
#[derive(Debug, Clone, PartialEq)]
pub struct Serving {
    /// The version that the alias points to; `$LATEST` without an alias.
    pub version: String,
    /// The alias's additional versions with their weights.
    pub weights: BTreeMap<String, f64>,
    /// `CodeSha256` of it.
    pub code: String,
    /// Its environment variables.
    pub variables: BTreeMap<String, String>,
    /// All other settings of it, in the SDK's own words.
    pub settings: String,
}

/// What a function answers when it is invoked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Answer {
    /// The label of its code.
    pub label: String,
    /// Which version it is, as Lambda tells it.
    pub version: String,
    /// Its variables that begin with `FLEET_`.
    pub variables: BTreeMap<String, String>,
}

impl FleetSnapshot {
    /// Whether everything that serves is exactly as in the other.
    pub fn runs_the_same_as(&self, other: &Self) -> bool {
        self.functions == other.functions
    }

    /// Whether nobody holds the lock.
    pub fn is_unlocked(&self) -> bool {
        is_unlocked(&self.environment)
    }

    /// The sort keys of the environment that begin with `prefix`.
    pub fn kept(&self, prefix: &str) -> Vec<&str> {
        kept(&self.environment, prefix)
    }
}

impl Fleet<'_> {
    /// The fleet now.
    pub async fn snapshot(&self) -> FleetSnapshot {
        let mut looking = JoinSet::new();
        for function in self.functions.clone() {
            let (lambda, aliased) = (self.world.clients().lambda.clone(), self.shape.aliased);
            looking.spawn(async move {
                let serving = serving(&lambda, &function, aliased).await;
                (function, serving)
            });
        }
        let partition = format!("env#{}#{ENVIRONMENT}", self.name);
        FleetSnapshot {
            functions: looking.join_all().await.into_iter().collect(),
            environment: self.world.ledger_items(&partition).await,
        }
    }

    /// Invokes every function and gives what each answers.
    pub async fn answers(&self) -> BTreeMap<String, Answer> {
        let mut asking = JoinSet::new();
        for function in self.functions.clone() {
            let lambda = self.world.clients().lambda.clone();
            let qualifier = self.shape.aliased.then_some(ALIAS);
            asking.spawn(async move {
                let answer = invoke(&lambda, &function, qualifier).await;
                (function, answer)
            });
        }
        asking.join_all().await.into_iter().collect()
    }

    /// The labels that the functions answer.
    pub async fn labels(&self) -> BTreeMap<String, String> {
        let answers = self.answers().await.into_iter();
        answers.map(|(name, answer)| (name, answer.label)).collect()
    }
}

async fn serving(lambda: &aws_sdk_lambda::Client, function: &str, aliased: bool) -> Serving {
    let mut weights = BTreeMap::new();
    if aliased {
        let alias = lambda.get_alias().function_name(function).name(ALIAS);
        let alias = alias.send().await.unwrap();
        let routing = alias.routing_config();
        let additional = routing.and_then(|routing| routing.additional_version_weights());
        weights.extend(additional.cloned().unwrap_or_default());
    }
    let look = lambda.get_function().function_name(function);
    let look = look.set_qualifier(aliased.then(|| ALIAS.to_owned()));
    let found = look.send().await.unwrap();
    let found = found.configuration.expect("a function has a configuration");
    Serving {
        version: found.version().unwrap_or_default().to_owned(),
        weights,
        code: found.code_sha256().unwrap_or_default().to_owned(),
        variables: variables(&found),
        settings: settings(found),
    }
}

fn variables(configuration: &FunctionConfiguration) -> BTreeMap<String, String> {
    let variables = configuration
        .environment()
        .and_then(|environment| environment.variables());
    variables.cloned().unwrap_or_default().into_iter().collect()
}

/// Everything that a person can set, without what Lambda counts and tells by itself.
fn settings(mut configuration: FunctionConfiguration) -> String {
    configuration.environment = None;
    configuration.code_sha256 = None;
    configuration.code_size = 0;
    configuration.version = None;
    configuration.function_arn = None;
    configuration.last_modified = None;
    configuration.revision_id = None;
    // That of a version tells who published it.
    configuration.description = None;
    configuration.state = None;
    configuration.state_reason = None;
    configuration.state_reason_code = None;
    configuration.last_update_status = None;
    configuration.last_update_status_reason = None;
    configuration.last_update_status_reason_code = None;
    format!("{configuration:?}")
}

/// Invokes a function, or what a qualifier names, and reads its answer.
pub(crate) async fn invoke(
    lambda: &aws_sdk_lambda::Client,
    function: &str,
    qualifier: Option<&str>,
) -> Answer {
    let invoke = lambda.invoke().function_name(function);
    let invoke = invoke.set_qualifier(qualifier.map(str::to_owned));
    let answer = invoke.send().await.unwrap();
    let payload = answer.payload().map(AsRef::as_ref).unwrap_or_default();
    serde_json::from_slice(payload)
        .unwrap_or_else(|_| panic!("{function} answered {}", String::from_utf8_lossy(payload)))
}
