//! A small KeyValueStore.

use std::collections::BTreeMap;

use aws_smithy_http_client::test_util::infallible_client_fn;
use aws_smithy_types::body::SdkBody;
use http::{Request, Response};

use super::{KEY, World, answered, header};

/// Keys, and what the edge location that is asked knows of the site's.
#[derive(Debug, Default)]
pub(super) struct Store {
    keys: BTreeMap<String, String>,
    version: u32,
    edge: String,
    /// Whether the store says that it was changed lately.
    changed: bool,
    /// Whether the function reads something else.
    blind: bool,
}

impl Store {
    fn value(&self) -> String {
        self.keys.get(KEY).cloned().unwrap_or_default()
    }

    /// What the function reads for a request; the next one sees what is there now.
    pub(super) fn seen_at_the_edge(&mut self) -> String {
        let now = if self.blind {
            self.edge.clone()
        } else {
            self.value()
        };
        std::mem::replace(&mut self.edge, now)
    }

    /// The answer, and whether something was written.
    pub(super) fn answer(&mut self, request: &Request<SdkBody>) -> (Response<SdkBody>, bool) {
        let authorization = header(request, "authorization");
        assert!(
            authorization.starts_with("AWS4-ECDSA-P256-SHA256 Credential="),
            "{authorization}"
        );
        assert_eq!(header(request, "x-amz-region-set"), "*");
        let etag = format!("S{}", self.version);
        let failed = |status: u16, code: &str| {
            answered(
                status,
                format!("{{\"__type\":\"{code}\",\"Message\":\"m\"}}"),
            )
        };
        let tagged = |body: String| {
            let mut answer = answered(200, body);
            answer.headers_mut().insert("etag", etag.parse().unwrap());
            answer
        };
        let method = request.method().as_str();
        let is_key = request
            .uri()
            .path()
            .ends_with("/keys/quiz%2Fproduction%2Fweb");
        let counts = "\"ItemCount\":1,\"TotalSizeInBytes\":1";
        match (method, is_key) {
            ("GET", false) => {
                let changed = if self.changed { 32_503_680_000_u64 } else { 0 };
                let body = format!(
                    "{{\"KvsARN\":\"a\",{counts},\"Created\":0,\"LastModified\":{changed}}}"
                );
                (tagged(body), false)
            }
            ("GET", true) => match self.keys.get(KEY) {
                None => (failed(404, "ResourceNotFoundException"), false),
                Some(value) => {
                    let body = format!("{{\"Key\":\"{KEY}\",\"Value\":\"{value}\",{counts}}}");
                    (answered(200, body), false)
                }
            },
            (_, true) if header(request, "if-match") != etag => {
                (failed(409, "ConflictException"), false)
            }
            ("PUT", true) => {
                let body = request.body().bytes().unwrap_or_default();
                let body: serde_json::Value = serde_json::from_slice(body).unwrap();
                let value = body["Value"].as_str().unwrap().to_owned();
                self.keys.insert(KEY.to_owned(), value);
                self.version += 1;
                (tagged(format!("{{{counts}}}")), true)
            }
            ("DELETE", true) => {
                assert!(self.keys.remove(KEY).is_some(), "no key to delete");
                self.version += 1;
                (tagged(format!("{{{counts}}}")), true)
            }
            (method, _) => panic!("{method} {}", request.uri()),
        }
    }
}

impl World {
    /// The value of the site's key; empty where there is none.
    pub(crate) fn value(&self) -> String {
        self.state.lock().unwrap().store.value()
    }

    /// Somebody else changes the site's key, or another one of the store.
    pub(crate) fn set_by_hand(&self, key: &str, value: &str) {
        let store = &mut self.state.lock().unwrap().store;
        store.keys.insert(key.to_owned(), value.to_owned());
        store.version += 1;
    }

    /// From now on the distribution's function reads something else.
    pub(crate) fn reads_another_key(&self) {
        self.state.lock().unwrap().store.blind = true;
    }

    /// From now on the store says that it was changed a moment ago.
    pub(crate) fn changed_lately(&self) {
        self.state.lock().unwrap().store.changed = true;
    }

    pub(crate) fn key_values(&self) -> aws_sdk_cloudfrontkeyvaluestore::Client {
        use aws_sdk_cloudfrontkeyvaluestore::config;
        let world = self.clone();
        let config = aws_sdk_cloudfrontkeyvaluestore::Config::builder()
            .behavior_version(config::BehaviorVersion::latest())
            .region(config::Region::new("eu-west-1"))
            .credentials_provider(config::Credentials::for_tests())
            .retry_config(config::retry::RetryConfig::disabled())
            .endpoint_url("http://kvs.local")
            .http_client(infallible_client_fn(move |request| world.answer(&request)));
        aws_sdk_cloudfrontkeyvaluestore::Client::from_conf(config.build())
    }
}
