//! The `image-build` phase: has CodeBuild projects make the images of a commit, before anything is planned.
//!
//! One function for two states: asked with a task token it works on one build; asked without one it
//! says which builds there are to do.

mod images;
mod phase;
mod planner;
#[cfg(test)]
mod world;

use images::Images;
use lockstep::plan::Change;
use lockstep_codebuild::CodeBuild;
use lockstep_handler::{Context, PhaseRunner, StartError, run};
use phase::BuildPhase;
use planner::Planner;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let context = Context::start()?;
    let images = Images::new(aws_sdk_ecr::Client::new(&context.sdk));
    let planner = Planner::new(context.ledger.clone(), images.clone());
    let codebuild = CodeBuild::new(&context.sdk);
    let phase = BuildPhase::new(codebuild, context.ledger.clone(), images);
    let runner = PhaseRunner::new(phase, context);
    let extract = |change| match change {
        Change::ImageBuild(step) => Some(*step),
        _ => None,
    };
    run(async |payload: Value| {
        if payload.get("task_token").is_none() {
            return planner.handle(payload).await;
        }
        runner.handle(payload, extract).await.map(|()| Value::Null)
    })
    .await
}
