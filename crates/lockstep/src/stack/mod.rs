//! CloudFormation stacks: what a stack is to be, what it is, and what to do next about it.
//!
//! Whose operation it was is told by the token of a stack's events ([`identity`]). Whether a
//! change may be made at all is decided by the guard, which asks before anything that holds data
//! is replaced or deleted.

mod approval;
mod cause;
mod change;
mod doctor;
mod event;
mod guard;
pub mod identity;
mod live;
mod next;
#[cfg(test)]
mod simulation;
mod stateful;
mod status;
mod step;
#[cfg(test)]
pub(crate) mod testing;
mod undo;

pub use approval::{Approval, approved};
pub use cause::{RootCause, console, root_cause};
pub use change::{PropertyChange, ResourceChange};
pub use doctor::{Diagnosis, Patient, diagnose};
pub use event::{Operation, StackEvent};
pub use guard::{Violation, guard};
pub use live::{ChangeSetStatus, LiveChangeSet, LiveStack, Looked, StackResource};
pub use next::{Do, Next, next, observe};
pub use stateful::is_stateful;
pub(crate) use stateful::stateful_types;
pub use status::StackStatus;
pub use step::{
    APPLICATION_TAG, ENVIRONMENT_TAG, Heal, ParameterValue, Preview, Served, StackBefore,
    StackStep, Template, template_key, template_url,
};
pub(crate) use undo::STAYS;
pub use undo::undo_next;
