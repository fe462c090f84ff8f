//! `lockstep demo`
use clap::Args;
use crate::error::CliError;
use crate::exit::Exit;
use crate::view::Output;
/// `lockstep demo`
#[derive(Debug, Args)]
pub struct DemoArgs {}
/// x
pub async fn run(_args: DemoArgs, _output: Output) -> Result<Exit, CliError> { Ok(Exit::Good) }
