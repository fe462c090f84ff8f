//! The tools that people deploy with otherwise, each in its own words.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lockstep_tests::project;
use sha2::{Digest, Sha256};

use crate::{Result, aws_environment};

const REQUIREMENTS: &str = include_str!("../requirements.txt");

/// An environment with the pinned tools, made once.
#[derive(Debug)]
pub struct Peers {
    folder: PathBuf,
    endpoint: String,
}

impl Peers {
    /// Installs the tools, unless they are there, for use against `endpoint`.
    pub fn install(endpoint: &str) -> Result<Self> {
        let folder = project().join(".lockstep/bench-venv");
        let marker = folder.join("requirements.sha256");
        let wanted = format!("{:x}", Sha256::digest(REQUIREMENTS));
        if !std::fs::read_to_string(&marker).is_ok_and(|found| found == wanted) {
            let place = folder.display().to_string();
            execute(Command::new("python3").args(["-m", "venv", "--clear", &place]))?;
            let requirements = folder.join("requirements.txt");
            std::fs::write(&requirements, REQUIREMENTS)?;
            let mut pip = Command::new(folder.join("bin/python"));
            pip.args(["-m", "pip", "install", "--quiet", "--no-input"])
                .args(["--disable-pip-version-check", "--no-deps"])
                .args(["--require-hashes", "-r"])
                .arg(&requirements);
            execute(&mut pip)?;
            std::fs::write(&marker, wanted)?;
        }
        Ok(Self {
            folder,
            endpoint: endpoint.to_owned(),
        })
    }

    /// `aws ecs update-service`, then `aws ecs wait services-stable`. The task definition exists already.
    pub fn aws_cli(&self, cluster: &str, service: &str, revision: &str) -> Result<Duration> {
        let begun = Instant::now();
        let update = ["ecs", "update-service", "--cluster", cluster, "--service"];
        execute(
            self.command("aws")
                .args(update)
                .args([service, "--task-definition", revision]),
        )?;
        let wait = ["ecs", "wait", "services-stable", "--cluster", cluster];
        execute(self.command("aws").args(wait).args(["--services", service]))?;
        Ok(begun.elapsed())
    }

    /// `ecs deploy`, which registers the task definition itself.
    pub fn ecs_deploy(
        &self,
        cluster: &str,
        service: &str,
        container: &str,
        image: &str,
    ) -> Result<Duration> {
        let begun = Instant::now();
        let deploy = ["deploy", cluster, service, "--image", container, image];
        execute(self.command("ecs").args(deploy))?;
        Ok(begun.elapsed())
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.folder.join("bin").join(program));
        command
            .env_clear()
            .env("PATH", self.folder.join("bin"))
            .env("HOME", &self.folder)
            .env("LANG", "C.UTF-8")
            .envs(aws_environment(&self.endpoint));
        command
    }
}

/// Runs a command to its end; its output is shown only where it fails.
pub fn execute(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let said = format!("{}\n{}", text(&output.stdout), text(&output.stderr));
    Err(format!("{command:?} ended with {}: {said}", output.status).into())
}
