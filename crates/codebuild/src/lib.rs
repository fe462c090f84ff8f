//! CodeBuild as the phases see it: builds that are started once, found again by who they are,
//! and whose failures are told in words.
//!
//! A build is known by its **identity**, a text that it carries in the environment variable
//! [`IDENTITY`]. Nothing else is remembered of a call that was made: whoever asks for a build
//! looks for its identity first, and starts it only if there is none.

mod build;
mod client;
mod error;
mod find;
mod log;
#[cfg(test)]
mod testing;

pub use build::{Build, Failure, LogStream, Status};
pub use client::{BuildRequest, CodeBuild, Source, Started};
pub use find::since;
pub use log::Tail;

/// The environment variable by which a build says who it is.
pub const IDENTITY: &str = "LOCKSTEP_BUILD";
