//! The `functions` phase: puts new code and configuration on Lambda functions, all at the
//! same time and within one budget of calls, or puts back what was there. After a success it
//! deletes versions that nobody needs any more.

mod change;
mod fleet;
mod phase;
mod prune;
mod undo;

use fleet::WorkingTime;
use lockstep::plan::Change;
use lockstep_handler::{Context, PhaseRunner, StartError, run_timed};
use lockstep_lambda::Lambda;
use phase::FunctionsPhase;
use prune::Pruner;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let context = Context::start()?;
    let client = aws_sdk_lambda::Client::new(&context.sdk);
    let lambda = Lambda::new(client, context.sdk.endpoint_url().map(str::to_owned));
    let time = WorkingTime::default();
    let pruner = Pruner {
        ledger: context.ledger.clone(),
        lambda: lambda.clone(),
        time: time.clone(),
    };
    let runner = PhaseRunner::new(FunctionsPhase::new(lambda, time.clone()), context);
    run_timed(async |payload: Value, left| {
        time.begin(left);
        if payload.get("verb").and_then(Value::as_str) == Some("prune") {
            return pruner.handle(payload).await;
        }
        let step = |change| match change {
            Change::Functions(step) => Some(*step),
            Change::Service(_) => None,
        };
        runner.handle(payload, step).await.map(|()| Value::Null)
    })
    .await
}
