//! ECS services: what a plan makes of them, and what a look at them means.
//!
//! Task definitions and service settings are raw JSON in the wire shape, as
//! `aws ecs describe-task-definition` prints it, so that fields newer than the SDK survive
//! a deployment. Only the rolling strategy is deployed.

mod arn;
mod checks;
mod definition;
mod image;
mod json;
mod links;
mod live;
mod normalise;
mod observe;
mod planning;
mod platform;
mod settings;
mod settle;
mod step;
mod task;
#[cfg(test)]
mod testing;
mod undo;
mod world;

pub use crate::check::Check;
pub use arn::{Arn, family_and_number, short_name};
pub use checks::{image_platform, missing_cluster, missing_service, needed_log_groups};
pub use definition::{
    LogLocation, Revision, container, containers, image, images as images_of, register_input,
};
pub use image::{ImageReference, by_digest};
pub(crate) use links::{log_group_link, task_log_link};
pub use live::{Deployment, Event, LiveService, Rollout, TaskCounts};
pub use normalise::normalise;
pub use observe::{Observation, observe};
pub use planning::{ServiceInputs, plan_service};
pub use platform::{Platform, needed as needed_platform};
pub use settings::Settings;
pub use settle::{Settle, keeps_after, keeps_before};
pub use step::{After, Before, DEPLOYMENT_TAG, RESTORES_TAG, ServiceStep};
pub use task::{StoppedContainer, StoppedTask};
pub use undo::{Undo, undo};
pub use world::{PastDeployment, ServiceWorld};
