//! The `plan-functions` phase: looks at the Lambda functions that the manifest means, and
//! stores the part of the plan that is about them and about the parameters that say which of their
//! images are live. Changes nothing.

mod functions;
mod planner;

use lockstep::lambda::DEFAULT_RATE;
use lockstep_aws::variable;
use lockstep_handler::{Context, StartError, run};
use lockstep_lambda::Lambda;
use lockstep_parameters::Parameters;
use planner::Planner;

/// How many control-plane calls a second Lockstep may make of those that the account has.
const RATE: &str = "LOCKSTEP_LAMBDA_CALLS_PER_SECOND";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let context = Context::start()?;
    let client = aws_sdk_lambda::Client::new(&context.sdk);
    let planner = Planner {
        parameters: Parameters::new(&context.sdk),
        ledger: context.ledger,
        lambda: Lambda::new(client, context.sdk.endpoint_url().map(str::to_owned)),
        rate: variable(RATE)
            .ok()
            .and_then(|rate| rate.parse().ok())
            .unwrap_or(DEFAULT_RATE),
    };
    run(async |payload| planner.handle(payload).await).await
}
