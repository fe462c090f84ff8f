//! Child processes that never outlive us.
//!
//! Every child runs under `supervise.py`, which holds the read end of a pipe whose write end only we have. However we
//! end (Ctrl-C, panic, SIGKILL), the pipe closes and the supervisor kills the child with its whole process group.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::error::{IoContext, LocalError};
use super::layout::Layout;

const SUPERVISOR: &str = include_str!("../../local/supervise.py");

/// How long an ordered stop may take: containers are removed meanwhile.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// One process of a plan.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Process {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Variables on top of our own environment.
    pub environment: std::collections::BTreeMap<String, String>,
    /// Where its output goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<PathBuf>,
    /// Whether the clean-up needs it: it ends after that, the others before.
    pub needed_by_cleanup: bool,
    /// Its working directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
}

/// What the supervisor runs, and what it does once all of it is dead.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Plan {
    /// Started in order; when one ends, all of them are ended.
    pub processes: Vec<Process>,
    /// Runs when the processes it does not need are dead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cleanup: Option<Process>,
    /// Files and folders that are removed at the end.
    pub remove: Vec<PathBuf>,
}

/// A running supervisor. Dropping it ends everything it runs, and waits for that.
#[derive(Debug)]
pub struct Supervised {
    child: Child,
}

impl Supervised {
    /// Starts the processes of `plan`, none of which sends calls to this machine through a proxy, under the interpreter `python`.
    pub fn start(
        layout: &Layout,
        python: &Path,
        name: &str,
        plan: &Plan,
    ) -> Result<Self, LocalError> {
        let script = layout.engine.join("supervise.py");
        let file = layout.engine.join(format!("{name}.json"));
        layout.write(&script, SUPERVISOR.as_bytes())?;
        let mut plan = plan.clone();
        plan.remove.push(file.clone());
        let text = serde_json::to_vec_pretty(&plan)
            .map_err(std::io::Error::other)
            .doing(|| format!("planning {name}"))?;
        layout.write(&file, &text)?;
        let log = layout.logs().join("supervisor.log");
        let output = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .doing(|| format!("opening {}", log.display()))?;
        let mut command = Command::new(python);
        let direct = std::env::var("NO_PROXY").unwrap_or_default();
        command.env("NO_PROXY", format!("127.0.0.1,localhost,{direct}"));
        command
            .arg(&script)
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(output);
        // A group of its own: Ctrl-C in the terminal reaches us, and the supervisor through us.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command
            .spawn()
            .doing(|| format!("starting {}", python.display()))?;
        Ok(Self { child })
    }

    /// The status, if everything ended already.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits until the processes end by themselves.
    pub async fn wait(&mut self) -> Result<ExitStatus, LocalError> {
        loop {
            if let Some(status) = self
                .child
                .try_wait()
                .doing(|| "waiting for a child process".to_owned())?
            {
                return Ok(status);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends everything and waits until it is gone.
    pub fn stop(&mut self) {
        drop(self.child.stdin.take());
        let limit = Instant::now() + STOP_LIMIT;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < limit {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Waits while the supervisor of an earlier run still clears up after a parent that was killed.
pub async fn wait_for_leftovers(layout: &Layout, name: &str) {
    let plan = layout.engine.join(format!("{name}.json"));
    let limit = Instant::now() + STOP_LIMIT;
    while plan.exists() && is_argument_of_a_process(&plan) && Instant::now() < limit {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn is_argument_of_a_process(path: &Path) -> bool {
    let wanted = path.as_os_str().as_encoded_bytes();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.into_iter().any(|process| {
        let command = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        command
            .split(|byte| *byte == 0)
            .any(|argument| argument == wanted)
    })
}

/// Runs one command to its end; a failure carries the end of its output, which goes to `log` as a whole.
pub async fn run(
    layout: &Layout,
    python: &Path,
    what: &str,
    process: Process,
) -> Result<(), LocalError> {
    let name = what.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let log = layout.logs().join(format!("{name}.log"));
    if log.exists() {
        std::fs::remove_file(&log).doing(|| format!("removing the old {}", log.display()))?;
    }
    let process = Process {
        log: Some(log.clone()),
        ..process
    };
    let plan = Plan {
        processes: vec![process],
        ..Plan::default()
    };
    let status = Supervised::start(layout, python, &name, &plan)?
        .wait()
        .await?;
    if status.success() {
        return Ok(());
    }
    Err(LocalError::Command {
        what: what.to_owned(),
        detail: tail(&log, 15),
        log,
    })
}

/// The last lines of a file, without empty ones.
pub fn tail(path: &Path, lines: usize) -> String {
    let bytes = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines_of: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let from = lines_of.len().saturating_sub(lines);
    lines_of[from..].join("\n")
}
