//! The `traffic` phase: shifts the traffic of aliases to new versions in stages, all functions
//! of a deployment together, and looks at metrics and alarms in between. Does what is due and
//! says when to look again; Step Functions waits.

mod asking;
mod fleet;
mod metrics;
mod progress;
mod shifter;
mod work;

use lockstep_handler::{Context, StartError, run_timed};
use lockstep_lambda::Lambda;
use metrics::Metrics;
use shifter::Shifter;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let context = Context::start()?;
    let client = aws_sdk_lambda::Client::new(&context.sdk);
    let shifter = Shifter {
        lambda: Lambda::new(client, context.sdk.endpoint_url().map(str::to_owned)),
        metrics: Metrics::new(aws_sdk_cloudwatch::Client::new(&context.sdk)),
        ledger: context.ledger,
    };
    run_timed(async |payload, left| shifter.handle(payload, left).await).await
}
