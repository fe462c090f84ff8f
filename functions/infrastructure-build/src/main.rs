//! The `infrastructure-build` phase: has CodeBuild projects plan and apply infrastructure, or put
//! it back.
//!
//! One function for two states: asked with a task token it works on one step of the plan; asked
//! without one it plans: it starts the builds that say what would change, and stores the part of
//! the plan that they tell.

mod builds;
mod component;
mod phase;
mod planner;
mod progress;
mod store;
#[cfg(test)]
mod world;

use builds::Builds;
use lockstep::plan::Change;
use lockstep_aws::variable;
use lockstep_codebuild::CodeBuild;
use lockstep_handler::{Context, PhaseRunner, StartError, run};
use phase::BuildPhase;
use planner::Planner;
use serde_json::Value;
use store::Store;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let context = Context::start()?;
    let sdk = context.sdk.clone();
    let builds = Builds::new(CodeBuild::new(&sdk));
    let store = Store::new(&sdk, variable("LOCKSTEP_RELEASES_BUCKET")?);
    let planner = Planner::new(&sdk, context.ledger.clone(), builds.clone(), store.clone());
    let phase = BuildPhase::new(context.ledger.clone(), builds, store);
    let runner = PhaseRunner::new(phase, context);
    let extract = |change| match change {
        Change::InfrastructureBuild(step) => Some(*step),
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
