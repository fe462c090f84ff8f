//! Builds of images: what a commit becomes before anything is planned with it.
//!
//! A build changes nothing of what is deployed: it leaves an image behind, and its only way back is
//! that it is stopped.

mod commit;
mod look;
mod planning;
mod step;
mod tags;

pub use commit::{COMMIT, is_commit};
pub use look::{Decision, decide, missing};
pub use planning::{FIRST, plan_builds, wanted};
pub use step::ImageBuildStep;
pub use tags::{Tagged, built_words, extra_tags};
