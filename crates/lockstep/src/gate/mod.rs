//! Gates: builds that must succeed for a deployment to go on.
//!
//! A gate changes nothing of what is deployed. So its step has no way back but to stop its build:
//! nobody waits for the answer any more.

mod look;
mod planning;
mod step;
#[cfg(test)]
mod testing;
mod words;

pub use look::{Decision, GateBuild, decide};
pub(crate) use look::{Look, look};
pub use planning::{GateInputs, PlannedGates, commit_of, plan_gates};
pub use step::GateStep;
pub use words::{build_page, report_page};
