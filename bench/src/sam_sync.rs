//! `sam sync --code`, on a stack of its own.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lockstep_tests::{World, project};

use crate::peers::execute;
use crate::{Result, aws_environment};

const STACK: &str = "bench-sam";

/// Deploys a stack of functions, changes the code of all, and syncs it.
pub async fn run(world: &World, functions: usize) -> Result<Duration> {
    let folder = tempfile::tempdir()?;
    let template = folder.path().join("template.yaml");
    fs::write(&template, stack(functions, &World::task_role()))?;
    write(folder.path(), functions, "v1")?;
    let sam = Sam::new(&world.endpoint(), folder.path());
    execute(sam.command().args([
        "deploy",
        "--stack-name",
        STACK,
        "--resolve-s3",
        "--no-confirm-changeset",
        "--capabilities",
        "CAPABILITY_IAM",
    ]))?;
    write(folder.path(), functions, "v2")?;
    let begun = Instant::now();
    let sync = [
        "sync",
        "--code",
        "--stack-name",
        STACK,
        "--no-dependency-layer",
    ];
    let mut sync_all = sam.command();
    sync_all
        .args(sync)
        .args(["--no-watch", "--no-use-container"]);
    confirmed(&mut sync_all)?;
    let took = begun.elapsed();
    let lambda = &world.clients().lambda;
    let last = format!("bench-sam-{functions:02}");
    let answer = lambda.invoke().function_name(last).send().await?;
    let said = answer.payload().map(AsRef::as_ref).unwrap_or_default();
    if said != b"\"v2\"" {
        let said = String::from_utf8_lossy(said);
        return Err(format!("it ended well, and the last function answers {said}").into());
    }
    Ok(took)
}

/// Runs a command that asks whether the stack is one for development, and says yes.
fn confirmed(command: &mut Command) -> Result<()> {
    let piped = command.stdin(Stdio::piped());
    let mut child = piped.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(b"y\n")?;
    }
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("sam sync ended with {}: {}", output.status, said.trim()).into())
}

/// Functions that need no build: only what syncing takes is measured.
fn stack(functions: usize, role: &str) -> String {
    let mut text = "AWSTemplateFormatVersion: '2010-09-09'\nTransform: AWS::Serverless-2016-10-31\nResources:\n"
        .to_owned();
    for number in 1..=functions {
        let _ = write!(
            text,
            "  F{number}:\n    Type: AWS::Serverless::Function\n    Metadata: {{ SkipBuild: true }}\n    \
             Properties:\n      FunctionName: bench-sam-{number:02}\n      Runtime: python3.12\n      \
             Handler: index.handler\n      CodeUri: f{number}\n      Role: {role}\n"
        );
    }
    text
}

fn write(folder: &Path, functions: usize, label: &str) -> Result<()> {
    for number in 1..=functions {
        let code = folder.join(format!("f{number}"));
        fs::create_dir_all(&code)?;
        let text = format!("def handler(event, context):\n    return \"{label}\"\n");
        fs::write(code.join("index.py"), text)?;
    }
    Ok(())
}

/// The SAM CLI of the local engine.
struct Sam {
    program: PathBuf,
    folder: PathBuf,
    endpoint: String,
}

impl Sam {
    fn new(endpoint: &str, folder: &Path) -> Self {
        Self {
            program: project().join(".lockstep/venv/bin/sam"),
            folder: folder.to_owned(),
            endpoint: endpoint.to_owned(),
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .current_dir(&self.folder)
            .env("HOME", &self.folder)
            .env("SAM_CLI_TELEMETRY", "0")
            .env("SAM_CLI_POLL_DELAY", "0.3")
            .envs(aws_environment(&self.endpoint));
        command
    }
}
