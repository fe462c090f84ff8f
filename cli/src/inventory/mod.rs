//! What a manifest needs, and whether it is there.

mod look;
mod resource;
mod sites;

pub use look::{Scope, inventory};
pub use resource::{Resource, State};
