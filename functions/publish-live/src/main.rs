//! Publish live: keeps the code of the last verified release where CloudFormation templates find
//! it, so that no stack deployment brings old code back; or puts back what was there. Before that it
//! looks whether that code is still what serves.

mod objects;
mod publisher;
mod serving;

use lockstep_aws::variable;
use lockstep_handler::{Context, StartError, run};
use lockstep_lambda::Lambda;
use lockstep_parameters::Parameters;
use objects::Objects;
use publisher::Publisher;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let context = Context::start()?;
    let publisher = Publisher {
        objects: Objects::new(&context.sdk, variable("LOCKSTEP_RELEASES_BUCKET")?),
        parameters: Parameters::new(&context.sdk),
        lambda: Lambda::new(aws_sdk_lambda::Client::new(&context.sdk), None),
        ledger: context.ledger,
    };
    run(async |payload| publisher.handle(payload).await).await
}
