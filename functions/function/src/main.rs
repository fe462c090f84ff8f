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
use lockstep_handler::{Context, Invocation, PhaseRunner, StartError, Verb, may_act, run_timed};
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
        permit.begin(left, mandate(&ledger, &payload));
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

/// What is asked before each change. Pruning has none: the deployment has ended, and nothing
/// needs what it deletes.
fn mandate(ledger: &Ledger, payload: &Value) -> Option<Mandate> {
    let invocation = Invocation::parse(payload).ok()?;
    let ledger = ledger.clone();
    Some(Mandate::new(move || {
        let (ledger, invocation) = (ledger.clone(), invocation.clone());
        async move {
            let Invocation {
                deployment,
                fence,
                verb,
                ..
            } = &invocation;
            may_act(&ledger, deployment, *fence, *verb == Verb::Undo).await
        }
    }))
}
