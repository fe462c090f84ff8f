//! A bucket and a ledger in memory.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::put_item::PutItemOutput;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsOutput;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_smithy_mocks::{MockResponse, RuleMode, mock, mock_client};
use aws_smithy_types::body::SdkBody;
use lockstep_ledger::Ledger;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::bucket::Bucket;
use crate::hash::{base64, hex};
use crate::releaser::Releaser;

pub(crate) const ID: &str = "01JD5Q6Z8G0000000000000000";

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The bytes of an object, and whether S3 shows their hash.
pub(crate) type Stored = (Vec<u8>, bool);

/// What is kept between looks.
#[derive(Clone, Default)]
pub(crate) struct World {
    /// By key.
    pub(crate) objects: Arc<Mutex<BTreeMap<String, Stored>>>,
    pub(crate) reads: Arc<Mutex<Vec<String>>>,
    items: Arc<Mutex<BTreeMap<(String, String), String>>>,
    /// The bodies that transactions wrote, in order.
    pub(crate) written: Arc<Mutex<Vec<Value>>>,
}

impl World {
    /// With a manifest and the record of a deployment of release 1.4.0.
    pub(crate) fn new() -> Self {
        let world = Self::default();
        let functions = json!({
            "api": {"artifact": "api.zip"},
            "workers": {"match": "shop-*"},
        });
        let stacks = json!({"data": {"template": {"artifact": "infra/data.yaml"}}});
        let manifest = json!({
            "application": "shop", "functions": functions, "stacks": stacks, "environments": {"test": {}},
        });
        let stored = json!({"source": "", "manifest": manifest, "task_definitions": {}});
        let applied = json!({"version": 3, "applied_at": "2026-11-20T10:00:00Z", "applied_by": "ann", "manifest": stored});
        world.put_item("app#shop", "manifest#00000003", &applied);
        let record = json!({
            "id": ID, "application": "shop", "environment": "test",
            "execution": {"name": "x", "arn": "arn", "started_at": "2026-11-20T10:00:00Z"},
            "source": {"kind": "s3_release", "event": "e", "version": "1.4.0"},
            "manifest_version": 3, "requested": {}, "release": {"version": "1.4.0"},
        });
        world.put_item(&format!("deployment#{ID}"), "record", &record);
        world
    }

    pub(crate) fn put_item(&self, pk: &str, sk: &str, body: &Value) {
        let key = (pk.to_owned(), sk.to_owned());
        self.items.lock().unwrap().insert(key, body.to_string());
    }

    pub(crate) fn upload(&self, name: &str, bytes: &[u8]) {
        let key = format!("releases/shop/1.4.0/{name}");
        let object = (bytes.to_vec(), false);
        self.objects.lock().unwrap().insert(key, object);
    }

    /// release.json for these artifacts.
    pub(crate) fn describe(artifacts: &[(&str, &[u8])]) -> Vec<u8> {
        let artifact =
            |(path, bytes): &(&str, &[u8])| json!({"path": path, "sha256": sha256(bytes)});
        let artifacts: Vec<_> = artifacts.iter().map(artifact).collect();
        json!({"application": "shop", "version": "1.4.0", "artifacts": artifacts})
            .to_string()
            .into_bytes()
    }

    pub(crate) fn releaser(&self) -> Releaser {
        Releaser {
            bucket: Bucket::with_client(self.s3(), "releases".to_owned()),
            ledger: Ledger::new(self.dynamodb(), "ledger"),
        }
    }

    fn s3(&self) -> aws_sdk_s3::Client {
        let objects = self.objects.clone();
        let head = mock!(aws_sdk_s3::Client::head_object).then_compute_response(move |input| {
            let objects = objects.lock().unwrap();
            let Some((bytes, shown)) = objects.get(input.key().unwrap()) else {
                let status = 404.try_into().unwrap();
                return MockResponse::Http(aws_sdk_s3::config::http::HttpResponse::new(
                    status,
                    SdkBody::empty(),
                ));
            };
            let hash = shown.then(|| base64(&sha256(bytes)));
            let output = HeadObjectOutput::builder()
                .content_length(i64::try_from(bytes.len()).unwrap())
                .last_modified(DateTime::from_secs(1_700_000_000))
                .version_id("v1")
                .set_checksum_sha256(hash);
            MockResponse::Output(output.build())
        });
        let (objects, reads) = (self.objects.clone(), self.reads.clone());
        let get = mock!(aws_sdk_s3::Client::get_object).then_compute_output(move |input| {
            let key = input.key().unwrap();
            reads.lock().unwrap().push(key.to_owned());
            let bytes = objects.lock().unwrap()[key].0.clone();
            let part = input.range().map(str::to_owned);
            let range = input.range().map(|range| {
                let (from, to) = range["bytes=".len()..].split_once('-').unwrap();
                from.parse().unwrap()..to.parse::<usize>().unwrap() + 1
            });
            let bytes = range.map_or(bytes.clone(), |range| bytes[range].to_vec());
            GetObjectOutput::builder()
                .set_content_range(part)
                .body(ByteStream::from(bytes))
                .build()
        });
        let objects = self.objects.clone();
        let put = mock!(aws_sdk_s3::Client::put_object).then_compute_output(move |input| {
            let length = input.body().bytes().map_or(0, <[u8]>::len);
            let object = (vec![0; length], true);
            let key = input.key().unwrap().to_owned();
            objects.lock().unwrap().insert(key, object);
            PutObjectOutput::builder().build()
        });
        mock_client!(aws_sdk_s3, RuleMode::MatchAny, [&head, &get, &put])
    }

    fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let items = self.items.clone();
        let get = mock!(aws_sdk_dynamodb::Client::get_item).then_compute_output(move |input| {
            let key = |name: &str| input.key().unwrap()[name].as_s().unwrap().clone();
            let (pk, sk) = (key("pk"), key("sk"));
            let text = |text: &str| AttributeValue::S(text.to_owned());
            let body = items
                .lock()
                .unwrap()
                .get(&(pk.clone(), sk.clone()))
                .cloned();
            let item = body.map(|body| {
                [
                    ("pk", text(&pk)),
                    ("sk", text(&sk)),
                    ("body", text(&body)),
                    ("revision", AttributeValue::N("1".to_owned())),
                ]
                .map(|(name, value)| (name.to_owned(), value))
                .into()
            });
            GetItemOutput::builder().set_item(item).build()
        });
        let items = self.items.clone();
        let put = mock!(aws_sdk_dynamodb::Client::put_item).then_compute_output(move |input| {
            let of = |name: &str| input.item().unwrap()[name].as_s().unwrap().clone();
            items
                .lock()
                .unwrap()
                .insert((of("pk"), of("sk")), of("body"));
            PutItemOutput::builder().build()
        });
        let query = mock!(aws_sdk_dynamodb::Client::query)
            .then_output(|| QueryOutput::builder().set_items(Some(Vec::new())).build());
        let written = self.written.clone();
        let transact = mock!(aws_sdk_dynamodb::Client::transact_write_items).then_compute_output(
            move |input| {
                for item in input.transact_items() {
                    let body = item.update().and_then(|update| {
                        update
                            .expression_attribute_values()?
                            .get(":body")?
                            .as_s()
                            .ok()
                    });
                    if let Some(body) = body {
                        written
                            .lock()
                            .unwrap()
                            .push(serde_json::from_str(body).unwrap());
                    }
                }
                TransactWriteItemsOutput::builder().build()
            },
        );
        let rules = [&get, &put, &query, &transact];
        mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, rules)
    }
}

/// A zip file of these entries.
pub(crate) fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        writer
            .start_file(*name, SimpleFileOptions::default())
            .unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A zip file with a symbolic link in it.
pub(crate) fn zip_with_link() -> Vec<u8> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer
        .add_symlink("api.zip", "/etc/passwd", SimpleFileOptions::default())
        .unwrap();
    writer.finish().unwrap().into_inner()
}
