//! `lockstep demo`: the whole product on one machine. A controller is deployed to the
//! local engine, an example service to go with it, and four versions are pushed: two go
//! live, one crashes, one is unhealthy; those two are put back.
//!
//! Nothing is staged. The controller is the one that `sam deploy` deploys, the pushes
//! reach it as events, and what is shown is what it says. Only where no container engine
//! runs the tasks, the demo itself answers in their place, and the demo says so.

mod example;
mod http;
mod images;
mod releases;
mod report;
mod run;
mod service;
mod stage;
mod stand_in;
mod world;

use std::path::{Path, PathBuf};

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::error::CliError;
use crate::exit::Exit;
use crate::local::{Containers, LocalEngine, Options};
use crate::view::Output;

use example::Example;
use releases::RELEASES;
use report::{DemoReport, DemoRow};
use stage::Stage;
use world::World;

/// `lockstep demo`
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Run no containers, even if Docker or Podman is there
    #[arg(long)]
    no_containers: bool,
    /// Port of the local engine's gateway; 0 takes any free one
    #[arg(long, default_value_t = 4565)]
    gateway_port: u16,
    /// Port of the AWS emulator behind it; 0 takes any free one
    #[arg(long, visible_alias = "port", default_value_t = 4566)]
    emulator_port: u16,
    /// Leave everything running at the end, to play with, until Ctrl-C
    #[arg(long)]
    keep: bool,
}

impl DemoArgs {
    fn options(&self, project: &Path) -> Options {
        let containers = if self.no_containers {
            Containers::Off
        } else {
            Containers::Auto
        };
        Options {
            gateway_port: self.gateway_port,
            emulator_port: self.emulator_port,
            containers,
            ..Options::new(project)
        }
    }
}

/// Runs the demo. Whatever ends it, Ctrl-C too, nothing that it started is left running.
pub async fn run(args: DemoArgs, output: Output) -> Result<Exit, CliError> {
    let stage = Stage::new(output);
    let ended = tokio::select! {
        // With --keep Ctrl-C is the demo's own end, and not an interruption.
        biased;
        ended = prepare(&args, &stage) => ended,
        () = interrupted() => Ok(None),
    };
    // Whatever was under way when it ended was not done.
    stage.abandon();
    let Some((engine, project)) = ended? else {
        return goodbye(&stage);
    };
    on_stage(engine, &project, &stage, &args).await
}

async fn prepare(
    args: &DemoArgs,
    stage: &Stage,
) -> Result<Option<(LocalEngine, PathBuf)>, CliError> {
    let project = crate::commands::project()?;
    example::check_prerequisites(&project)?;
    let engine = LocalEngine::start(args.options(&project), stage.engine_report()).await?;
    stage.done();
    Ok(Some((engine, project)))
}

/// Runs the demo on an engine, and stops the engine whatever comes of it.
async fn on_stage(
    mut engine: LocalEngine,
    project: &Path,
    stage: &Stage,
    args: &DemoArgs,
) -> Result<Exit, CliError> {
    let ended = tokio::select! {
        biased;
        ended = perform(&mut engine, project, stage, args) => ended.map(Some),
        () = interrupted() => Ok(None),
    };
    stage.abandon();
    stage.step("Stopping the local engine");
    engine.stop().await?;
    stage.done();
    match ended? {
        Some(exit) => Ok(exit),
        None => goodbye(stage),
    }
}

async fn perform(
    engine: &mut LocalEngine,
    project: &Path,
    stage: &Stage,
    args: &DemoArgs,
) -> Result<Exit, CliError> {
    let example = Example::read(project)?;
    engine.deploy_controller(project, &[]).await?;
    let world = World::create(engine, project, &example, stage).await?;
    stage.done();
    stage.say(&world.introduction())?;
    let mut rows: Vec<DemoRow> = Vec::new();
    for release in &RELEASES {
        rows.push(world.release(release, stage).await?);
    }
    let report = DemoReport::new(rows);
    stage.report(&report)?;
    if args.keep {
        stage.say(&world.leftovers())?;
        interrupted().await;
    }
    Ok(report.exit())
}

/// Returns at Ctrl-C, or when the process is asked to end.
async fn interrupted() {
    tokio::select! {
        () = received(SignalKind::interrupt()) => {}
        () = received(SignalKind::terminate()) => {}
        () = received(SignalKind::hangup()) => {}
    }
}

/// A signal that cannot be listened to keeps its default, which ends the process.
async fn received(kind: SignalKind) {
    match signal(kind) {
        Ok(mut signals) => drop(signals.recv().await),
        Err(_) => std::future::pending().await,
    }
}

fn goodbye(stage: &Stage) -> Result<Exit, CliError> {
    stage.say("Stopped; nothing is left running.")?;
    Ok(Exit::Interrupted)
}
