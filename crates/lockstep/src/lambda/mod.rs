//! Lambda functions: what a plan makes of them, and what a look at them means.
//!
//! Live functions are read from raw `GetFunction` answers, so that settings newer than
//! the SDK count too. Environment values are compared by hash only: the ledger and the
//! logs never see a value that the manifest does not hold itself.

mod checks;
mod configuration;
mod invocation;
mod kept;
mod live;
mod members;
mod next;
mod part;
mod planning;
mod reasons;
mod step;
#[cfg(test)]
pub(crate) mod testing;
pub mod traffic;
mod undo;
mod world;

pub use checks::missing_function;
pub use configuration::ConfigurationRequest;
pub use invocation::{Invoked, checked};
pub use kept::still_serves;
pub use live::{LastUpdate, LiveAlias, LiveFunction, PackageType, State};
pub use members::{Known, Member, artifact_of, members, needs_listing};
pub use next::{Next, next, progress};
pub use part::{DEFAULT_RATE, functions_part, with_parameters};
pub(crate) use part::{functions_step, too_large};
pub use planning::{FunctionInputs, plan_function};
pub use step::{
    CodeChange, ConfigurationChange, FunctionChange, FunctionState, FunctionsStep, MANY,
};
pub use undo::{Snapshot, Undo, undo};
pub use world::FunctionWorld;
