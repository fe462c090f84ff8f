//! The `release` phase: reads an uploaded release, checks every artifact against its hash, and
//! writes into the deployment's record what goes where. Changes nothing that serves.
//!
//! Looks for as long as an invocation may take and says when to look again; Step Functions
//! waits.

mod archive;
mod bucket;
mod entries;
mod files;
mod hash;
mod locate;
mod placing;
mod progress;
mod releaser;
#[cfg(test)]
mod world;
mod zipped;

use bucket::Bucket;
use lockstep_aws::variable;
use lockstep_handler::{Context, StartError, run};
use releaser::Releaser;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let context = Context::start()?;
    let releaser = Releaser {
        bucket: Bucket::new(&context.sdk, variable("LOCKSTEP_RELEASES_BUCKET")?),
        ledger: context.ledger,
    };
    run(async |payload| releaser.handle(payload).await).await
}
