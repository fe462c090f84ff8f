//! Notify: tells people what begins, what is being put back, and how it ended.

mod notifier;

use aws_sdk_sns::Client;
use lockstep_aws::variable;
use lockstep_handler::{Context, StartError, run};
use notifier::Notifier;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let context = Context::start()?;
    let notifier = Notifier {
        sns: Client::new(&context.sdk),
        ledger: context.ledger,
        topic: variable("LOCKSTEP_TOPIC_ARN")?,
    };
    run(async |payload| notifier.handle(payload).await).await
}
