//! `lockstep local …`: the local engine from the command line.

mod inspect;
mod push;
mod up;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::engine::{Containers, Options, Progress, Report};
use super::error::{IoContext, LocalError};
use super::layout::Layout;

/// AWS on this machine, without an account.
#[derive(Debug, Subcommand)]
pub enum LocalCommand {
    /// Start the local engine and deploy the controller to it; runs until Ctrl-C.
    Up(UpArgs),
    /// Show whether an engine is running, and where.
    Status {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the engine's logs.
    Logs(LogsArgs),
    /// Stop an engine that was started with `up --detach` (or in another terminal).
    Down,
    /// Push an image of the local container engine to the engine's ECR, as `docker push` does to ECR on AWS.
    Push(PushArgs),
    /// Own an engine in the background; `up --detach` starts this.
    #[command(hide = true)]
    Serve(EngineArgs),
}

/// Arguments of `local up`.
#[derive(Debug, Clone, Args)]
pub struct UpArgs {
    /// Leave the engine running in the background; `lockstep local down` stops it.
    #[arg(long)]
    pub detach: bool,
    #[command(flatten)]
    engine: EngineArgs,
}

/// What the engine is to be like.
#[derive(Debug, Clone, Args)]
pub struct EngineArgs {
    /// Port of the gateway, the endpoint of all AWS calls; 0 takes any free one.
    #[arg(long, default_value_t = 4565)]
    gateway_port: u16,
    /// Port of the AWS emulator behind the gateway; 0 takes any free one.
    #[arg(long, visible_alias = "port", default_value_t = 4566)]
    emulator_port: u16,
    /// Run no containers, even if Docker or Podman is there: ECS tasks count as running.
    #[arg(long)]
    no_containers: bool,
    /// Do not enforce signatures and IAM policies.
    #[arg(long)]
    no_auth: bool,
    /// Start the emulator only; deploy no controller.
    #[arg(long)]
    bare: bool,
}

/// Arguments of `local logs`.
#[derive(Debug, Clone, Args)]
pub struct LogsArgs {
    /// Which log: emulator, podman, sam-build, sam-deploy, supervisor, serve. All of them without it.
    pub name: Option<String>,
    /// Show this many lines of each.
    #[arg(long, short = 'n', default_value_t = 50)]
    pub lines: usize,
    /// Keep printing what is added, until Ctrl-C.
    #[arg(long, short)]
    pub follow: bool,
}

/// Arguments of `local push`.
#[derive(Debug, Clone, Args)]
pub struct PushArgs {
    /// The image as `docker images` or `podman images` shows it: NAME or NAME:TAG.
    pub image: String,
    /// The ECR repository; the image's name without registry by default. It is created if it does not exist.
    #[arg(long)]
    pub repository: Option<String>,
    /// The tag in ECR; the image's own by default.
    #[arg(long)]
    pub tag: Option<String>,
}

/// Runs one command for the project in `root`.
pub async fn run(command: LocalCommand, root: &Path) -> Result<(), LocalError> {
    let layout = Layout::new(&root.join(".lockstep"), None);
    match command {
        LocalCommand::Up(args) if args.detach => up::detached(&layout, root, &args.engine).await,
        LocalCommand::Up(args) => up::foreground(root, &args.engine).await,
        LocalCommand::Serve(args) => up::foreground(root, &args).await,
        LocalCommand::Status { json } => inspect::status(&layout, json),
        LocalCommand::Logs(args) => inspect::logs(&layout, &args).await,
        LocalCommand::Down => up::down(&layout).await,
        LocalCommand::Push(args) => push::push(&layout, &args).await,
    }
}

impl EngineArgs {
    fn options(&self, root: &Path) -> Options {
        Options {
            gateway_port: self.gateway_port,
            emulator_port: self.emulator_port,
            containers: if self.no_containers {
                Containers::Off
            } else {
                Containers::Auto
            },
            auth: !self.no_auth,
            ..Options::new(root)
        }
    }

    /// The same arguments for another process.
    fn to_command_line(&self) -> Vec<String> {
        let mut line = vec![format!("--gateway-port={}", self.gateway_port)];
        line.push(format!("--emulator-port={}", self.emulator_port));
        let flags = [
            ("--no-containers", self.no_containers),
            ("--no-auth", self.no_auth),
            ("--bare", self.bare),
        ];
        line.extend(
            flags
                .iter()
                .filter(|(_, set)| *set)
                .map(|(flag, _)| (*flag).to_owned()),
        );
        line
    }
}

/// The project that a folder belongs to: the nearest folder upwards with a `template.yaml`.
pub fn find_project(from: &Path) -> Option<PathBuf> {
    from.ancestors()
        .find(|folder| folder.join("template.yaml").is_file())
        .map(Path::to_owned)
}

/// Prints one line for the person at the terminal.
fn say(line: &str) -> Result<(), LocalError> {
    writeln!(std::io::stdout(), "{line}").doing(|| "writing to the terminal".to_owned())
}

/// Progress as plain lines.
fn plain_report() -> Report {
    std::sync::Arc::new(|progress| {
        let line = match progress {
            Progress::Step(step) => format!("· {step}…"),
            Progress::Notice(notice) => format!("! {notice}"),
        };
        // Nothing depends on a progress line: a closed terminal must not end the engine's start.
        drop(writeln!(std::io::stderr(), "{line}"));
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_background_process_gets_the_same_arguments() {
        let args = EngineArgs {
            gateway_port: 1,
            emulator_port: 2,
            no_containers: true,
            no_auth: false,
            bare: true,
        };
        let line = [
            "--gateway-port=1",
            "--emulator-port=2",
            "--no-containers",
            "--bare",
        ];
        assert_eq!(args.to_command_line(), line);
    }
}
