//! `lockstep`: takes releases to AWS environments as one unit.

use std::process::ExitCode;

use clap::Parser;
use lockstep_cli::args::Cli;
use lockstep_cli::commands;

#[tokio::main]
async fn main() -> ExitCode {
    commands::run(Cli::parse()).await.into()
}
