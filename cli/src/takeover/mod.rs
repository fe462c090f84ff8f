//! A manifest for what runs already: what there is, and how it is written down.

mod backup;
mod draft;
mod gather;
mod names;
mod site;
mod write;

pub use backup::{Backup, File, check_free, save};
pub use draft::{Draft, DraftFunction, DraftService, DraftSite, DraftStack};
pub use gather::{Gathered, Source, gather};
pub use write::manifest;
