//! What a manifest needs, and whether it is there.

mod look;
mod projects;
mod resource;

pub use look::{Scope, inventory};
pub use resource::{Resource, State};
