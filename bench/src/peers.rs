//! The tools that people deploy with otherwise, each in its own words.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
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

    /// `aws lambda update-function-code`, then `aws lambda wait function-updated`, for each function: one after the
    /// other, or by several workers at the same time. The zip files come from this machine, as the script sends them.
    /// With an alias, a version is published as well, and the alias pointed to it.
    pub fn update_functions(
        &self,
        zips: &[(String, Vec<u8>)],
        workers: usize,
        alias: Option<&str>,
    ) -> Result<Duration> {
        let folder = tempfile::tempdir()?;
        for (function, zip) in zips {
            std::fs::write(folder.path().join(function), zip)?;
        }
        let left = Mutex::new(zips.iter());
        let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
        let work = || {
            while let Some((function, _)) = next() {
                self.update_function(function, &folder.path().join(function))?;
                if let Some(alias) = alias {
                    self.point_alias(function, alias)?;
                }
            }
            Ok(())
        };
        let begun = Instant::now();
        std::thread::scope(|threads| {
            let workers: Vec<_> = (0..workers).map(|_| threads.spawn(work)).collect();
            let ended = workers.into_iter().map(|worker| match worker.join() {
                Ok(ended) => ended,
                Err(_) => Err("a worker panicked".into()),
            });
            ended.collect::<Result<Vec<()>>>()
        })?;
        Ok(begun.elapsed())
    }

    /// `aws s3 sync --delete`, then an invalidation of everything, and the wait for its end.
    pub fn sync_site(&self, folder: &Path, bucket: &str, distribution: &str) -> Result<Duration> {
        let begun = Instant::now();
        let bucket = format!("s3://{bucket}");
        let mut sync = self.command("aws");
        sync.args(["s3", "sync", "--delete", "--only-show-errors"])
            .arg(folder)
            .arg(&bucket);
        execute(&mut sync)?;
        let invalidate = ["cloudfront", "create-invalidation", "--distribution-id"];
        let all = ["--paths", "/*", "--query", "Invalidation.Id"];
        let mut forget = self.command("aws");
        forget.args(invalidate).arg(distribution).args(all);
        let id = output(forget.args(["--output", "text"]))?;
        let wait = ["cloudfront", "wait", "invalidation-completed"];
        let which = ["--distribution-id", distribution, "--id", id.trim()];
        execute(self.command("aws").args(wait).args(which))?;
        Ok(begun.elapsed())
    }

    fn update_function(&self, function: &str, zip: &Path) -> Result<()> {
        let zip = format!("fileb://{}", zip.display());
        let update = [
            "lambda",
            "update-function-code",
            "--function-name",
            function,
        ];
        execute(self.command("aws").args(update).args(["--zip-file", &zip]))?;
        let wait = ["lambda", "wait", "function-updated", "--function-name"];
        execute(self.command("aws").args(wait).arg(function))
    }

    fn point_alias(&self, function: &str, alias: &str) -> Result<()> {
        let publish = ["lambda", "publish-version", "--function-name", function];
        let query = ["--query", "Version", "--output", "text"];
        let version = output(self.command("aws").args(publish).args(query))?;
        let point = ["lambda", "update-alias", "--function-name", function];
        let alias = ["--name", alias, "--function-version", version.trim()];
        execute(self.command("aws").args(point).args(alias))
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
    output(command).map(drop)
}

/// Runs a command to its end; gives what it wrote.
fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let said = format!("{}\n{}", text(&output.stdout), text(&output.stderr));
    Err(format!("{command:?} ended with {}: {said}", output.status).into())
}
