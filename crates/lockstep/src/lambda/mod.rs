//! Lambda functions: what a plan makes of them, and what a look at them means.
//!
//! Live functions are read from raw `GetFunction` answers, so that settings newer than
//! the SDK count too. Environment values are compared by hash only: the ledger and the
//! logs never see a value that the manifest does not hold itself.

mod live;
mod step;

pub use live::{LastUpdate, LiveAlias, LiveFunction, PackageType, State};
pub use step::{
    CodeChange, ConfigurationChange, FunctionChange, FunctionState, FunctionsStep, MANY,
};
