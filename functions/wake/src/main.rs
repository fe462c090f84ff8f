//! Wake: tells the phases that wait for something to look now.
//!
//! An event is never trusted for its content. It only names a thing; whoever waits for
//! that thing is invoked again with its own payload and looks for itself. A lost event
//! costs one poll interval, a duplicate one a look.

mod waker;

use aws_sdk_lambda::Client;
use lockstep_handler::{Context, StartError, run};
use waker::Waker;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let context = Context::start()?;
    let waker = Waker {
        lambda: Client::new(&context.sdk),
        ledger: context.ledger,
    };
    run(async |payload| waker.handle(payload).await).await
}
