//! The `plan` phase: reads the world, checks every prerequisite, and writes down what the
//! deployment will do. Changes nothing.

mod answer;
mod images;
mod logs;
mod migrations;
mod planner;
mod rejection;
mod roles;
mod services;
mod sites;

use images::Images;
use lockstep_cloudformation::CloudFormation;
use lockstep_ecs::Ecs;
use lockstep_handler::{Context, StartError, run};
use lockstep_site::{CloudFront, KeyValues};
use logs::LogGroups;
use planner::Planner;
use roles::Roles;
use services::Services;
use sites::Sites;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let context = Context::start()?;
    let sdk = &context.sdk;
    let services = Services {
        ecs: Ecs::new(aws_sdk_ecs::Client::new(sdk)),
        images: Images::new(
            aws_sdk_ecr::Client::new(sdk),
            sdk.endpoint_url().map(str::to_owned),
        ),
        roles: Roles::new(aws_sdk_iam::Client::new(sdk)),
        log_groups: LogGroups::new(aws_sdk_cloudwatchlogs::Client::new(sdk)),
    };
    let sites = Sites {
        sdk: sdk.clone(),
        cloudfront: CloudFront::new(sdk),
        key_values: KeyValues::new(sdk),
        cloudformation: CloudFormation::new(aws_sdk_cloudformation::Client::new(sdk)),
    };
    let planner = Planner {
        ledger: context.ledger,
        services,
        sites,
    };
    run(async |payload| planner.handle(payload).await).await
}
