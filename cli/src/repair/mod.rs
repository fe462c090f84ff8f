//! Services whose running image is gone: no task of theirs can be started again.

mod look;
mod remedy;

pub use look::{Scope, look};
pub use remedy::{Candidate, Finding, Known, Remedy, newest, remedy};
