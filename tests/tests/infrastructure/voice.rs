//! A copy of the example, and looks at what became of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use aws_sdk_lambda::primitives::Blob;
use lockstep::record::DeploymentRecord;
use lockstep::verdict::Verdict;
use lockstep_cli::local::gateway::ResourceFault;
use lockstep_cli::local::{image, registry};
use lockstep_tests::{StackSnapshot, World, eventually, project, releases_bucket};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::command::Command;

/// What the service runs as long as there is no image.
pub const FALLBACK: &str = "public.ecr.aws/docker/library/httpd:2.4";

const APPLICATION: &str = "voice";
const ENVIRONMENT: &str = "local";
const NAME: &str = "voice-local";
const FUNCTION: &str = "voice-local-invoke-task";

/// The example, in a folder of its own.
pub struct Voice<'w> {
    world: &'w World,
    folder: TempDir,
}

impl<'w> Voice<'w> {
    /// A copy of the example as it is.
    pub fn new(world: &'w World) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(&project().join("examples/voice-bridge"), folder.path()).unwrap();
        Self { world, folder }
    }

    /// `lockstep` with these arguments, in the example's folder. Gives its exit code.
    pub async fn run(&self, arguments: &[&str]) -> Option<i32> {
        let file = self.path("lockstep.yaml");
        let mut all = vec!["--file", file.to_str().unwrap()];
        all.extend(arguments);
        let mut command = Command::start(self.world, APPLICATION, &all);
        command.finish().await
    }

    /// `lockstep release` of what is built, waiting for what it starts. Gives its exit code.
    pub async fn release(&self, version: &str, more: &[&str]) -> Option<i32> {
        let build = self.path("functions");
        let build = build.to_str().unwrap();
        let mut arguments = vec!["release", version, "--directory", build, "--wait"];
        arguments.extend(more);
        self.run(&arguments).await
    }

    /// Changes the template of the platform. Gives the file, and what was in it.
    pub fn edit(&self, from: &str, to: &str) -> (PathBuf, String) {
        let path = self.path("infrastructure/application.yaml");
        let text = fs::read_to_string(&path).unwrap();
        let changed = text.replacen(from, to, 1);
        assert_ne!(text, changed, "{from:?} is in the template");
        fs::write(&path, changed).unwrap();
        (path, text)
    }

    /// What should be a zip file of the function is none.
    pub fn break_build(&self) {
        let folder = self.path("functions");
        fs::remove_dir_all(folder.join("invoke-task")).unwrap();
        fs::write(folder.join("invoke-task.zip"), "this is no zip file").unwrap();
    }

    /// Makes resources of stacks fail.
    pub async fn hit(&self, faults: &[ResourceFault]) {
        let gateway = self.world.engine().gateway();
        gateway.hit_resources(faults).await.unwrap();
    }

    /// Pushes an image, as `docker push` does.
    pub async fn push(&self, tag: &str) -> String {
        let binary = self.path("service");
        fs::write(&binary, tag).unwrap();
        let image = image::build(&binary, &[("CONTENT", tag)], &[]).unwrap();
        let (endpoint, repository) = (self.world.endpoint(), format!("{NAME}/bridge"));
        let pushed = registry::push(&endpoint, &image, &repository, tag).await;
        pushed.unwrap()
    }

    /// What became of the deployment that this push started.
    pub async fn deployment_of(&self, digest: &str) -> (Verdict, String) {
        let execution = eventually("the push starts an execution", async || {
            self.world.executions_with(digest).await.into_iter().next()
        });
        let (record, _) = execution.await.concluded().await;
        let conclusion = record.conclusion.unwrap();
        (conclusion.verdict, conclusion.message)
    }

    /// The records of all deployments, oldest first.
    pub async fn records(&self) -> Vec<DeploymentRecord> {
        let ledger = &self.world.clients().ledger;
        let history = ledger.history(APPLICATION, ENVIRONMENT, 100).await.unwrap();
        let mut records = Vec::new();
        for line in history.iter().rev() {
            records.extend(ledger.record(&line.id).await.unwrap());
        }
        records
    }

    /// The kinds of a deployment's steps.
    pub async fn steps(&self, record: &DeploymentRecord) -> Vec<String> {
        let ledger = &self.world.clients().ledger;
        let plan = ledger.plan(&record.deployment.id).await.unwrap().unwrap();
        let steps = plan.steps.iter();
        steps.map(|step| step.change.phase().to_owned()).collect()
    }

    /// The verdict of the newest deployment.
    pub async fn last_verdict(&self) -> Verdict {
        self.records()
            .await
            .pop()
            .unwrap()
            .conclusion
            .unwrap()
            .verdict
    }

    /// What people were told of the newest deployment.
    pub async fn last_message(&self) -> String {
        self.records()
            .await
            .pop()
            .unwrap()
            .conclusion
            .unwrap()
            .message
    }

    /// One of its stacks now; without a status when there is none.
    pub async fn stack(&self, component: &str) -> StackSnapshot {
        let name = format!("{NAME}-{component}");
        self.world.stack_now(&name).await
    }

    /// The hash of the code that was built.
    pub fn artifact(&self) -> String {
        let folder = self.path("functions");
        let arguments = lockstep_cli::release::collect(&folder_arguments(&folder));
        arguments.unwrap().remove(0).sha256
    }

    /// The hash of the code that the function runs.
    pub async fn code(&self) -> String {
        let lambda = &self.world.clients().lambda;
        let found = lambda.get_function().function_name(FUNCTION).send().await;
        let found = found.unwrap().configuration.unwrap();
        let hash = found.code_sha256().unwrap();
        hex(hash)
    }

    /// The hash of the code that stacks read, as it lies there; `None` where there is none.
    pub async fn live(&self) -> Option<String> {
        let key = format!("live/{APPLICATION}/{ENVIRONMENT}/invoke-task.zip");
        let get = self.world.clients().s3.get_object();
        let object = get.bucket(releases_bucket()).key(key).send().await.ok()?;
        let bytes = object.body.collect().await.unwrap().into_bytes();
        Some(format!("{:x}", Sha256::digest(&bytes)))
    }

    /// What other stacks are told, by name without what all names have in common.
    pub async fn told(&self) -> BTreeMap<String, String> {
        let path = format!("/lockstep/{APPLICATION}/{ENVIRONMENT}");
        self.world.published_below(&path).await
    }

    /// What the function answers to an event without a call.
    pub async fn invoke(&self) -> String {
        let lambda = &self.world.clients().lambda;
        let invoke = lambda.invoke().function_name(FUNCTION);
        let answer = invoke.payload(Blob::new("{}")).send().await.unwrap();
        let payload = answer.payload.unwrap_or_else(|| Blob::new(""));
        String::from_utf8(payload.into_inner()).unwrap()
    }

    /// The image that the service runs; `None` when there is no active service.
    pub async fn image(&self) -> Option<String> {
        let ecs = &self.world.clients().ecs;
        let services = ecs.describe_services().cluster(NAME).services("bridge");
        let services = services.send().await.ok()?;
        let service = services.services().first()?;
        if service.status() != Some("ACTIVE") {
            return None;
        }
        let definition = ecs
            .describe_task_definition()
            .task_definition(service.task_definition()?)
            .send()
            .await
            .unwrap();
        let containers = definition.task_definition()?.container_definitions();
        Some(containers.first()?.image()?.to_owned())
    }

    /// How long the service's logs are kept.
    pub async fn log_days(&self) -> Option<i32> {
        let logs = self.world.clients().logs.describe_log_groups();
        let groups = logs.log_group_name_prefix(format!("/{NAME}/bridge"));
        groups.send().await.unwrap().log_groups()[0].retention_in_days()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// The arguments of `lockstep release` for a folder.
fn folder_arguments(folder: &Path) -> lockstep_cli::args::ReleaseArgs {
    use clap::Parser as _;
    use lockstep_cli::args::{Cli, Command};
    let arguments = [
        "lockstep",
        "release",
        "0",
        "--directory",
        folder.to_str().unwrap(),
    ];
    let Command::Release(arguments) = Cli::parse_from(arguments).command else {
        panic!("release is a command")
    };
    arguments
}

/// Lambda tells a hash in base64.
fn hex(base64: &str) -> String {
    let alphabet: BTreeMap<_, u32> =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
            .chars()
            .zip(0..)
            .collect();
    let (mut bits, mut kept, mut text) = (0_u32, 0, String::new());
    for letter in base64.trim_end_matches('=').chars() {
        bits = (bits << 6) | alphabet[&letter];
        kept += 6;
        while kept >= 4 {
            kept -= 4;
            text.push(char::from_digit((bits >> kept) & 15, 16).unwrap());
        }
        bits &= (1 << kept) - 1;
    }
    text.truncate(64);
    text
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).map(drop)?;
        }
    }
    Ok(())
}
