//! The `site` phase: brings a front end's files to S3 and has CloudFront serve them, or puts back
//! what was served before.

mod bundle;
mod check;
mod in_place;
mod permit;
mod phase;
mod prune;
mod upload;

use lockstep::plan::Change;
use lockstep_aws::{HttpGet, Mandate};
use lockstep_handler::{Context, Invocation, PhaseRunner, StartError, Verb, mandate, run_timed};
use lockstep_ledger::Ledger;
use lockstep_site::{CloudFront, KeyValues};
use permit::Permit;
use phase::SitePhase;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let context = Context::start()?;
    let (permit, ledger) = (Permit::default(), context.ledger.clone());
    let phase = SitePhase {
        cloudfront: CloudFront::new(&context.sdk),
        key_values: KeyValues::new(&context.sdk),
        s3: lockstep_s3::client(&context.sdk),
        http: HttpGet::default(),
        permit: permit.clone(),
        seen: std::cell::RefCell::default(),
    };
    let runner = PhaseRunner::new(phase, context);
    run_timed(async |payload: Value, left| {
        permit.begin(left, mandate_of(&ledger, &payload));
        let step = |change| match change {
            Change::Site(step) => Some(*step),
            _ => None,
        };
        runner.handle(payload, step).await.map(|()| Value::Null)
    })
    .await
}

/// What is asked before each change.
fn mandate_of(ledger: &Ledger, payload: &Value) -> Option<Mandate> {
    let it = Invocation::parse(payload).ok()?;
    let undo = it.verb == Verb::Undo;
    Some(mandate(ledger, &it.deployment, it.fence, undo))
}
