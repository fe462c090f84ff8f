//! The pure core of Lockstep: what a manifest says, what a plan is, what a phase
//! promises, and which verdict a deployment gets.
//!
//! Nothing here talks to AWS, reads a clock or looks at the environment: time and
//! the observed world come in as arguments, so every decision can be tested.

pub mod build;
mod check;
mod conclusion;
pub mod ecs;
mod error;
pub mod gate;
mod id;
pub mod image_build;
pub mod lambda;
pub mod live;
pub mod manifest;
pub mod migration;
mod next_steps;
pub mod notification;
mod only;
pub mod order;
mod phase;
pub mod plan;
pub mod question;
pub mod record;
mod recovery;
pub mod release;
pub mod release_file;
pub mod release_order;
pub mod site;
pub mod stack;
pub mod staging;
pub mod trigger;
pub mod verdict;
mod wake_key;

pub use check::Check;
pub use conclusion::{cause_text, conclude, sentence};
pub use error::PhaseError;
pub use id::DeploymentId;
pub use only::Only;
pub use phase::{Phase, Progress};
pub use recovery::Recovery;
pub use wake_key::WakeKey;
