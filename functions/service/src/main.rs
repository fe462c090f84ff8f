//! The `service` phase: puts a new revision on one ECS service, or puts the old one back.

mod phase;

use lockstep::plan::Change;
use lockstep_ecs::Ecs;
use lockstep_handler::{Context, PhaseRunner, StartError};
use phase::ServicePhase;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let context = Context::start()?;
    let phase = ServicePhase::new(Ecs::new(aws_sdk_ecs::Client::new(&context.sdk)));
    let runner = PhaseRunner::new(phase, context);
    runner
        .run(|change| match change {
            Change::Service(step) => Some(*step),
            _ => None,
        })
        .await
}
