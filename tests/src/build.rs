//! What the functions of a fleet are built from, and their releases.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use aws_sdk_s3::primitives::ByteStream;
use clap::Parser as _;
use lockstep::record::DeploymentRecord;
use lockstep::release_file::{ReleaseFile, ReleasedArtifact};
use lockstep_cli::args::{Cli, Command, ReleaseArgs};
use lockstep_cli::aws::Controller;
use lockstep_cli::local::emulator::ACCOUNT;
use lockstep_cli::local::{sam, sdk};
use lockstep_cli::release::{Artifact, collect, upload};
use serde_json::Value;
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::{ENVIRONMENT, Execution, Fleet, eventually};

/// The handler of every function.
pub(crate) const HANDLER: &str = "index.handler";

/// What a function answers: its label, which version it is, and the variables that begin with `FLEET_`.
const ANSWER: &str = r#"
import json
import os

LABEL = "<label>"


def answer(version):
    variables = {name: value for name, value in os.environ.items() if name.startswith("FLEET_")}
    return {"label": LABEL, "version": version, "variables": variables}
"#;

/// The last lines of a Python function.
const PYTHON: &str = r"

def handler(event, context):
    return answer(context.function_version)
";

/// The last lines of a runtime of its own, which asks Lambda for what to do.
const CUSTOM: &str = r#"
import urllib.request

INVOCATION = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"

while True:
    with urllib.request.urlopen(f"{INVOCATION}/next") as event:
        request = event.headers["Lambda-Runtime-Aws-Request-Id"]
        event.read()
    body = json.dumps(answer(os.environ["AWS_LAMBDA_FUNCTION_VERSION"])).encode()
    urllib.request.urlopen(f"{INVOCATION}/{request}/response", data=body).close()
"#;

impl<'w> Fleet<'w> {
    /// Builds a function whose code has this label. The same label gives the same zip file.
    pub fn build(&self, function: &str, label: &str) {
        self.forget(function);
        let folder = self.build.path().join(function);
        fs::create_dir_all(&folder).unwrap();
        let answer = ANSWER.replace("<label>", label);
        if self.is_custom(function) {
            let program = folder.join("bootstrap");
            let text = format!("#!/usr/bin/env python3{answer}{CUSTOM}");
            fs::write(&program, text).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        } else {
            fs::write(folder.join("index.py"), format!("{answer}{PYTHON}")).unwrap();
        }
    }

    /// Builds all functions with this label.
    pub fn build_all(&self, label: &str) {
        for function in &self.functions {
            self.build(function, label);
        }
    }

    /// Builds a function that Lambda will refuse: what should be a zip file is none.
    pub fn build_broken(&self, function: &str) {
        self.forget(function);
        let file = self.build.path().join(format!("{function}.zip"));
        fs::write(file, "this is no zip file").unwrap();
    }

    /// Builds a function that Lambda takes and that fails as soon as it is called: its code is not what its runtime reads.
    pub fn build_crashing(&self, function: &str) {
        self.build(function, "crashing");
        let folder = self.build.path().join(function);
        fs::write(folder.join("index.py"), "def handler(event, context:\n").unwrap();
    }

    fn forget(&self, function: &str) {
        let folder = self.build.path().join(function);
        drop(fs::remove_dir_all(&folder));
        drop(fs::remove_file(folder.with_extension("zip")));
    }

    /// Everything that was built, packed as `lockstep release` does.
    pub fn artifacts(&self, version: &str) -> Vec<Artifact> {
        collect(&arguments(version, self.build.path())).unwrap()
    }

    /// Uploads everything that was built as `lockstep release` does.
    pub async fn release(&self, version: &str) {
        let artifacts = self.artifacts(version);
        let file = self.release_file(version, &artifacts);
        self.put_release(&file, &artifacts).await;
    }

    /// [`Self::release`], which says that its schema supports no release older than this.
    pub async fn release_with_floor(&self, version: &str, floor: &str) {
        let artifacts = self.artifacts(version);
        let mut file = self.release_file(version, &artifacts);
        file.rollback_floor = Some(floor.to_owned());
        self.put_release(&file, &artifacts).await;
    }

    async fn put_release(&self, file: &ReleaseFile, artifacts: &[Artifact]) {
        let state = self.world.engine().state();
        let direct = format!("http://127.0.0.1:{}", state.emulator_port);
        let controller = Controller::over(&sdk::config(&direct), sam::STACK);
        upload(&controller, file, artifacts).await.unwrap();
    }

    /// Uploads everything that was built as one release.zip, as a tool without our command line may.
    pub async fn release_zip(&self, version: &str) {
        let artifacts = self.artifacts(version);
        let file = self.release_file(version, &artifacts);
        let file = serde_json::to_vec(&file).unwrap();
        let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let mut add = |path: &str, bytes: &[u8]| {
            zip.start_file(path, SimpleFileOptions::default()).unwrap();
            zip.write_all(bytes).unwrap();
        };
        for artifact in &artifacts {
            add(&artifact.path, &fs::read(&artifact.file).unwrap());
        }
        add("release.json", &file);
        let bytes = zip.finish().unwrap().into_inner();
        self.put(version, "release.zip", bytes).await;
    }

    fn release_file(&self, version: &str, artifacts: &[Artifact]) -> ReleaseFile {
        let released = |artifact: &Artifact| ReleasedArtifact {
            path: artifact.path.clone(),
            sha256: artifact.sha256.clone(),
        };
        ReleaseFile {
            application: self.name.clone(),
            version: version.to_owned(),
            branch: None,
            commit: None,
            author: None,
            rollback_floor: None,
            artifacts: artifacts.iter().map(released).collect(),
        }
    }

    /// Uploads everything that was built, and no release.json: nothing is deployed.
    pub async fn upload_only(&self, version: &str) {
        for artifact in self.artifacts(version) {
            let bytes = fs::read(&artifact.file).unwrap();
            self.put(version, &artifact.path, bytes).await;
        }
    }

    /// Uploads a release as it should not be: this release.json, and these files beside it.
    pub async fn release_raw(&self, version: &str, release_file: &Value, files: &[(&str, &[u8])]) {
        for (path, bytes) in files {
            self.put(version, path, bytes.to_vec()).await;
        }
        let text = release_file.to_string().into_bytes();
        self.put(version, "release.json", text).await;
    }

    async fn put(&self, version: &str, path: &str, bytes: Vec<u8>) {
        let put = self.world.clients().s3.put_object();
        let put = put.bucket(format!("{}-releases-{ACCOUNT}", sam::STACK));
        let put = put.key(format!("releases/{}/{version}/{path}", self.name));
        put.body(ByteStream::from(bytes)).send().await.unwrap();
    }

    /// The execution that the upload of a release started.
    pub async fn execution_of_release(&self, version: &str) -> Execution<'w> {
        let key = format!("releases/{}/{version}/release.", self.name);
        eventually("the upload starts an execution", async || {
            self.world.executions_with(&key).await.into_iter().next()
        })
        .await
    }

    /// The records of all deployments of the fleet, oldest first.
    pub async fn records(&self) -> Vec<DeploymentRecord> {
        let ledger = &self.world.clients().ledger;
        let history = ledger.history(&self.name, ENVIRONMENT, 100).await.unwrap();
        let mut records = Vec::new();
        for line in history.iter().rev() {
            records.extend(ledger.record(&line.id).await.unwrap());
        }
        records
    }
}

/// The command line that releases what is in a folder.
fn arguments(version: &str, folder: &Path) -> ReleaseArgs {
    let folder = folder.to_str().unwrap();
    let line = ["lockstep", "release", version, "--directory", folder];
    match Cli::parse_from(line).command {
        Command::Release(arguments) => arguments,
        _ => unreachable!("`release` is what was asked for"),
    }
}
