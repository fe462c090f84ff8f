//! Canned conversations with CloudFormation, checked on the wire.

#![allow(clippy::unwrap_used)]

use aws_sdk_cloudformation::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_cloudformation::{Client, Config};
use aws_smithy_http_client::test_util::{ReplayEvent, StaticReplayClient};
use aws_smithy_types::body::SdkBody;

use crate::CloudFormation;

/// One answer: a status and a body.
pub(crate) type Answer = (u16, String);

/// A CloudFormation that gives these answers in turn.
pub(crate) fn cloudformation(answers: &[Answer]) -> (CloudFormation, StaticReplayClient) {
    let events = answers.iter().map(|(status, body)| {
        let request = http::Request::builder()
            .uri("https://cloudformation.eu-west-1.amazonaws.com/")
            .body(SdkBody::empty())
            .unwrap();
        let response = http::Response::builder()
            .status(*status)
            .body(SdkBody::from(body.as_str()))
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
    (CloudFormation::new(Client::from_conf(config)), http)
}

/// The answer to an operation: what is inside its result.
pub(crate) fn ok(operation: &str, result: &str) -> Answer {
    let body = format!(
        "<{operation}Response xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\">\
         <{operation}Result>{result}</{operation}Result></{operation}Response>"
    );
    (200, body)
}

/// An error as CloudFormation writes it.
pub(crate) fn error(status: u16, code: &str, message: &str) -> Answer {
    let body = format!(
        "<ErrorResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><Error><Type>Sender</Type>\
         <Code>{code}</Code><Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    );
    (status, body)
}

/// What was asked: the operations with their parameters, decoded and in order.
pub(crate) fn asked(http: &StaticReplayClient) -> Vec<String> {
    let requests = http.actual_requests();
    let read = requests.map(|request| {
        assert!(request.headers().contains_key("authorization"));
        let body = std::str::from_utf8(request.body().bytes().unwrap()).unwrap();
        let pairs: Vec<_> = body
            .split('&')
            .filter(|pair| !pair.starts_with("Version="))
            .map(|pair| decode(pair.trim_start_matches("Action=")))
            .collect();
        pairs.join(" ")
    });
    read.collect()
}

fn decode(text: &str) -> String {
    let mut parts = text.split('%');
    let mut decoded = parts.next().unwrap().to_owned();
    for part in parts {
        let code = u8::from_str_radix(&part[..2], 16).unwrap();
        decoded.push(char::from(code));
        decoded.push_str(&part[2..]);
    }
    decoded
}
