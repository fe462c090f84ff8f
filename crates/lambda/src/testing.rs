//! Canned conversations with Lambda, checked on the wire.

#![allow(clippy::unwrap_used)]

use aws_sdk_lambda::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_lambda::{Client, Config};
use aws_smithy_http_client::test_util::{ReplayEvent, StaticReplayClient};
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

use crate::Lambda;

/// One answer: a status, an error code where it is one, and a body.
pub(crate) type Answer = (u16, &'static str, Value);

/// A Lambda that gives these answers in turn.
pub(crate) fn lambda(answers: &[Answer]) -> (Lambda, StaticReplayClient) {
    let events = answers.iter().map(|(status, code, body)| {
        let request = http::Request::builder()
            .uri("https://lambda.eu-west-1.amazonaws.com/")
            .body(SdkBody::empty())
            .unwrap();
        let mut response = http::Response::builder().status(*status);
        if !code.is_empty() {
            response = response.header("x-amzn-errortype", *code);
        }
        let response = response.body(SdkBody::from(body.to_string())).unwrap();
        ReplayEvent::new(request, response)
    });
    let http = StaticReplayClient::new(events.collect());
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::for_tests())
        .http_client(http.clone())
        .build();
    (Lambda::new(Client::from_conf(config), None), http)
}

pub(crate) fn ok(body: Value) -> Answer {
    (200, "", body)
}

/// An error as Lambda writes it.
pub(crate) fn error(status: u16, code: &'static str, message: &str) -> Answer {
    (status, code, json!({"Message": message}))
}

/// What was asked: method and path, and the body, or null where there was none.
pub(crate) fn asked(http: &StaticReplayClient) -> Vec<(String, Value)> {
    let requests = http.actual_requests();
    let read = requests.map(|request| {
        assert!(request.headers().contains_key("authorization"));
        let uri = request.uri();
        let path = uri
            .strip_prefix("https://lambda.eu-west-1.amazonaws.com")
            .unwrap();
        let body = request.body().bytes().unwrap();
        let body = serde_json::from_slice(body).unwrap_or(Value::Null);
        (format!("{} {path}", request.method()), body)
    });
    read.collect()
}

/// A function as `GetFunction` shows it.
pub(crate) fn function(version: &str, code_sha256: &str) -> Value {
    json!({
        "Configuration": configuration(version, code_sha256),
        "Code": {"RepositoryType": "S3", "Location": "https://code.example.com/f"},
        "Tags": {"team": "shop"},
    })
}

pub(crate) fn configuration(version: &str, code_sha256: &str) -> Value {
    json!({
        "FunctionName": "shop-api", "FunctionArn": "arn:aws:lambda:eu-west-1:1:function:shop-api",
        "Version": version, "CodeSha256": code_sha256, "CodeSize": 3, "RevisionId": "r1",
        "State": "Active", "LastUpdateStatus": "Successful", "PackageType": "Zip",
        "Architectures": ["arm64"], "Runtime": "python3.12", "Handler": "index.handler",
        "Timeout": 3, "MemorySize": 128, "Environment": {"Variables": {"SECRET": "hush"}},
    })
}
