//! `lockstep watch`: a deployment until its verdict.

use lockstep::DeploymentId;

use crate::application;
use crate::args::{Global, WatchArgs};
use crate::aws::Controller;
use crate::commands::deploy::{manifest_in_force, resolve};
use crate::commands::show::{find, parse_id};
use crate::error::CliError;
use crate::exit::Exit;
use crate::view::Output;
use crate::watch::display::Display;
use crate::watch::{Watcher, follow};

pub(super) async fn run(
    global: &Global,
    args: &WatchArgs,
    output: Output,
) -> Result<Exit, CliError> {
    let controller = Controller::connect(global).await?;
    let id = named(global, &controller, args.target.as_deref()).await?;
    let record = find(&controller, &id).await?;
    until_ended(Watcher::new(controller, id, &record.execution.arn), output).await
}

/// The deployment that a person names: by its id, by its environment, or as the one under way.
pub(super) async fn named(
    global: &Global,
    controller: &Controller,
    target: Option<&str>,
) -> Result<DeploymentId, CliError> {
    match target.and_then(parse_id) {
        Some(id) => Ok(id),
        None => under_way(global, controller, target).await,
    }
}

/// Shows a deployment until it ends or a person has seen enough: Ctrl-C ends the
/// watching, never the deployment.
pub(super) async fn until_ended(mut watcher: Watcher, output: Output) -> Result<Exit, CliError> {
    let id = watcher.id().clone();
    let mut display = Display::new(output);
    let ended = tokio::select! {
        ending = follow(&mut watcher, &mut display) => Some(ending?),
        _ = tokio::signal::ctrl_c() => None,
    };
    if let Some(ending) = ended {
        return Ok(ending.exit());
    }
    display.clear();
    if !output.is_json() {
        output.line(&format!(
            "stopped watching; deployment {id} goes on. See it again with `lockstep watch {id}`"
        ))?;
    }
    Ok(Exit::Interrupted)
}

/// The deployment that is under way, in one environment or in any.
async fn under_way(
    global: &Global,
    controller: &Controller,
    environment: Option<&str>,
) -> Result<DeploymentId, CliError> {
    let application = application::name(global)?;
    let (_, manifest) = manifest_in_force(controller, &application).await?;
    let environments: Vec<_> = match environment {
        Some(environment) => vec![resolve(&manifest, environment)?.environment],
        None => manifest.manifest.environments.keys().cloned().collect(),
    };
    let mut running = Vec::new();
    for environment in &environments {
        running.extend(running_in(controller, &application, environment).await?);
    }
    // Ids sort by time.
    running.sort();
    running.pop().ok_or_else(|| {
        let message = format!(
            "nothing of {application} is being deployed to {}",
            environments.join(", ")
        );
        CliError::invalid(
            message,
            "name an ended deployment by its id; `lockstep history ENV` lists them",
        )
    })
}

/// Who has the lock, or the newest deployment that has no verdict yet.
async fn running_in(
    controller: &Controller,
    application: &str,
    environment: &str,
) -> Result<Option<DeploymentId>, CliError> {
    let explain = |error| controller.explain(&format!("looking at {environment}"), error);
    let state = controller
        .ledger
        .environment(application, environment)
        .await
        .map_err(explain)?;
    if let Some(holder) = state.lock.and_then(|lock| lock.deployment) {
        return Ok(Some(holder));
    }
    let lines = controller
        .ledger
        .history(application, environment, 5)
        .await
        .map_err(explain)?;
    Ok(lines
        .into_iter()
        .find(|line| line.verdict.is_none())
        .map(|line| line.id))
}
