//! The log of AWS calls: who called what, and what came of it.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use http::request::Parts;
use jiff::Timestamp;
use serde::Serialize;

use super::rest;

/// A long-lived engine keeps this many calls.
const KEPT: usize = 20_000;

/// The header that makes an upload a copy.
const COPY_SOURCE: &str = "x-amz-copy-source";

/// Which API call a request is, and who makes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallName {
    /// The name that the signature is scoped to: `ecs`, `ecr`, `states`, `dynamodb`, `sns`, `lambda`…
    /// The registry protocol (image pushes and pulls) is `registry`.
    pub service: String,
    /// The API operation: `UpdateService`. For a REST call that is not known by name, method and path.
    pub operation: String,
    /// The Lambda function (by the application name that handlers put into their user agent), else the tool:
    /// `aws-cli`, `Boto3`, `aws-sdk-rust`.
    pub caller: String,
}

/// One call that went through the gateway.
#[derive(Debug, Clone, Serialize)]
pub struct Call {
    /// Counts up from 1 in the order of the requests' arrival.
    pub seq: u64,
    /// When the request arrived.
    pub at: Timestamp,
    /// What was called, by whom.
    #[serde(flatten)]
    pub name: CallName,
    /// The path of the request with its query: it names the function or the object of a REST call.
    pub path: String,
    /// The object that a `CopyObject` reads, with its bucket and version, as its header names it.
    pub copy_source: Option<String>,
    /// The status of the answer that the caller got; `None` if it got none.
    pub status: Option<u16>,
    /// From arrival to the answer's headers.
    pub duration: Duration,
    /// The beginning of the request's body.
    pub request: String,
    /// The beginning of the emulator's answer, also where a fault kept it from the caller.
    pub response: String,
    /// The fault that was injected, if any.
    pub fault: Option<String>,
}

/// The calls so far.
#[derive(Debug, Default)]
pub struct CallLog {
    entries: Mutex<(u64, VecDeque<Call>)>,
}

impl CallLog {
    /// Takes the next number.
    pub fn number(&self) -> u64 {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.0 += 1;
        entries.0
    }

    /// Keeps a finished call.
    pub fn push(&self, call: Call) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.1.len() == KEPT {
            entries.1.pop_front();
        }
        entries.1.push_back(call);
    }

    /// Calls above a number, by number.
    pub fn since(&self, seq: u64) -> Vec<Call> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let mut calls: Vec<Call> = entries
            .1
            .iter()
            .filter(|call| call.seq > seq)
            .cloned()
            .collect();
        calls.sort_by_key(|call| call.seq);
        calls
    }

    /// The newest number given out.
    pub fn last(&self) -> u64 {
        self.entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }
}

/// Recognises an AWS API or registry call; `None` for anything else (the emulator's own routes, load balancers).
pub fn identify(parts: &Parts, body: &[u8]) -> Option<CallName> {
    let caller = caller(&parts.headers);
    let path = parts.uri.path();
    if path.starts_with("/v2/") && signed_service(&parts.headers).is_none() {
        let operation = registry_operation(parts.method.as_str(), path);
        return Some(CallName {
            service: "registry".to_owned(),
            operation,
            caller,
        });
    }
    let service = signed_service(&parts.headers)?;
    let operation = operation(parts, body, &service);
    Some(CallName {
        service,
        operation,
        caller,
    })
}

/// What a call to S3 copies.
pub(super) fn copy_source(headers: &HeaderMap) -> Option<String> {
    let source = headers.get(COPY_SOURCE)?.to_str().ok()?;
    Some(source.to_owned())
}

/// The service in the signature's scope: `Credential=KEY/20261120/us-east-1/ecs/aws4_request`, without a region where the
/// signature is of version 4a.
fn signed_service(headers: &HeaderMap) -> Option<String> {
    let authorization = headers.get("authorization")?.to_str().ok()?;
    let (algorithm, scope) = authorization.split_once("Credential=")?;
    let service = if algorithm.contains("ECDSA") { 2 } else { 3 };
    let mut scope = scope.split(',').next()?.split('/');
    scope.nth(service).map(str::to_owned)
}

fn operation(parts: &Parts, body: &[u8], service: &str) -> String {
    let target = parts
        .headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok());
    if let Some((_, operation)) = target.and_then(|target| target.rsplit_once('.')) {
        return operation.to_owned();
    }
    let path = parts.uri.path();
    if let Some((_, operation)) = path.split_once("/operation/") {
        return operation.to_owned();
    }
    if let Some(action) = form_value(parts.uri.query().unwrap_or_default().as_bytes(), "Action") {
        return action;
    }
    if let Some(action) = form_value(body, "Action") {
        return action;
    }
    let method = parts.method.as_str();
    let query = parts.uri.query().unwrap_or_default();
    let known = match service {
        "lambda" => rest::lambda(method, path, query),
        "s3" if parts.headers.contains_key(COPY_SOURCE) => Some("CopyObject"),
        "s3" => rest::s3(method, path, query),
        "cloudfront" => rest::cloudfront(method, path),
        "cloudfront-keyvaluestore" => rest::key_values(method, path),
        _ => None,
    };
    known.map_or_else(|| format!("{method} {path}"), str::to_owned)
}

fn form_value(form: &[u8], name: &str) -> Option<String> {
    let form = std::str::from_utf8(form).ok()?;
    let pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .into_iter()
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}

fn registry_operation(method: &str, path: &str) -> String {
    let known = match method {
        "PUT" if path.contains("/manifests/") => "PutManifest",
        "GET" | "HEAD" if path.contains("/manifests/") => "GetManifest",
        "GET" | "HEAD" if path.contains("/blobs/") => "GetBlob",
        _ if path.contains("/blobs/uploads") => "UploadBlob",
        _ => return format!("{method} {path}"),
    };
    known.to_owned()
}

/// `… app/lockstep-trigger …` in either user-agent header, else the first product of the user agent.
fn caller(headers: &HeaderMap) -> String {
    let agents = ["x-amz-user-agent", "user-agent"]
        .iter()
        .filter_map(|name| headers.get(*name)?.to_str().ok());
    let words: Vec<&str> = agents.flat_map(str::split_whitespace).collect();
    let application = words.iter().find_map(|word| word.strip_prefix("app/"));
    let tool = words.iter().find_map(|word| word.split('/').next());
    application.or(tool).unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn request(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut builder = http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(()).unwrap().into_parts().0
    }

    fn signed(service: &str) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential=test/20261120/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
        )
    }

    fn name(service: &str, operation: &str, caller: &str) -> CallName {
        CallName {
            service: service.into(),
            operation: operation.into(),
            caller: caller.into(),
        }
    }

    #[test]
    fn a_json_call_of_a_handler() {
        let parts = request(
            "POST",
            "/",
            &[
                ("authorization", &signed("ecs")),
                (
                    "x-amz-target",
                    "AmazonEC2ContainerServiceV20141113.UpdateService",
                ),
                ("user-agent", "aws-sdk-rust/1.9 os/linux lang/rust/1.95"),
                (
                    "x-amz-user-agent",
                    "aws-sdk-rust/1.9 api/ecs/1.157 os/linux app/lockstep-service",
                ),
            ],
        );
        assert_eq!(
            identify(&parts, b"{}"),
            Some(name("ecs", "UpdateService", "lockstep-service"))
        );
    }

    #[test]
    fn a_form_call_of_a_tool() {
        let parts = request(
            "POST",
            "/",
            &[
                ("authorization", &signed("sns")),
                ("user-agent", "aws-cli/1.46 md/x"),
            ],
        );
        let called = identify(&parts, b"Action=Publish&Version=2010-03-31&Message=x");
        assert_eq!(called, Some(name("sns", "Publish", "aws-cli")));
    }

    #[test]
    fn rest_calls() {
        let headers = [("authorization", signed("lambda"))];
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .collect();
        let parts = request(
            "POST",
            "/2015-03-31/functions/lockstep-lock/invocations",
            &headers,
        );
        assert_eq!(identify(&parts, b"").unwrap().operation, "Invoke");
        let parts = request("PUT", "/bucket/key", &[("authorization", &signed("s3"))]);
        assert_eq!(identify(&parts, b"").unwrap().operation, "PutObject");
        let headers = [
            ("authorization", signed("s3")),
            ("x-amz-copy-source", "bucket/other".to_owned()),
        ];
        let headers: Vec<_> = headers
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .collect();
        let parts = request("PUT", "/bucket/key", &headers);
        assert_eq!(identify(&parts, b"").unwrap().operation, "CopyObject");
        assert_eq!(copy_source(&parts.headers).unwrap(), "bucket/other");
        let parts = request("PUT", "/hosts/1", &[("authorization", &signed("route53"))]);
        assert_eq!(identify(&parts, b"").unwrap().operation, "PUT /hosts/1");
    }

    #[test]
    fn the_registry_protocol() {
        let parts = request(
            "PUT",
            "/v2/shop/web/manifests/v1",
            &[("user-agent", "containers/5.23")],
        );
        assert_eq!(
            identify(&parts, b"{}"),
            Some(name("registry", "PutManifest", "containers"))
        );
    }

    #[test]
    fn everything_else_is_no_aws_call() {
        assert_eq!(
            identify(
                &request("GET", "/health", &[("host", "web.alb.localhost")]),
                b""
            ),
            None
        );
    }
}
