//! ECS without loss: bodies go out and come in as raw JSON, so that fields newer than the
//! SDK survive a deployment. The SDK still signs, retries and names the errors.
//!
//! What the answers mean is decided in [`lockstep::ecs`]; here they are only fetched.

mod client;
mod error;
mod memory;
mod one_shot;
mod revisions;
mod tasks;
#[cfg(test)]
mod testing;
mod world;

pub use client::{Ecs, ServiceLookup};
