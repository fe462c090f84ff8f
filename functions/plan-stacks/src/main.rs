//! The `plan-stacks` phase: looks at the CloudFormation stacks that the manifest names, has
//! CloudFormation say what would change of them, and stores the part of the plan that is about
//! them. Changes no stack: all it makes is change sets, which do nothing until they are executed.
//!
//! Looks for as long as an invocation may take and says when to look again; Step Functions
//! waits.

mod bucket;
mod change;
mod health;
mod labels;
mod leftovers;
mod parameters;
mod planner;
mod progress;
mod stack;
#[cfg(test)]
mod world;

use bucket::Bucket;
use lockstep_aws::variable;
use lockstep_cloudformation::CloudFormation;
use lockstep_handler::{Context, StartError, run};
use lockstep_parameters::Parameters;
use lockstep_sources::Values;
use planner::Planner;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let context = Context::start()?;
    let sdk = &context.sdk;
    let bucket = variable("LOCKSTEP_RELEASES_BUCKET")?;
    let planner = Planner {
        cloudformation: CloudFormation::new(aws_sdk_cloudformation::Client::new(sdk)),
        values: Values::new(sdk, bucket.clone()),
        bucket: Bucket::new(sdk, bucket),
        parameters: Parameters::new(sdk),
        // Empty where the controller has no role of its own for stacks.
        role: variable("LOCKSTEP_STACK_ROLE_ARN")
            .ok()
            .filter(|role| !role.is_empty()),
        controller: variable("LOCKSTEP_STACK")?,
        ledger: context.ledger,
    };
    run(async |payload| planner.handle(payload).await).await
}
