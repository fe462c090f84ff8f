//! `lockstep status`: what serves, who deploys, what waits, what is on hold.

use jiff::Timestamp;
use lockstep::DeploymentId;
use lockstep_ledger::LedgerError;

use crate::application;
use crate::args::{Global, StatusArgs};
use crate::aws::Controller;
use crate::commands::deploy::manifest_in_force;
use crate::error::CliError;
use crate::exit::Exit;
use crate::view::Output;
use crate::view::environment::{EnvironmentStatus, Status};
use crate::view::history::DeploymentLine;
use crate::view::question::{ShownQuestion, is_asked};

/// How many of the last deployments are shown of each environment.
const DEPLOYMENTS: i32 = 3;

pub(super) async fn run(
    global: &Global,
    args: &StatusArgs,
    output: Output,
) -> Result<Exit, CliError> {
    let application = application::name(global)?;
    let controller = Controller::connect(global).await?;
    let (manifest_version, manifest) = manifest_in_force(&controller, &application).await?;
    let environments: Vec<String> = match &args.environment {
        Some(environment) => {
            crate::commands::deploy::resolve(&manifest, environment)?;
            vec![environment.clone()]
        }
        None => manifest.manifest.environments.keys().cloned().collect(),
    };
    let mut status = Status {
        application,
        manifest_version,
        environments: Vec::new(),
    };
    for environment in &environments {
        let one = environment_status(&controller, &status.application, environment).await;
        let one = one.map_err(|error| {
            controller.explain(&format!("reading the status of {environment}"), error)
        })?;
        status.environments.push(one);
    }
    output.report(&status)?;
    Ok(Exit::Good)
}

async fn environment_status(
    controller: &Controller,
    application: &str,
    environment: &str,
) -> Result<EnvironmentStatus, LedgerError> {
    let ledger = &controller.ledger;
    let current = ledger.current_release(application, environment).await?;
    let state = ledger.environment(application, environment).await?;
    let holds = ledger.holds(application, environment).await?;
    let now = Timestamp::now();
    let holder = state.lock.as_ref().and_then(|lock| lock.deployment.clone());
    let question = match holder {
        Some(id) => asked(controller, &id, now).await?,
        None => None,
    };
    let lines = ledger
        .history(application, environment, DEPLOYMENTS)
        .await?;
    let lines = lines
        .into_iter()
        .map(|line| DeploymentLine::of(line, now))
        .collect();
    let mut status = EnvironmentStatus::of(environment, current.as_ref(), state, holds, lines, now);
    status.question = question;
    Ok(status)
}

/// What the deployment asks that has the lock.
async fn asked(
    controller: &Controller,
    id: &DeploymentId,
    now: Timestamp,
) -> Result<Option<ShownQuestion>, LedgerError> {
    let questions = controller.ledger.questions(id).await?;
    let asked = questions.iter().rev().find(|it| is_asked(it, now));
    Ok(asked.map(|it| ShownQuestion::of(id, it, now)))
}
