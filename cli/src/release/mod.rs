//! Making and uploading releases.

mod pack;
mod upload;

pub use pack::{Artifact, collect};
pub use upload::{Uploaded, upload};
