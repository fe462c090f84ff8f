//! Functions whose version 1 serves and whose version 2 is ready, with what CloudWatch counted.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use aws_sdk_cloudwatch::Client as CloudWatch;
use aws_sdk_cloudwatch::operation::describe_alarms::DescribeAlarmsOutput;
use aws_sdk_cloudwatch::operation::get_metric_data::{GetMetricDataInput, GetMetricDataOutput};
use aws_sdk_cloudwatch::types::{MetricAlarm, MetricDataResult};
use aws_sdk_lambda::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_http_client::test_util::infallible_client_fn;
use aws_smithy_mocks::{MockResponse, RuleMode, mock, mock_client};
use aws_smithy_types::body::SdkBody;
use lockstep::lambda::LiveFunction;
use lockstep_lambda::Lambda;
use serde_json::{Value, json};

use crate::metrics::Metrics;
use crate::shifter::Shifter;

mod ledger;
use ledger::Item;

pub(super) const ID: &str = "01JD5Q6Z8G0000000000000000";

#[derive(Default)]
struct State {
    /// Version and weights of each function's alias.
    aliases: BTreeMap<String, (String, Value)>,
    versions: Vec<&'static str>,
    counts: HashMap<String, (f64, f64)>,
    alarm: String,
    holder: String,
    updates: usize,
    /// What the manifest says of quiet stages.
    when_quiet: &'static str,
    /// The questions in the ledger, by sort key.
    questions: BTreeMap<String, Item>,
}

#[derive(Clone, Default)]
pub(super) struct World(Arc<Mutex<State>>);

impl World {
    pub(super) fn new(functions: &[&str]) -> Self {
        let world = Self::default();
        for function in functions {
            world.point(function, "1", json!({}));
        }
        let mut state = world.state();
        state.versions = vec!["1", "2"];
        state.alarm = "OK".into();
        state.holder = ID.into();
        state.when_quiet = "wait";
        drop(state);
        world
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(super) fn point(&self, function: &str, version: &str, weights: Value) {
        let alias = (version.to_owned(), weights);
        self.state().aliases.insert(function.to_owned(), alias);
    }

    pub(super) fn alias(&self, function: &str) -> (String, Value) {
        self.state().aliases[function].clone()
    }

    pub(super) fn count(&self, function: &str, invocations: u32, errors: u32) {
        let counts = (f64::from(invocations), f64::from(errors));
        self.state().counts.insert(function.to_owned(), counts);
    }

    /// The state of the alarm; there is none where it is empty.
    pub(super) fn alarm(&self, state: &str) {
        self.state().alarm = state.to_owned();
    }

    /// Has quiet stages ask.
    pub(super) fn asks(&self) {
        self.state().when_quiet = "ask";
    }

    pub(super) fn lose_the_lock(&self) {
        self.state().holder = "01JD5Q6Z8G0000000000000001".into();
    }

    pub(super) fn forget_versions(&self) {
        self.state().versions.truncate(1);
    }

    /// How often an alias was changed.
    pub(super) fn updates(&self) -> usize {
        self.state().updates
    }

    pub(super) fn shifter(&self) -> Shifter {
        Shifter {
            ledger: self.ledger(),
            lambda: self.lambda(),
            metrics: Metrics::new(self.cloudwatch()),
        }
    }

    fn lambda(&self) -> Lambda {
        let world = self.clone();
        let http = infallible_client_fn(move |request: http::Request<SdkBody>| {
            let body = request.body().bytes().unwrap_or_default();
            let body = serde_json::from_slice(body).unwrap_or_default();
            let answer = world.answer(request.method().as_str(), request.uri(), &body);
            http::Response::builder()
                .status(if answer.is_null() { 404 } else { 200 })
                .header("x-amzn-errortype", "ResourceNotFoundException")
                .body(SdkBody::from(answer.to_string()))
                .unwrap()
        });
        let config = aws_sdk_lambda::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::for_tests())
            .http_client(http);
        Lambda::new(aws_sdk_lambda::Client::from_conf(config.build()), None)
    }

    fn answer(&self, method: &str, uri: &http::Uri, body: &Value) -> Value {
        let mut parts = uri.path().split('/').skip(3);
        let (function, what) = (parts.next().unwrap(), parts.next());
        let mut state = self.state();
        match (method, what) {
            ("GET", Some("versions")) => {
                let versions = state.versions.iter();
                let versions = versions.map(|it| configuration(function, it));
                json!({ "Versions": versions.collect::<Vec<_>>() })
            }
            ("GET", Some("aliases")) => match state.aliases.get(function) {
                Some((version, weights)) => alias(version, weights),
                None => Value::Null,
            },
            ("PUT", Some("aliases")) => {
                let (before, shares) = &state.aliases[function];
                assert_eq!(body["RevisionId"], revision(before, shares));
                let version = body["FunctionVersion"].as_str().unwrap().to_owned();
                let weights = body["RoutingConfig"]["AdditionalVersionWeights"].clone();
                state.updates += 1;
                let answer = alias(&version, &weights);
                state
                    .aliases
                    .insert(function.to_owned(), (version, weights));
                answer
            }
            _ => {
                let query = uri.query().unwrap_or_default();
                let version = query.split('=').next_back().unwrap_or_default();
                json!({"Configuration": configuration(function, version)})
            }
        }
    }

    fn cloudwatch(&self) -> CloudWatch {
        let world = self.clone();
        let metrics = mock!(CloudWatch::get_metric_data)
            .then_compute_response(move |input| MockResponse::Output(world.metrics(input)));
        let world = self.clone();
        let alarms = mock!(CloudWatch::describe_alarms).then_compute_response(move |_| {
            let state = world.state().alarm.clone();
            let alarm = MetricAlarm::builder().alarm_name("shop-5xx");
            let alarm = alarm
                .state_value(state.as_str().into())
                .state_reason("9 is too many.");
            let found = (!state.is_empty()).then(|| vec![alarm.build()]);
            let output = DescribeAlarmsOutput::builder().set_metric_alarms(found);
            MockResponse::Output(output.build())
        });
        mock_client!(aws_sdk_cloudwatch, RuleMode::MatchAny, [&metrics, &alarms])
    }

    fn metrics(&self, input: &GetMetricDataInput) -> GetMetricDataOutput {
        let state = self.state();
        let results = input.metric_data_queries().iter().map(|query| {
            let metric = query.metric_stat().unwrap().metric().unwrap();
            let dimension = |name: &str| {
                let mut all = metric.dimensions().iter();
                all.find(|it| it.name() == Some(name))
                    .unwrap()
                    .value()
                    .unwrap()
            };
            let function = dimension("FunctionName");
            assert_eq!(dimension("Resource"), format!("{function}:live"));
            assert_eq!(dimension("ExecutedVersion"), "2");
            let (invocations, errors) = state.counts.get(function).copied().unwrap_or_default();
            let sum = match metric.metric_name().unwrap() {
                "Invocations" => invocations,
                _ => errors,
            };
            // Two minutes' worth.
            let result = MetricDataResult::builder().id(query.id().unwrap());
            result.values(sum - 1.0).values(1.0).build()
        });
        let output = GetMetricDataOutput::builder();
        output
            .set_metric_data_results(Some(results.collect()))
            .build()
    }

    fn plan(&self) -> Value {
        let live = |function: &str, version: &str| {
            LiveFunction::parse(&json!({"Configuration": configuration(function, version)}))
        };
        let names: Vec<_> = self.state().aliases.keys().cloned().collect();
        let functions = names.iter().map(|name| {
            let before = live(name, "1");
            json!({
                "component": name, "function": name, "alias": "live", "keep": 5, "in_stages": true,
                "before": {
                    "code_sha256": "one", "configuration_hash": before.configuration_hash(), "version": "1",
                    "latest_code_sha256": "one", "latest_configuration_hash": before.configuration_hash(),
                    "latest_revision": "r",
                },
                "code": {"kind": "zip", "bucket": "b", "key": "k", "code_sha256": "two", "label": "v2"},
            })
        });
        let traffic = json!({
            "strategy": "linear", "percent": 40, "stage_seconds": 600, "minimum_invocations": 50,
            "maximum_error_percent": 1, "alarms": ["shop-5xx"], "when_quiet": self.state().when_quiet, "quiet_seconds": 60,
            "metrics_delay_seconds": 60,
        });
        let step = json!({
            "phase": "functions", "deployment": ID, "application": "shop", "environment": "production",
            "functions": functions.collect::<Vec<_>>(), "rate_per_second": 100, "deadline_seconds": 60,
            "traffic": if names.is_empty() { Value::Null } else { traffic },
        });
        json!({
            "release": {"manifest_version": 1, "artifacts": {}},
            "steps": [{"number": 0, "target": "functions", "before": "x", "after": "y", "change": step}],
        })
    }
}

fn configuration(function: &str, version: &str) -> Value {
    json!({
        "FunctionName": function, "FunctionArn": format!("arn:aws:lambda:eu-west-1:1:function:{function}"),
        "Version": version, "CodeSha256": if version == "1" { "one" } else { "two" }, "RevisionId": "r",
        "State": "Active", "LastUpdateStatus": "Successful", "PackageType": "Zip",
    })
}

/// Each alias has its own: they are changed at the same time.
fn revision(version: &str, weights: &Value) -> String {
    format!("{version} {weights}")
}

fn alias(version: &str, weights: &Value) -> Value {
    json!({
        "FunctionVersion": version, "RoutingConfig": {"AdditionalVersionWeights": weights},
        "RevisionId": revision(version, weights),
    })
}
