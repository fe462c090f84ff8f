//! CloudFormation stacks: what a stack is to be, what it is, and what to do next about it.
//!
//! Whose operation it was is told by the token of a stack's events ([`identity`]). Whether a
//! change may be made at all is decided by the guard, which asks before anything that holds data
//! is replaced or deleted.

mod approval;
mod change;
mod event;
pub mod identity;
mod live;
mod status;
mod step;

pub use approval::{Approval, approved};
pub use change::{PropertyChange, ResourceChange};
pub use event::{Operation, StackEvent};
pub use live::{ChangeSetStatus, LiveChangeSet, LiveStack, Looked, StackResource};
pub use status::StackStatus;
pub use step::{
    APPLICATION_TAG, ENVIRONMENT_TAG, Heal, ParameterValue, Preview, StackBefore, StackStep,
    Template,
};
