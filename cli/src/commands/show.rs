//! `lockstep show`: everything about one deployment.

use lockstep::DeploymentId;
use lockstep::record::DeploymentRecord;

use crate::args::{Global, ShowArgs};
use crate::aws::Controller;
use crate::error::CliError;
use crate::exit::Exit;
use crate::view::Output;
use crate::view::show::Shown;
use crate::watch::Watcher;

pub(super) async fn run(
    global: &Global,
    args: &ShowArgs,
    output: Output,
) -> Result<Exit, CliError> {
    let id = parse_id(&args.deployment).ok_or_else(|| {
        let message = format!(
            "{:?} is not a deployment's id: expected 26 letters and digits",
            args.deployment
        );
        CliError::invalid(
            message,
            "`lockstep history ENV` lists the deployments of an environment",
        )
    })?;
    let controller = Controller::connect(global).await?;
    let record = find(&controller, &id).await?;
    let mut watcher = Watcher::new(controller, id, &record.execution.arn);
    let look = watcher.look().await?;
    let steps = watcher.steps().await?;
    let questions = watcher.questions().await?;
    output.report(&Shown::of(record, &look, steps, &questions))?;
    Ok(Exit::Good)
}

/// Reads an id as people copy it.
pub(super) fn parse_id(text: &str) -> Option<DeploymentId> {
    DeploymentId::parse(&text.trim().to_ascii_uppercase())
}

/// The record of a deployment that a person named.
pub(super) async fn find(
    controller: &Controller,
    id: &DeploymentId,
) -> Result<DeploymentRecord, CliError> {
    let record = controller.ledger.record(id).await;
    let record =
        record.map_err(|error| controller.explain(&format!("reading deployment {id}"), error))?;
    record.ok_or_else(|| {
        let message = format!("this controller has no deployment {id}");
        CliError::invalid(
            message,
            "check --stack, --region and --profile; `lockstep history ENV` lists what there is",
        )
    })
}
