//! The watchdog: recovers deployments whose execution ended without concluding.

mod decide;
mod watchdog;

use aws_sdk_sfn::Client;
use lockstep_aws::variable;
use lockstep_handler::{Context, StartError, run};
use watchdog::Watchdog;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let context = Context::start()?;
    let watchdog = Watchdog {
        sfn: Client::new(&context.sdk),
        ledger: context.ledger,
        state_machine: variable("LOCKSTEP_STATE_MACHINE_ARN")?,
    };
    run(async |payload| watchdog.handle(payload).await).await
}
