//! Lambda functions as they are and as they are changed: paced, without loss, and with every
//! refusal in words.
//!
//! What the answers mean is decided in [`lockstep::lambda`]; here they are only fetched.
//! Whatever changes something is sent once and never repeated by the SDK: whoever gets no
//! answer looks again, and sees whether it acted.

mod changes;
mod client;
mod download;
mod error;
mod invocation;
mod listing;
#[cfg(test)]
mod testing;

pub use changes::Sent;
pub use client::Lambda;
pub use listing::Version;
pub use lockstep_aws::{Mandate, Pacer, pause};
