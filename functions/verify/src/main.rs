//! The `verify` phase: asks the release's addresses, and looks whether its services keep
//! running. Looks once and says when to look again; Step Functions waits.

mod http;
mod progress;
mod settle;
mod verifier;

use lockstep_aws::HttpGet;
use lockstep_ecs::Ecs;
use lockstep_handler::{Context, StartError, run};
use verifier::Verifier;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let context = Context::start()?;
    let verifier = Verifier {
        ecs: Ecs::new(aws_sdk_ecs::Client::new(&context.sdk)),
        http: HttpGet::default(),
        ledger: context.ledger,
    };
    run(async |payload| verifier.handle(payload).await).await
}
