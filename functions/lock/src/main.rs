//! The lock phase: waits until the deployment owns its environment.

mod decide;
mod phase;

use lockstep_handler::{Context, StartError, run};
use phase::LockPhase;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let phase = LockPhase::new(Context::start()?);
    run(async |payload| phase.handle(payload).await.map(|()| Value::Null)).await
}
