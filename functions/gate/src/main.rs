//! The `gate` phase: asks gates, each of which is a build of a CodeBuild project.

mod phase;
#[cfg(test)]
mod world;

use lockstep::plan::Change;
use lockstep_codebuild::CodeBuild;
use lockstep_handler::{Context, PhaseRunner, StartError};
use phase::GatePhase;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let context = Context::start()?;
    let phase = GatePhase::new(CodeBuild::new(&context.sdk), context.ledger.clone());
    let runner = PhaseRunner::new(phase, context);
    runner
        .run(|change| match change {
            Change::GateBefore(step) | Change::GateAfter(step) => Some(*step),
            _ => None,
        })
        .await
}
