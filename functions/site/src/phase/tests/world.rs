//! A small S3, a small CloudFront with a KeyValueStore, and the viewers' address of its one distribution. CloudFront takes two
//! looks for everything, and the edge location that is asked hears of a new value of a key one request late.

mod keys;

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{Credentials, Region};
use aws_smithy_http_client::test_util::infallible_client_fn;
use aws_smithy_types::body::SdkBody;
use http::{Request, Response};
use jiff::Timestamp;
use lockstep::release::ZipArtifact;
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::bundle::hex_of;

pub(crate) const BUCKET: &str = "web";
pub(crate) const DISTRIBUTION: &str = "E1";
pub(crate) const STORE: &str = "arn:aws:cloudfront::123456789012:key-value-store/s";
pub(crate) const KEY: &str = "quiz/production/web";
const RELEASES: &str = "releases";

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing happened.
    FailsBeforeActing,
    /// It happened, and the answer was lost.
    LosesTheAnswer,
    /// AWS had no time.
    Throttled,
}

impl Fault {
    pub(crate) const ALL: [Self; 3] = [
        Self::FailsBeforeActing,
        Self::LosesTheAnswer,
        Self::Throttled,
    ];
}

#[derive(Debug, Clone, Default)]
struct Object {
    bytes: Vec<u8>,
    content_type: String,
    control: String,
    /// What Lockstep says that its content is.
    sha256: String,
    /// Another one with each write.
    etag: String,
}

#[derive(Debug, Default)]
struct State {
    /// By bucket and key: `web/releases/…`.
    objects: BTreeMap<String, Object>,
    config: String,
    version: u32,
    store: keys::Store,
    /// How many more looks the distribution is being deployed.
    busy: u32,
    /// Paths, and how many more looks they take.
    invalidations: BTreeMap<String, (Vec<String>, u32)>,
    calls: usize,
    writes: usize,
    fault: Option<(usize, Fault)>,
    /// After this many calls nothing is answered any more.
    dead_after: Option<usize>,
}

#[derive(Debug, Clone)]
pub(crate) struct World {
    state: Arc<Mutex<State>>,
    address: SocketAddr,
}

const CONFIG: &str = "<DistributionConfig xmlns=\"http://cloudfront.amazonaws.com/doc/2020-05-31/\"><CallerReference>r</CallerReference>\
     <Origins><Quantity>1</Quantity><Items><Origin><Id>s3</Id><DomainName>web.s3.eu-west-1.amazonaws.com</DomainName>\
     <OriginPath></OriginPath><FromTheFuture>kept</FromTheFuture></Origin></Items></Origins><DefaultCacheBehavior>\
     <TargetOriginId>s3</TargetOriginId><ViewerProtocolPolicy>allow-all</ViewerProtocolPolicy></DefaultCacheBehavior>\
     <Comment></Comment><Enabled>true</Enabled></DistributionConfig>";

impl World {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = State {
            config: CONFIG.to_owned(),
            ..State::default()
        };
        let world = Self {
            state: Arc::new(Mutex::new(state)),
            address,
        };
        let viewers = world.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut piece = [0; 2048];
                let read = stream.read(&mut piece).unwrap();
                let head = String::from_utf8_lossy(&piece[..read]).into_owned();
                let path = head.split(' ').nth(1).unwrap_or("/").to_owned();
                let served = viewers.served(&path);
                let status = if served.is_some() { 200 } else { 404 };
                let served = served.unwrap_or_default();
                let head = format!(
                    "HTTP/1.1 {status} x\r\ncontent-type: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    served.content_type,
                    served.bytes.len()
                );
                // A viewer that went away is its own affair.
                drop(stream.write_all(head.as_bytes()));
                drop(stream.write_all(&served.bytes));
            }
        });
        world
    }

    /// What is missing is answered with the page, as is usual for single-page applications.
    fn served(&self, path: &str) -> Option<Object> {
        let origin = self.path();
        let mut state = self.state.lock().unwrap();
        let value = state.store.seen_at_the_edge();
        let path = if path == "/" && !value.is_empty() {
            "/index.html"
        } else {
            path
        };
        let key = |path: &str| format!("{BUCKET}{origin}{value}{path}");
        let page = || {
            state
                .objects
                .get(&format!("{BUCKET}{origin}{value}/index.html"))
                .cloned()
        };
        let found = state.objects.get(&key(path)).cloned();
        found.or_else(page)
    }

    pub(crate) fn address(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Uploads a bundle with these files.
    pub(crate) fn bundle(&self, name: &str, files: &BTreeMap<String, String>) -> ZipArtifact {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (path, content) in files {
            let options = SimpleFileOptions::default().last_modified_time(zip::DateTime::default());
            zip.start_file(path, options).unwrap();
            zip.write_all(content.as_bytes()).unwrap();
        }
        let bytes = zip.finish().unwrap().into_inner();
        let (sha256, size) = (hex_of(&bytes), bytes.len() as u64);
        let object = Object {
            bytes,
            ..Object::default()
        };
        let mut state = self.state.lock().unwrap();
        state.objects.insert(format!("{RELEASES}/{name}"), object);
        ZipArtifact {
            bucket: RELEASES.into(),
            key: name.into(),
            version_id: None,
            sha256,
            size,
            path: "web.zip".into(),
            release: "1.0.0".into(),
            released_at: Timestamp::UNIX_EPOCH,
        }
    }

    /// The nth call from now on fails.
    pub(crate) fn inject(&self, number: usize, fault: Fault) {
        let mut state = self.state.lock().unwrap();
        let at = state.calls + number;
        state.fault = Some((at, fault));
    }

    /// From now on whoever calls is dead after so many calls.
    pub(crate) fn dies_after(&self, number: usize) {
        let mut state = self.state.lock().unwrap();
        state.dead_after = Some(state.calls + number);
    }

    pub(crate) fn lives_again(&self) {
        self.state.lock().unwrap().dead_after = None;
    }

    /// Somebody else writes an object.
    pub(crate) fn put_by_hand(&self, key: &str, content: &str) {
        let object = Object {
            bytes: content.as_bytes().to_vec(),
            content_type: "text/html".to_owned(),
            etag: "by hand".to_owned(),
            ..Object::default()
        };
        let mut state = self.state.lock().unwrap();
        state.objects.insert(format!("{BUCKET}/{key}"), object);
    }

    pub(crate) fn calls(&self) -> usize {
        self.state.lock().unwrap().calls
    }

    pub(crate) fn writes(&self) -> usize {
        self.state.lock().unwrap().writes
    }

    pub(crate) fn config(&self) -> String {
        self.state.lock().unwrap().config.clone()
    }

    pub(crate) fn path(&self) -> String {
        let config = self.config();
        let (_, rest) = config.split_once("<OriginPath>").unwrap();
        rest.split_once("</OriginPath>").unwrap().0.to_owned()
    }

    pub(crate) fn switch_by_hand(&self, path: &str) {
        let changed = CONFIG.replace("<OriginPath>", &format!("<OriginPath>{path}"));
        let mut state = self.state.lock().unwrap();
        state.config = changed;
        state.version += 1;
    }

    pub(crate) fn invalidated(&self, reference: &str) -> Vec<String> {
        let state = self.state.lock().unwrap();
        let paths = state.invalidations.get(reference).map(|it| it.0.clone());
        paths.unwrap_or_default()
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        let keys = state.objects.keys();
        let below = format!("{BUCKET}/");
        keys.filter_map(|it| it.strip_prefix(&below).map(str::to_owned))
            .collect()
    }

    pub(crate) fn object(&self, key: &str) -> Option<String> {
        let state = self.state.lock().unwrap();
        let object = state.objects.get(&format!("{BUCKET}/{key}"))?;
        Some(String::from_utf8(object.bytes.clone()).unwrap())
    }

    pub(crate) fn header(&self, key: &str) -> String {
        let state = self.state.lock().unwrap();
        let object = state.objects.get(&format!("{BUCKET}/{key}"));
        object.map(|it| it.control.clone()).unwrap_or_default()
    }

    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        let world = self.clone();
        let config = aws_sdk_s3::Config::builder()
            .behavior_version_latest()
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::for_tests())
            .retry_config(RetryConfig::disabled())
            .endpoint_url("http://s3.local")
            .force_path_style(true)
            .request_checksum_calculation(
                aws_sdk_s3::config::RequestChecksumCalculation::WhenRequired,
            )
            .http_client(infallible_client_fn(move |request| world.answer(&request)));
        aws_sdk_s3::Client::from_conf(config.build())
    }

    pub(crate) fn cloudfront(&self) -> aws_sdk_cloudfront::Client {
        let world = self.clone();
        let config = aws_sdk_cloudfront::Config::builder()
            .behavior_version(aws_sdk_cloudfront::config::BehaviorVersion::latest())
            .region(aws_sdk_cloudfront::config::Region::new("eu-west-1"))
            .credentials_provider(aws_sdk_cloudfront::config::Credentials::for_tests())
            .retry_config(aws_sdk_cloudfront::config::retry::RetryConfig::disabled())
            .endpoint_url("http://cloudfront.local")
            .http_client(infallible_client_fn(move |request| world.answer(&request)));
        aws_sdk_cloudfront::Client::from_conf(config.build())
    }

    fn answer(&self, request: &Request<SdkBody>) -> Response<SdkBody> {
        let mut state = self.state.lock().unwrap();
        state.calls += 1;
        let number = state.calls;
        let is_dead = state.dead_after.is_some_and(|last| number > last);
        let fault = is_dead.then_some(Fault::FailsBeforeActing);
        let fault = fault.or_else(|| state.fault.filter(|(at, _)| *at == number).map(|it| it.1));
        let failed = |status: u16, code: &str| {
            let is_json = request
                .uri()
                .host()
                .is_some_and(|it| it.ends_with("kvs.local"));
            let body = if is_json {
                format!("{{\"__type\":\"{code}\",\"Message\":\"m\"}}")
            } else {
                format!(
                    "<ErrorResponse><Error><Code>{code}</Code><Message>m</Message></Error></ErrorResponse>"
                )
            };
            answered(status, body)
        };
        match fault {
            Some(Fault::FailsBeforeActing) => return failed(500, "InternalError"),
            Some(Fault::Throttled) => return failed(503, "Throttling"),
            Some(Fault::LosesTheAnswer) | None => {}
        }
        let host = request.uri().host().unwrap_or_default();
        let answer = match host {
            "s3.local" => state.s3(request),
            host if host.ends_with("kvs.local") => {
                let (answer, written) = state.store.answer(request);
                state.writes += usize::from(written);
                answer
            }
            _ => state.cloudfront(request),
        };
        if fault == Some(Fault::LosesTheAnswer) {
            return failed(500, "InternalError");
        }
        answer
    }
}

fn answered(status: u16, body: impl Into<SdkBody>) -> Response<SdkBody> {
    Response::builder()
        .status(status)
        .body(body.into())
        .unwrap()
}

fn header(request: &Request<SdkBody>, name: &str) -> String {
    let value = request.headers().get(name);
    let value = value.map(|it| it.to_str().unwrap().to_owned());
    value.unwrap_or_default()
}

fn described(object: &Object, body: Vec<u8>) -> Response<SdkBody> {
    let mut answer = answered(200, body);
    for (name, value) in [
        ("content-type", &object.content_type),
        ("cache-control", &object.control),
        ("x-amz-meta-lockstep-sha256", &object.sha256),
        ("etag", &object.etag),
    ] {
        if !value.is_empty() {
            answer.headers_mut().insert(name, value.parse().unwrap());
        }
    }
    answer
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> Vec<&'a str> {
    let parts = text.split(begin).skip(1);
    parts.filter_map(|it| it.split(end).next()).collect()
}

impl State {
    fn s3(&mut self, request: &Request<SdkBody>) -> Response<SdkBody> {
        // The only character of our keys that has to be written otherwise.
        let key = request.uri().path().replace("%3A", ":");
        let key = key.trim_start_matches('/').to_owned();
        let query = request.uri().query().unwrap_or_default();
        let body = request.body().bytes().unwrap_or_default().to_vec();
        match request.method().as_str() {
            "GET" if query.contains("list-type=2") => self.list(query),
            "HEAD" => match self.objects.get(&key) {
                Some(object) => described(object, Vec::new()),
                None => answered(404, ""),
            },
            "GET" => match self.objects.get(&key) {
                Some(object) => described(object, object.bytes.clone()),
                None => answered(404, "<Error><Code>NoSuchKey</Code></Error>"),
            },
            "PUT" if !header(request, "x-amz-copy-source").is_empty() => {
                let source = header(request, "x-amz-copy-source").replace("%3A", ":");
                let Some(object) = self.objects.get(&source).cloned() else {
                    return answered(404, "<Error><Code>NoSuchKey</Code></Error>");
                };
                self.objects.insert(key, object);
                self.writes += 1;
                answered(200, "<CopyObjectResult><ETag>e</ETag></CopyObjectResult>")
            }
            "PUT" if !self.may_put(&key, request) => {
                answered(412, "<Error><Code>PreconditionFailed</Code></Error>")
            }
            "PUT" => {
                let object = Object {
                    etag: format!("W{}", self.writes),
                    sha256: header(request, "x-amz-meta-lockstep-sha256"),
                    bytes: body,
                    content_type: header(request, "content-type"),
                    control: header(request, "cache-control"),
                };
                self.objects.insert(key, object);
                self.writes += 1;
                answered(200, "")
            }
            "POST" => {
                let body = String::from_utf8(body).unwrap();
                let bucket = key.trim_end_matches('/');
                for gone in between(&body, "<Key>", "</Key>") {
                    self.objects.remove(&format!("{bucket}/{gone}"));
                }
                self.writes += 1;
                answered(200, "<DeleteResult></DeleteResult>")
            }
            other => panic!("{other} {key}"),
        }
    }

    /// Whether the object is what the request says that it is.
    fn may_put(&self, key: &str, request: &Request<SdkBody>) -> bool {
        let there = self.objects.get(key);
        let (matches, none) = (
            header(request, "if-match"),
            header(request, "if-none-match"),
        );
        (matches.is_empty() || there.is_some_and(|it| it.etag == matches))
            && (none.is_empty() || there.is_none())
    }

    fn list(&self, query: &str) -> Response<SdkBody> {
        let field = |name: &str| {
            let mut fields = query.split('&').filter_map(|it| it.split_once('='));
            let found = fields.find(|(key, _)| *key == name);
            found.map(|(_, value)| value.replace("%2F", "/").replace("%3A", ":"))
        };
        let prefix = field("prefix").unwrap_or_default();
        let (mut keys, mut deeper) = (Vec::new(), std::collections::BTreeSet::new());
        for key in self.objects.keys() {
            let Some(key) = key
                .strip_prefix("web/")
                .filter(|it| it.starts_with(&prefix))
            else {
                continue;
            };
            match key[prefix.len()..].split_once('/') {
                Some((folder, _)) if field("delimiter").is_some() => {
                    deeper.insert(format!("{prefix}{folder}/"));
                }
                _ => keys.push(key),
            }
        }
        let mut body = "<ListBucketResult><IsTruncated>false</IsTruncated>".to_owned();
        for (number, key) in keys.iter().enumerate() {
            use std::fmt::Write as _;
            write!(
                body,
                "<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:{number:02}.000Z</LastModified><Size>{}</Size></Contents>",
                self.objects[&format!("{BUCKET}/{key}")].bytes.len()
            )
            .unwrap();
        }
        for prefix in deeper {
            body += "<CommonPrefixes><Prefix>";
            body += &prefix;
            body += "</Prefix></CommonPrefixes>";
        }
        answered(200, body + "</ListBucketResult>")
    }

    fn cloudfront(&mut self, request: &Request<SdkBody>) -> Response<SdkBody> {
        let path = request.uri().path().to_owned();
        let body = request.body().bytes().unwrap_or_default().to_vec();
        let body = String::from_utf8(body).unwrap();
        let etag = format!("V{}", self.version);
        let tagged = |body: String| {
            let mut answer = answered(200, body);
            answer.headers_mut().insert("etag", etag.parse().unwrap());
            answer
        };
        match (request.method().as_str(), path.ends_with("/config")) {
            ("GET", true) => tagged(self.config.clone()),
            ("GET", false) => {
                let status = if self.busy == 0 {
                    "Deployed"
                } else {
                    "InProgress"
                };
                self.busy = self.busy.saturating_sub(1);
                tagged(format!(
                    "<Distribution><Id>E1</Id><ARN>a</ARN><Status>{status}</Status><LastModifiedTime>2026-01-01T00:00:00Z\
                     </LastModifiedTime><InProgressInvalidationBatches>0</InProgressInvalidationBatches>\
                     <DomainName>d1.cloudfront.net</DomainName>{}</Distribution>",
                    self.config
                ))
            }
            ("PUT", _) if header(request, "if-match") != etag => answered(
                412,
                "<ErrorResponse><Error><Code>PreconditionFailed</Code><Message>m</Message></Error></ErrorResponse>",
            ),
            ("PUT", _) => {
                self.config = body;
                self.version += 1;
                self.busy = 2;
                self.writes += 1;
                answered(200, "<Distribution></Distribution>")
            }
            ("POST", _) => {
                let reference = between(&body, "<CallerReference>", "</CallerReference>")[0];
                let paths = between(&body, "<Path>", "</Path>");
                let paths: Vec<_> = paths.into_iter().map(str::to_owned).collect();
                let known = self
                    .invalidations
                    .entry(reference.to_owned())
                    .or_insert((paths.clone(), 2));
                assert_eq!(known.0, paths, "the same reference with other paths");
                let status = if known.1 == 0 {
                    "Completed"
                } else {
                    "InProgress"
                };
                known.1 = known.1.saturating_sub(1);
                self.writes += 1;
                answered(
                    201,
                    format!(
                        "<Invalidation><Id>I1</Id><Status>{status}</Status><CreateTime>2026-01-01T00:00:00Z</CreateTime>\
                         </Invalidation>"
                    ),
                )
            }
            (method, _) => panic!("{method} {path}"),
        }
    }
}
