//! The commands, one file each.

mod apply;
mod deploy;
mod doctor;
mod history;
mod init;
mod proceed;
mod release;
mod repair;
mod show;
mod status;
mod stop;
mod sync;
mod validate;
mod verify;
mod watch;

use std::path::PathBuf;

use crate::args::{Cli, Command};
use crate::error::CliError;
use crate::exit::Exit;
use crate::local::commands::find_project;
use crate::view::Output;

pub use apply::{apply, apply_all};
pub use proceed::proceed;
pub use stop::stop;

/// Runs a command to its end. A failure is printed here, once.
pub async fn run(cli: Cli) -> Exit {
    let output = Output::new(cli.global.json);
    match dispatch(cli, output).await {
        Ok(exit) => exit,
        Err(error) => {
            output.failure(&error);
            error.exit()
        }
    }
}

async fn dispatch(cli: Cli, output: Output) -> Result<Exit, CliError> {
    let global = &cli.global;
    match cli.command {
        Command::Init(args) => init::run(global, &args, output).await,
        Command::Validate(args) => validate::run(global, &args, output),
        Command::Apply(args) => apply::run(global, &args, output).await,
        Command::Deploy(args) => deploy::run(global, args, output).await,
        Command::Release(args) => release::run(global, &args, output).await,
        Command::Sync(args) => sync::run(global, args, output).await,
        Command::Status(args) => status::run(global, &args, output).await,
        Command::Verify(args) => verify::run(global, &args, output).await,
        Command::Doctor(args) => doctor::run(global, &args, output).await,
        Command::Repair(args) => repair::run(global, &args, output).await,
        Command::Watch(args) => watch::run(global, &args, output).await,
        Command::Proceed(args) => proceed::run(global, &args, output).await,
        Command::Stop(args) => stop::run(global, &args, output).await,
        Command::History(args) => history::run(global, &args, output).await,
        Command::Show(args) => show::run(global, &args, output).await,
        Command::Local(command) => {
            crate::local::commands::run(command, &project()?).await?;
            Ok(Exit::Good)
        }
        Command::Demo(args) => crate::demo::run(args, output).await,
    }
}

/// The controller's own project: where `template.yaml` is, from here upwards.
pub fn project() -> Result<PathBuf, CliError> {
    let here = std::env::current_dir().map_err(|source| CliError::Io {
        what: "finding the current folder".to_owned(),
        source,
    })?;
    find_project(&here).ok_or_else(|| {
        CliError::invalid(
            format!(
                "{} is not in a clone of the Lockstep project: no template.yaml from here upwards",
                here.display()
            ),
            "the local engine deploys the controller from its sources: run this inside a clone",
        )
    })
}

/// Who runs this, as far as the machine knows.
pub fn user() -> String {
    ["USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        .unwrap_or_else(|| "somebody".to_owned())
}
