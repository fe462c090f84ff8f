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

use images::Images;
use lockstep_ecs::Ecs;
use lockstep_handler::{Context, StartError, run};
use logs::LogGroups;
use planner::Planner;
use roles::Roles;
use services::Services;

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
    let planner = Planner {
        ledger: context.ledger,
        services,
    };
    run(async |payload| planner.handle(payload).await).await
}
