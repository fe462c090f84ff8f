//! The `infrastructure` phase: changes one CloudFormation stack, or puts it back.

mod phase;

use lockstep::plan::Change;
use lockstep_cloudformation::CloudFormation;
use lockstep_handler::{Context, PhaseRunner, StartError};
use phase::StackPhase;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let context = Context::start()?;
    let client = aws_sdk_cloudformation::Client::new(&context.sdk);
    let phase = StackPhase::new(CloudFormation::new(client), context.ledger.clone());
    let runner = PhaseRunner::new(phase, context);
    runner
        .run(|change| match change {
            Change::Stack(step) => Some(*step),
            _ => None,
        })
        .await
}
