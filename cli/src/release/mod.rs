//! Making and uploading releases.

mod pack;
mod upload;

pub use pack::{Artifact, collect, entries, pack_one, pack_source};
pub use upload::{Uploaded, upload};
