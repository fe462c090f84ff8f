//! The `lockstep` command in a process of its own: this very test program, told to be the command.

use std::process::Stdio;
use std::time::Duration;

use clap::Parser as _;
use lockstep_cli::args::Cli;
use lockstep_tests::{World, run};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

/// Set in the process that is the command: its arguments, one a line.
const ARGUMENTS: &str = "LOCKSTEP_TESTS_ARGUMENTS";
/// How long a line may take.
const LIMIT: Duration = Duration::from_mins(2);

/// A running command.
pub struct Command {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
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

#[allow(dead_code, reason = "not every test does all with it")]
impl Command {
    /// Starts `lockstep` with these arguments, for an application.
    pub fn start(world: &World, application: &str, arguments: &[&str]) -> Self {
        let endpoint = world.endpoint();
        let global = [
            "lockstep",
            "--application",
            application,
            "--endpoint-url",
            &endpoint,
        ];
        let global = global.into_iter().chain(["--region", "us-east-1"]);
        let all: Vec<_> = global.chain(arguments.iter().copied()).collect();
        // Whatever the command says goes to one pipe: a person's terminal shows both, too.
        let mut child = tokio::process::Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 2>&1"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "command::be_the_command", "--nocapture"])
            .env(ARGUMENTS, all.join("\n"))
            .env("AWS_ACCESS_KEY_ID", lockstep_cli::local::emulator::ROOT_KEY)
            .env(
                "AWS_SECRET_ACCESS_KEY",
                lockstep_cli::local::emulator::ROOT_KEY,
            )
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next line that contains a text.
    pub async fn line(&mut self, text: &str) -> String {
        let next = async {
            loop {
                let line = self.lines.next_line().await.unwrap();
                let line = line.unwrap_or_else(|| panic!("it ended before it said {text:?}"));
                println!("| {line}");
                if line.contains(text) {
                    return line;
                }
            }
        };
        let found = tokio::time::timeout(LIMIT, next).await;
        found.unwrap_or_else(|_| panic!("it does not say {text:?}"))
    }

    /// Prints all it says, and gives its exit code.
    pub async fn finish(&mut self) -> Option<i32> {
        let lines = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                println!("| {line}");
            }
        };
        let said = tokio::time::timeout(2 * LIMIT, lines).await;
        said.expect("it ends");
        self.ended().await
    }

    /// Presses Ctrl-C, and gives the exit code.
    pub async fn interrupt(&mut self) -> Option<i32> {
        let id = self.child.id().unwrap().to_string();
        let kill = std::process::Command::new("kill")
            .args(["-INT", &id])
            .status();
        assert!(kill.unwrap().success());
        self.ended().await
    }

    /// Its exit code, once it has ended.
    pub async fn ended(&mut self) -> Option<i32> {
        let ended = tokio::time::timeout(LIMIT, self.child.wait()).await;
        ended.expect("it ends").unwrap().code()
    }
}
