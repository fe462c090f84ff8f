//! `lockstep history`: the deployments of an environment.

use jiff::Timestamp;

use crate::application;
use crate::args::{Global, HistoryArgs};
use crate::aws::Controller;
use crate::commands::deploy::{manifest_in_force, resolve};
use crate::error::CliError;
use crate::exit::Exit;
use crate::view::Output;
use crate::view::history::{DeploymentLine, History};

pub(super) async fn run(
    global: &Global,
    args: &HistoryArgs,
    output: Output,
) -> Result<Exit, CliError> {
    let application = application::name(global)?;
    let controller = Controller::connect(global).await?;
    let environment = &args.environment;
    let doing = format!("reading the history of {application} in {environment}");
    let lines = controller
        .ledger
        .history(&application, environment, i32::from(args.limit))
        .await;
    let lines = lines.map_err(|error| controller.explain(&doing, error))?;
    if lines.is_empty() {
        // An environment that was taken out of the manifest keeps its history; one that
        // never was in it is a misspelling.
        resolve(
            &manifest_in_force(&controller, &application).await?.1,
            environment,
        )?;
    }
    let now = Timestamp::now();
    let deployments = lines
        .into_iter()
        .map(|line| DeploymentLine::of(line, now))
        .collect();
    output.report(&History {
        application,
        environment: environment.clone(),
        deployments,
    })?;
    Ok(Exit::Good)
}
