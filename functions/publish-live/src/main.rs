//! Publish live: keeps the code of the last verified release where CloudFormation templates find
//! it, so that no stack deployment brings old code back; or puts back what was there. Before that it
//! looks whether that code is still what serves. Where the manifest says so, it also tells other
//! stacks what is live, by SSM parameters.

mod objects;
mod publisher;
mod serving;
mod shared;

use lockstep_aws::variable;
use lockstep_cloudformation::CloudFormation;
use lockstep_ecs::Ecs;
use lockstep_handler::{Context, StartError, run};
use lockstep_lambda::Lambda;
use lockstep_parameters::Parameters;
use objects::Objects;
use publisher::Publisher;
use shared::Shared;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let context = Context::start()?;
    let publisher = Publisher {
        objects: Objects::new(&context.sdk, variable("LOCKSTEP_RELEASES_BUCKET")?),
        parameters: Parameters::new(&context.sdk),
        lambda: Lambda::new(aws_sdk_lambda::Client::new(&context.sdk), None),
        shared: Shared {
            cloudformation: CloudFormation::new(aws_sdk_cloudformation::Client::new(&context.sdk)),
            ecs: Ecs::new(aws_sdk_ecs::Client::new(&context.sdk)),
        },
        ledger: context.ledger,
    };
    run(async |payload| publisher.handle(payload).await).await
}
