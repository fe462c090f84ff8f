//! The doctor as a person calls it: what is wrong with a stack, why, and the way out.
//!
//! What a state means is decided in [`lockstep::stack`], for deployments and for people alike.

mod examine;
mod operate;

pub use examine::{Case, examine};
pub use operate::{Ending, Operation, Treatment, deletion, treatment};
