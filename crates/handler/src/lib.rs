//! What all handlers share: starting, logging, errors with stable names, and the token
//! protocol by which a phase waits without running.

mod context;
mod deployment;
mod error;
mod invocation;
mod logging;
mod phase_runner;
mod plain;
mod standing;
mod token;

pub use context::Context;
pub use deployment::{environment_of, no_record, record_of};
pub use error::{HandlerError, StartError};
pub use invocation::{Invocation, Verb};
pub use phase_runner::PhaseRunner;
pub use plain::{parse, run, run_timed};
pub use standing::{hold_lock, mandate, may_act};
pub use token::Tokens;
