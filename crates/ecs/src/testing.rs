//! Canned conversations with ECS, checked on the wire.

#![allow(clippy::unwrap_used)]

use aws_sdk_ecs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_ecs::{Client, Config};
use aws_smithy_http_client::test_util::{ReplayEvent, StaticReplayClient};
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

use crate::Ecs;

/// One answer: a status and a body.
pub(crate) type Answer = (u16, Value);

/// An ECS that gives these answers in turn.
pub(crate) fn ecs(answers: &[Answer]) -> (Ecs, StaticReplayClient) {
    let events = answers.iter().map(|(status, body)| {
        let request = http::Request::builder()
            .uri("https://ecs.eu-west-1.amazonaws.com/")
            .body(SdkBody::empty())
            .unwrap();
        let response = http::Response::builder()
            .status(*status)
            .body(SdkBody::from(body.to_string()))
            .unwrap();
        ReplayEvent::new(request, response)
    });
    let http = StaticReplayClient::new(events.collect());
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::for_tests())
        .http_client(http.clone())
        .build();
    (Ecs::new(Client::from_conf(config)), http)
}

/// An error as ECS writes it.
pub(crate) fn error(status: u16, code: &str, message: &str) -> Answer {
    (status, json!({"__type": code, "message": message}))
}

/// What was asked: the operations with their bodies.
pub(crate) fn asked(http: &StaticReplayClient) -> Vec<(String, Value)> {
    let requests = http.actual_requests();
    let read = requests.map(|request| {
        let target = request.headers().get("x-amz-target").unwrap();
        let body = request.body().bytes().unwrap();
        assert_eq!(
            request.headers().get("content-length"),
            Some(body.len().to_string().as_str())
        );
        assert!(request.headers().contains_key("authorization"));
        (
            target.rsplit('.').next().unwrap().to_owned(),
            serde_json::from_slice(body).unwrap(),
        )
    });
    read.collect()
}

/// The names of the operations that were asked.
pub(crate) fn operations(http: &StaticReplayClient) -> Vec<String> {
    asked(http)
        .into_iter()
        .map(|(operation, _)| operation)
        .collect()
}
