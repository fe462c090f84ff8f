//! Canned conversations with CodeBuild and CloudWatch Logs, checked on the wire.

#![allow(clippy::unwrap_used)]

use aws_sdk_codebuild::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_smithy_http_client::test_util::{ReplayEvent, StaticReplayClient};
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use serde_json::{Value, json};

use crate::CodeBuild;

/// One answer: a status and a body.
pub(crate) type Answer = (u16, Value);

/// A CodeBuild that gives these answers in turn.
pub(crate) fn codebuild(answers: &[Answer]) -> (CodeBuild, StaticReplayClient) {
    let events = answers.iter().map(|(status, body)| {
        let request = http::Request::builder()
            .uri("https://codebuild.eu-west-1.amazonaws.com/")
            .body(SdkBody::empty())
            .unwrap();
        let response = http::Response::builder()
            .status(*status)
            .body(SdkBody::from(body.to_string()))
            .unwrap();
        ReplayEvent::new(request, response)
    });
    let http = StaticReplayClient::new(events.collect());
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
        .http_client(http.clone())
        .build();
    (CodeBuild::new(&config), http)
}

/// An error as CodeBuild writes it.
pub(crate) fn error(code: &str, message: &str) -> Answer {
    (400, json!({"__type": code, "message": message}))
}

/// What was asked: each operation with its body.
pub(crate) fn asked(http: &StaticReplayClient) -> Vec<(String, Value)> {
    let requests = http.actual_requests();
    let read = requests.map(|request| {
        let target = request.headers().get("x-amz-target").unwrap();
        let operation = target.rsplit('.').next().unwrap().to_owned();
        let body = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        (operation, body)
    });
    read.collect()
}

/// A build as CodeBuild shows it, started so many seconds after the epoch.
pub(crate) fn build(number: u64, identity: Option<&str>, status: &str) -> Value {
    let mut variables = vec![json!({"name": "STAGE", "value": "x", "type": "PLAINTEXT"})];
    if let Some(identity) = identity {
        variables.push(json!({"name": "LOCKSTEP_BUILD", "value": identity, "type": "PLAINTEXT"}));
    }
    json!({
        "id": format!("shop:{number}"),
        "arn": format!("arn:aws:codebuild:eu-west-1:1:build/shop:{number}"),
        "projectName": "shop",
        "startTime": number,
        "currentPhase": if status == "IN_PROGRESS" { "BUILD" } else { "COMPLETED" },
        "buildStatus": status,
        "environment": {
            "type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL",
            "environmentVariables": variables,
        },
        "logs": {
            "groupName": "/aws/codebuild/shop", "streamName": format!("{number}"),
            "deepLink": "https://console.aws.amazon.com/cloudwatch/home",
        },
    })
}
