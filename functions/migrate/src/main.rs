//! The `migrate` phase: runs a migration as a task of its own or as a build, exactly once, or takes
//! it back.

mod log;
mod phase;

use lockstep::plan::Change;
use lockstep_codebuild::CodeBuild;
use lockstep_ecs::Ecs;
use lockstep_handler::{Context, PhaseRunner, StartError};
use log::Logs;
use phase::MigratePhase;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let context = Context::start()?;
    let phase = MigratePhase::new(
        Ecs::new(aws_sdk_ecs::Client::new(&context.sdk)),
        Logs::new(aws_sdk_cloudwatchlogs::Client::new(&context.sdk)),
        CodeBuild::new(&context.sdk),
        context.ledger.clone(),
    );
    let runner = PhaseRunner::new(phase, context);
    runner
        .run(|change| match change {
            Change::Migrate(step) | Change::Contract(step) => Some(*step),
            _ => None,
        })
        .await
}
