//! A front end of one test case: a bucket, a distribution, a manifest, and what a build leaves behind.

use std::fs;
use std::net::SocketAddr;

use aws_sdk_cloudfront::types::{
    CustomErrorResponse, CustomErrorResponses, DefaultCacheBehavior, DistributionConfig, Origin,
    Origins, S3OriginConfig, ViewerProtocolPolicy,
};
use lockstep::release_file::{ReleaseFile, ReleasedArtifact};
use lockstep_cli::aws::Controller;
use lockstep_cli::local::{sam, sdk};
use lockstep_cli::release::{pack_one, upload};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::{ENVIRONMENT, Execution, World, eventually};

/// AWS's own cache policy for files.
const CACHING_OPTIMIZED: &str = "658327ea-f89d-4fab-a63d-7e88639e58f6";

/// An application of one site, called `web`.
#[derive(Debug)]
pub struct Sited<'w> {
    pub(crate) world: &'w World,
    /// The application's name, also that of its bucket.
    pub name: String,
    /// The distribution's id.
    pub distribution: String,
    /// Where viewers see it: a loopback address that stands for the distribution's own domain name.
    pub address: SocketAddr,
    build: TempDir,
}

/// What a viewer gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewed {
    /// The status.
    pub status: u16,
    /// The header `Content-Type`.
    pub content_type: String,
    /// The header `Cache-Control`.
    pub control: String,
    /// The body.
    pub body: String,
}

impl World {
    /// A bucket with a page in it, and a distribution that serves it and answers what is missing with the page, as is
    /// usual for single-page applications. Nothing is deployed by the controller yet.
    pub async fn sited(&self, name: &str) -> Sited<'_> {
        self.sited_at(name, "").await
    }

    /// The same with this origin path.
    pub(crate) async fn sited_at(&self, name: &str, origin_path: &str) -> Sited<'_> {
        let clients = self.clients();
        let create = clients.s3.create_bucket().bucket(name).send();
        create.await.unwrap();
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::{name}/*"}}]}}"#
        );
        let put = clients.s3.put_bucket_policy().bucket(name).policy(policy);
        put.send().await.unwrap();
        let put = clients.s3.put_object().bucket(name).key("index.html");
        let put = put
            .content_type("text/html")
            .body(b"<p>by hand</p>".to_vec().into());
        put.send().await.unwrap();
        let created = clients
            .cloudfront
            .create_distribution()
            .distribution_config(config(name, origin_path))
            .send()
            .await
            .unwrap();
        let distribution = created.distribution().unwrap();
        let address = viewers(
            distribution.domain_name(),
            self.engine().state().emulator_port,
        )
        .await;
        Sited {
            world: self,
            name: name.to_owned(),
            distribution: distribution.id().to_owned(),
            address,
            build: tempfile::tempdir().unwrap(),
        }
    }
}

fn config(bucket: &str, origin_path: &str) -> DistributionConfig {
    let s3 = S3OriginConfig::builder().origin_access_identity("").build();
    let origin = Origin::builder()
        .id("site")
        .domain_name(format!("{bucket}.s3.us-east-1.amazonaws.com"))
        .origin_path(origin_path)
        .s3_origin_config(s3)
        .build()
        .unwrap();
    let origins = Origins::builder()
        .quantity(1)
        .items(origin)
        .build()
        .unwrap();
    let behavior = DefaultCacheBehavior::builder()
        .target_origin_id("site")
        .viewer_protocol_policy(ViewerProtocolPolicy::AllowAll)
        .cache_policy_id(CACHING_OPTIMIZED)
        .build()
        .unwrap();
    let page = CustomErrorResponse::builder()
        .error_code(403)
        .response_page_path("/index.html")
        .response_code("200")
        .build()
        .unwrap();
    let pages = CustomErrorResponses::builder().quantity(1).items(page);
    DistributionConfig::builder()
        .caller_reference(bucket)
        .comment("")
        .enabled(true)
        .default_root_object("index.html")
        .origins(origins)
        .default_cache_behavior(behavior)
        .custom_error_responses(pages.build().unwrap())
        .build()
        .unwrap()
}

/// A loopback address that hands every request on under the distribution's own domain name.
async fn viewers(domain: &str, emulator: u16) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let domain = domain.to_owned();
    tokio::spawn(async move {
        while let Ok((mut viewer, _)) = listener.accept().await {
            let domain = domain.clone();
            tokio::spawn(async move {
                let head = head_of(&mut viewer).await;
                let line = head.lines().next().unwrap_or_default().to_owned();
                let mut origin = TcpStream::connect(("127.0.0.1", emulator)).await.unwrap();
                let request = format!("{line}\r\nHost: {domain}\r\nConnection: close\r\n\r\n");
                origin.write_all(request.as_bytes()).await.unwrap();
                // A viewer that went away is its own affair.
                drop(tokio::io::copy(&mut origin, &mut viewer).await);
            });
        }
    });
    address
}

async fn head_of(stream: &mut TcpStream) -> String {
    let (mut head, mut piece) = (Vec::new(), [0; 1024]);
    while !head.windows(4).any(|it| it == b"\r\n\r\n") {
        match stream.read(&mut piece).await {
            Ok(read) if read > 0 => head.extend_from_slice(&piece[..read]),
            _ => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

impl<'w> Sited<'w> {
    /// A manifest with the site, deployed by uploads. `more` is what stands below the site, in YAML.
    pub fn manifest(&self, more: &str) -> String {
        let Self {
            name,
            distribution,
            address,
            ..
        } = self;
        format!(
            "application: {name}\nsites:\n  web:\n    bucket: {name}\n    distribution: {distribution}\n    artifact: web.zip\n    \
             check: {{ url: \"http://{address}/\" }}\n{more}environments:\n  {ENVIRONMENT}:\n    trigger: {{ releases: true }}\n    \
             verify: {{ settle_seconds: 0 }}\n"
        )
    }

    /// Stores a manifest as `lockstep apply` does.
    pub async fn apply(&self, more: &str) -> u64 {
        self.world.apply(&self.name, &self.manifest(more)).await
    }

    /// Builds a file of the site.
    pub fn write(&self, path: &str, content: &str) {
        let file = self.build.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }

    /// The folder of the build.
    pub fn folder(&self) -> &std::path::Path {
        self.build.path()
    }

    /// Takes a file out of the build.
    pub fn remove(&self, path: &str) {
        fs::remove_file(self.build.path().join(path)).unwrap();
    }

    /// The SHA-256 of what was built, packed.
    pub fn bundle(&self) -> String {
        let artifact = pack_one("web.zip".to_owned(), self.build.path());
        artifact.unwrap().sha256
    }

    /// Uploads what was built as `lockstep release` does. Gives the execution that it starts.
    pub async fn release(&self, version: &str) -> Execution<'w> {
        let artifact = pack_one("web.zip".to_owned(), self.build.path()).unwrap();
        let file = ReleaseFile {
            application: self.name.clone(),
            version: version.to_owned(),
            branch: None,
            commit: None,
            author: None,
            rollback_floor: None,
            artifacts: vec![ReleasedArtifact {
                path: artifact.path.clone(),
                sha256: artifact.sha256.clone(),
            }],
        };
        let state = self.world.engine().state();
        let direct = format!("http://127.0.0.1:{}", state.emulator_port);
        let controller = Controller::over(&sdk::config(&direct), sam::STACK);
        upload(&controller, &file, &[artifact]).await.unwrap();
        let key = format!("releases/{}/{version}/release.", self.name);
        eventually("the upload starts an execution", async || {
            self.world.executions_with(&key).await.into_iter().next()
        })
        .await
    }

    /// What a viewer gets at a path.
    pub async fn view(&self, path: &str) -> Viewed {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: viewer\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let header = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(':'));
            let found = lines.find(|(key, _)| key.eq_ignore_ascii_case(name));
            found
                .map(|(_, value)| value.trim().to_owned())
                .unwrap_or_default()
        };
        Viewed {
            status: head.split_whitespace().nth(1).unwrap().parse().unwrap(),
            content_type: header("content-type"),
            control: header("cache-control"),
            body: body.to_owned(),
        }
    }

    /// The origin path of the distribution.
    pub async fn origin_path(&self) -> String {
        let get = self.world.clients().cloudfront.get_distribution();
        let got = get.id(&self.distribution).send().await.unwrap();
        let config = got.distribution().unwrap().distribution_config().unwrap();
        let origins = config.origins().unwrap().items();
        origins[0].origin_path().unwrap_or_default().to_owned()
    }

    /// The paths of each invalidation, oldest first.
    pub async fn invalidations(&self) -> Vec<Vec<String>> {
        let all = self.forgotten().await.into_iter();
        all.map(|(_, paths)| paths).collect()
    }

    /// The reference and the paths of each invalidation, oldest first.
    pub async fn forgotten(&self) -> Vec<(String, Vec<String>)> {
        let cloudfront = &self.world.clients().cloudfront;
        let list = cloudfront
            .list_invalidations()
            .distribution_id(&self.distribution);
        let listed = list.send().await.unwrap();
        let mut all = Vec::new();
        for one in listed.invalidation_list().unwrap().items() {
            let get = cloudfront.get_invalidation().id(one.id());
            let got = get
                .distribution_id(&self.distribution)
                .send()
                .await
                .unwrap();
            let batch = got.invalidation().unwrap().invalidation_batch().unwrap();
            let paths = batch.paths().unwrap().items().to_vec();
            all.push((batch.caller_reference().to_owned(), paths));
        }
        all
    }

    /// The keys in the bucket below a prefix.
    pub async fn keys(&self, prefix: &str) -> Vec<String> {
        let list = self.world.clients().s3.list_objects_v2().bucket(&self.name);
        let mut pages = list.prefix(prefix).into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let contents = page.unwrap().contents.unwrap_or_default();
            keys.extend(contents.into_iter().filter_map(|it| it.key));
        }
        keys
    }
}
