//! The `functions` phase: puts new code and configuration on Lambda functions, all at the
//! same time and within one budget of calls, or puts back what was there. After a success it
//! deletes versions that nobody needs any more.

mod change;
mod fleet;
mod phase;
mod prune;
mod undo;

use fleet::Permit;
use lockstep::plan::Change;
use lockstep_handler::{Context, Invocation, PhaseRunner, StartError, Verb, mandate, run_timed};
use lockstep_lambda::{Lambda, Mandate};
use lockstep_ledger::Ledger;
use phase::FunctionsPhase;
use prune::Pruner;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let context = Context::start()?;
    let client = aws_sdk_lambda::Client::new(&context.sdk);
    let lambda = Lambda::new(client, context.sdk.endpoint_url().map(str::to_owned));
    let (permit, ledger) = (Permit::default(), context.ledger.clone());
    let pruner = Pruner {
        ledger: ledger.clone(),
        lambda: lambda.clone(),
        permit: permit.clone(),
    };
    let runner = PhaseRunner::new(FunctionsPhase::new(lambda, permit.clone()), context);
    run_timed(async |payload: Value, left| {
        permit.begin(left, mandate_of(&ledger, &payload));
        if payload.get("verb").and_then(Value::as_str) == Some("prune") {
            return pruner.handle(payload).await;
        }
        let step = |change| match change {
            Change::Functions(step) => Some(*step),
            _ => None,
        };
        runner.handle(payload, step).await.map(|()| Value::Null)
    })
    .await
}

/// What is asked before each change. Pruning has none: the deployment has ended, and nothing
/// needs what it deletes.
fn mandate_of(ledger: &Ledger, payload: &Value) -> Option<Mandate> {
    let it = Invocation::parse(payload).ok()?;
    let undo = it.verb == Verb::Undo;
    Some(mandate(ledger, &it.deployment, it.fence, undo))
}
