//! Infrastructure that a CodeBuild project builds with a tool of its own: Terraform, OpenTofu,
//! Pulumi, the CDK.
//!
//! A build that plans says what would change, a build that applies does exactly that. Which of a
//! deployment's builds is which is told by a variable of theirs ([`identity`]). What was applied
//! last is in the ledger ([`BuildRecord`]): it is what undo goes back to. Whether a change may be
//! made at all is decided by the guard, as for stacks.

mod change;
mod failure;
mod guard;
pub mod identity;
mod live;
mod next;
mod record;
#[cfg(test)]
mod simulation;
mod stateful;
mod step;
#[cfg(test)]
pub(crate) mod testing;
mod undo;

pub use change::{Action, InfrastructureChange, OUTPUT, read_changes, read_outputs};
pub use failure::{CONTRACT, failed_plan, failure_words};
pub use guard::{Violation, guard};
pub use live::{Build, BuildStatus, Looked};
pub use next::{Do, Next, next, observe};
pub use record::{Applied, Begun, BuildRecord};
pub use stateful::is_stateful;
pub use step::{BuildStep, Planned, Projects, Source, Variable, Work, source_key};
pub use undo::undo_next;
