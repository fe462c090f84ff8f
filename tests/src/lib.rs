//! The end-to-end harness: the whole product on the local engine, driven from outside.
//!
//! A [`World`] is one local engine with the real template deployed to it by the real SAM CLI. An [`Application`] is
//! what one test case deploys: its own ECR repository, ECS service and manifest, with an HTTP health check on the
//! loopback address that is good or bad depending on which image its service runs *now*. A case starts deployments
//! ([`Application::push`], [`Application::deploy`]), waits for them ([`Execution`]), and compares the world before
//! and after ([`Snapshot`]) and what people were told ([`Message`]). A [`Fleet`] is the same for Lambda functions, which
//! are released from S3 and invoked for real.
//!
//! Nothing of AWS is replaced: every state, function, role and rule is the template's own. The harness' own calls go
//! to the emulator directly, so that the gateway's log of calls shows the product's only.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::missing_panics_doc,
    reason = "a test may stop at the first surprise, and says so on the terminal"
)]

mod application;
mod build;
mod built;
mod clients;
mod executions;
mod fleet;
mod fleet_snapshot;
mod gated;
mod health;
mod imaged;
mod images;
mod inbox;
mod migrated;
mod paired;
mod sited;
mod sited_before;
mod snapshot;
mod stack;
mod stacked;
mod text;
mod wait;
mod web;
mod world;

pub use application::{Application, ENVIRONMENT};
pub use built::{Built, Platform, PlatformSnapshot};
pub use clients::Clients;
pub use executions::{Ended, Execution};
pub use fleet::{ALIAS, FIRST, Fleet, OLD_VARIABLE, Shape};
pub use fleet_snapshot::{Answer, FleetSnapshot, Serving};
pub use gated::Gate;
pub use imaged::ImageBuild;
pub use inbox::Message;
pub use migrated::MIGRATION;
pub use sited::{Sited, Viewed};
pub use snapshot::{Settings, Snapshot};
pub use stack::releases_bucket;
pub use stacked::{StackSnapshot, Stacked, Wanted};
pub use text::Names;
pub use wait::{eventually, within};
pub use world::{World, project, run, shared, shared_as};
