//! Watching a deployment: what Step Functions and the ledger know of it, asked again and
//! again until there is a verdict.

pub mod display;
pub mod follow;
pub mod history;
pub mod look;
pub mod timeline;

pub use follow::{Ending, follow};
pub use look::{Look, Watcher};
