//! The `lockstep` command in a process of its own: this very test program, told to be the command.

use std::process::Stdio;

use clap::Parser as _;
use lockstep_cli::args::Cli;
use lockstep_cli::local::emulator::{REGION, ROOT_KEY};
use lockstep_tests::{World, run};
use serde_json::Value;
use tempfile::TempDir;

/// Set in the process that is the command: its arguments, one a line.
const ARGUMENTS: &str = "LOCKSTEP_TESTS_ARGUMENTS";

/// What a command came to.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code.
    pub code: i32,
    /// What it printed.
    pub printed: String,
    /// What it printed about failures.
    pub said: String,
}

/// Is the command where [`ARGUMENTS`] says so, and does nothing among the tests.
#[test]
fn be_the_command() {
    let Ok(arguments) = std::env::var(ARGUMENTS) else {
        return;
    };
    let exit = run(lockstep_cli::commands::run(Cli::parse_from(
        arguments.lines(),
    )));
    std::process::exit(i32::from(exit.code()));
}

/// Runs `lockstep --json` with these arguments for the manifest in a folder, to its end.
pub async fn lockstep(world: &World, folder: &TempDir, arguments: &[&str]) -> Ended {
    let (endpoint, file) = (world.endpoint(), folder.path().join("lockstep.yaml"));
    let global = ["lockstep", "--json", "--region", REGION, "--endpoint-url"];
    let global = global.into_iter().chain([endpoint.as_str(), "--file"]);
    let all: Vec<_> = global
        .chain([file.to_str().unwrap()])
        .chain(arguments.iter().copied())
        .collect();
    let output = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "command::be_the_command", "--nocapture"])
        .current_dir(folder.path())
        .env(ARGUMENTS, all.join("\n"))
        .env("AWS_ACCESS_KEY_ID", ROOT_KEY)
        .env("AWS_SECRET_ACCESS_KEY", ROOT_KEY)
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let ended = Ended {
        code: output.status.code().unwrap(),
        printed: text(&output.stdout),
        said: text(&output.stderr),
    };
    println!("lockstep {}: {ended:?}", arguments.join(" "));
    ended
}

impl Ended {
    /// The JSON documents that it printed.
    pub fn lines(&self) -> impl Iterator<Item = Value> {
        let lines = self.printed.lines();
        lines.filter_map(|line| serde_json::from_str(line).ok())
    }

    /// The first one.
    pub fn json(&self) -> Value {
        self.lines()
            .next()
            .unwrap_or_else(|| panic!("no JSON: {self:?}"))
    }

    /// The last one.
    pub fn last(&self) -> Value {
        let last = self.lines().last();
        last.unwrap_or_else(|| panic!("no JSON: {self:?}"))
    }
}
