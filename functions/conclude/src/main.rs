//! Conclude: gives every deployment its verdict, exactly once, and frees its lock.

mod conclusion;
mod request;

use conclusion::Concluder;
use lockstep_handler::{Context, StartError, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let concluder = Concluder {
        ledger: Context::start()?.ledger,
    };
    run(async |payload| concluder.handle(payload).await).await
}
