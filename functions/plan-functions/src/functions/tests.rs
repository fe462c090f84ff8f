use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::{BehaviorVersion, Config, Credentials, Region};
use aws_smithy_http_client::test_util::infallible_client_fn;
use aws_smithy_types::body::SdkBody;
use lockstep::manifest::{ResolvedEnvironment, ResolvedFunction};
use lockstep::release::{Artifact, Artifacts, ZipArtifact};
use lockstep::{Check, Only, PhaseError};
use lockstep_lambda::Lambda;
use serde_json::{Value, json};

use super::Functions;

/// What Lambda answers by path and query, and what was asked.
#[derive(Clone, Default)]
struct Account {
    answers: Arc<BTreeMap<String, (u16, Value)>>,
    asked: Arc<Mutex<Vec<String>>>,
}

fn function(name: &str, version: &str, code: &str) -> (u16, Value) {
    let answer = json!({
        "Configuration": {
            "FunctionName": name, "FunctionArn": format!("arn:aws:lambda:eu-west-1:1:function:{name}"),
            "Version": version, "CodeSha256": code, "CodeSize": 3, "RevisionId": "r1",
            "State": "Active", "LastUpdateStatus": "Successful", "PackageType": "Zip",
            "Architectures": ["arm64"], "Runtime": "python3.12", "Timeout": 3, "MemorySize": 128,
        },
        "Tags": {"team": if name.starts_with("shop-") { "shop" } else { "other" }},
    });
    (200, answer)
}

impl Account {
    fn of(answers: impl IntoIterator<Item = (&'static str, (u16, Value))>) -> Self {
        let answers = answers.into_iter();
        let answers = answers
            .map(|(path, answer)| (path.to_owned(), answer))
            .collect();
        Self {
            answers: Arc::new(answers),
            asked: Arc::default(),
        }
    }

    /// Four functions: one with an alias on version 7, two of a group, and another team's.
    fn usual() -> Self {
        let names = ["api", "shop-a", "shop-b", "other"];
        let listed: Vec<_> = names
            .iter()
            .map(|name| json!({"FunctionName": name}))
            .collect();
        Self::of([
            ("", (200, json!({"Functions": listed}))),
            ("/api", function("api", "$LATEST", "old")),
            ("/api?Qualifier=7", function("api", "7", "old")),
            (
                "/api/aliases/live",
                (200, json!({"FunctionVersion": "7", "RevisionId": "a1"})),
            ),
            ("/shop-a", function("shop-a", "$LATEST", "old")),
            (
                "/shop-b",
                function("shop-b", "$LATEST", &zip("b").code_sha256()),
            ),
            ("/other", function("other", "$LATEST", "old")),
        ])
    }

    fn lambda(&self) -> Lambda {
        let this = self.clone();
        let http = infallible_client_fn(move |request: http::Request<SdkBody>| {
            assert_eq!(request.method(), "GET", "planning changes nothing");
            let uri = request.uri().path_and_query().unwrap().to_string();
            let path = uri.trim_start_matches("/2015-03-31/functions").to_owned();
            let (status, body) = match this.answers.get(&path) {
                Some(answer) => answer.clone(),
                None => (404, json!({"Message": "Function not found"})),
            };
            this.asked.lock().unwrap().push(path);
            let code = match status {
                403 => "AccessDeniedException",
                429 => "TooManyRequestsException",
                _ => "ResourceNotFoundException",
            };
            let mut response = http::Response::builder().status(status);
            if status >= 400 {
                response = response.header("x-amzn-errortype", code);
            }
            response.body(SdkBody::from(body.to_string())).unwrap()
        });
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::for_tests())
            .http_client(http);
        Lambda::new(Client::from_conf(config.build()), None).paced(1000, None)
    }

    fn asked(&self) -> Vec<String> {
        let mut asked = self.asked.lock().unwrap().clone();
        asked.sort_unstable();
        asked
    }
}

/// A zip file whose hash is made of this digit.
fn zip(digit: &str) -> ZipArtifact {
    ZipArtifact {
        bucket: "releases".into(),
        key: format!("releases/shop/v2/{digit}.zip"),
        version_id: Some("o1".into()),
        sha256: digit.repeat(64),
        size: 3,
        path: format!("{digit}.zip"),
        release: "v2".into(),
        released_at: jiff::Timestamp::UNIX_EPOCH,
    }
}

fn artifacts(of: &[(&str, &str)]) -> Artifacts {
    let zips = of.iter();
    zips.map(|(component, digit)| ((*component).to_owned(), Artifact::Zip(zip(digit))))
        .collect()
}

fn one(name: &str, alias: Option<&str>) -> ResolvedFunction {
    serde_json::from_value(json!({
        "target": {"one": name}, "code": {"zip": "x.zip"}, "alias": alias, "keep": 5,
    }))
    .unwrap()
}

fn group(pattern: Option<&str>, tags: &Value) -> ResolvedFunction {
    serde_json::from_value(json!({
        "target": {"group": {"pattern": pattern, "tags": tags}},
        "code": {"zip": "${function}.zip"}, "keep": 5,
    }))
    .unwrap()
}

fn environment(functions: &[(&str, ResolvedFunction)]) -> ResolvedEnvironment {
    let functions = functions.iter().cloned();
    let functions: BTreeMap<_, _> = functions.map(|(name, it)| (name.to_owned(), it)).collect();
    serde_json::from_value(json!({
        "application": "shop", "environment": "production", "services": {},
        "functions": functions, "verify": {"http": [], "settle_seconds": 0},
    }))
    .unwrap()
}

type Planned = Result<(Vec<String>, Vec<Check>), PhaseError>;

async fn plan(
    account: &Account,
    functions: &[(&str, ResolvedFunction)],
    requested: &[(&str, &str)],
) -> Planned {
    let functions = Functions {
        lambda: account.lambda(),
        environment: &environment(functions),
        only: &Only::default(),
        requested: &artifacts(requested),
        verified: &Artifacts::new(),
    };
    let (changes, failed) = functions.plan().await?;
    Ok((changes.into_iter().map(|it| it.component).collect(), failed))
}

#[tokio::test(start_paused = true)]
async fn only_functions_that_differ_are_in_the_plan() {
    let account = Account::usual();
    let functions = [
        ("api", one("api", Some("live"))),
        ("workers", group(Some("shop-*"), &json!({}))),
    ];
    let requested = [
        ("api", "a"),
        ("workers/shop-a", "b"),
        ("workers/shop-b", "b"),
    ];
    let planned = plan(&account, &functions, &requested).await.unwrap();
    assert_eq!(
        planned,
        (vec!["api".to_owned(), "workers/shop-a".to_owned()], vec![])
    );
    assert_eq!(
        account.asked(),
        [
            "",
            "/api",
            "/api/aliases/live",
            "/api?Qualifier=7",
            "/shop-a",
            "/shop-b"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn where_nothing_can_change_nobody_looks() {
    let account = Account::usual();
    let functions = [
        ("api", one("api", Some("live"))),
        ("workers", group(Some("shop-*"), &json!({}))),
    ];
    let planned = plan(&account, &functions, &[("web/web", "a")])
        .await
        .unwrap();
    assert_eq!(planned, (vec![], vec![]));
    assert_eq!(account.asked(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn tags_are_read_with_the_look_that_the_plan_needs_anyway() {
    let account = Account::usual();
    let functions = [("workers", group(None, &json!({"team": "shop"})))];
    let planned = plan(&account, &functions, &[("workers", "c")])
        .await
        .unwrap();
    assert_eq!(planned.0, ["workers/shop-a", "workers/shop-b"]);
    assert_eq!(
        account.asked(),
        ["", "/api", "/other", "/shop-a", "/shop-b"]
    );
}

#[tokio::test(start_paused = true)]
async fn all_that_is_in_the_way_is_told_at_once() {
    let mut answers = (*Account::usual().answers).clone();
    answers.insert(
        "/shop-a".into(),
        (403, json!({"Message": "not authorized"})),
    );
    let account = Account {
        answers: Arc::new(answers),
        asked: Arc::default(),
    };
    let functions = [
        ("api", one("api", Some("beta"))),
        ("gone", one("gone", None)),
        ("nobody", group(Some("nobody-*"), &json!({}))),
        ("workers", group(Some("shop-*"), &json!({}))),
    ];
    let requested = [
        ("api", "a"),
        ("gone", "a"),
        ("workers", "c"),
        ("nobody", "d"),
    ];
    let (changes, failed) = plan(&account, &functions, &requested).await.unwrap();
    assert_eq!(changes, ["workers/shop-b"]);
    let failed: Vec<_> = failed
        .iter()
        .map(|it| (it.what.as_str(), it.resource.as_str()))
        .collect();
    assert_eq!(
        failed,
        [
            ("group", "functions nobody"),
            ("alias", "function api"),
            ("function", "function gone"),
            ("access", "function shop-a"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn one_missing_permission_is_told_once() {
    let mut answers = (*Account::usual().answers).clone();
    for name in ["shop-a", "shop-b"] {
        let message = format!("not authorized to perform: lambda:GetFunction on function:{name}");
        answers.insert(format!("/{name}"), (403, json!({"Message": message})));
    }
    let account = Account {
        answers: Arc::new(answers),
        asked: Arc::default(),
    };
    let functions = [("workers", group(Some("shop-*"), &json!({})))];
    let (_, failed) = plan(&account, &functions, &[("workers", "c")])
        .await
        .unwrap();
    let told: Vec<_> = failed.iter().map(|it| it.resource.as_str()).collect();
    assert_eq!(told, ["function shop-a and 1 more"]);
    assert!(failed[0].found.contains("function:shop-a"), "{}", failed[0]);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_refused_is_a_check_and_one_that_does_not_come_is_an_error() {
    let functions = [("workers", group(Some("shop-*"), &json!({})))];
    let account = Account::of([("", (403, json!({"Message": "not authorized"})))]);
    let (_, failed) = plan(&account, &functions, &[("workers", "c")])
        .await
        .unwrap();
    assert_eq!(failed[0].resource, "the account's functions");
    let account = Account::of([("", (429, json!({"Message": "Rate exceeded"})))]);
    let error = plan(&account, &functions, &[("workers", "c")])
        .await
        .unwrap_err();
    assert!(error.is_transient(), "{error}");
}
