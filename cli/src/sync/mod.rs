//! `lockstep sync`: watches a folder of builds and deploys what changed in it, again and again.
//!
//! The folder is looked at several times a second instead of being listened to: whether a build
//! has ended can only be seen by looking anyway, and looking works on every file system, shared
//! folders of containers and virtual machines too.

mod changes;
mod folder;

pub use changes::{Known, functions, taken};
pub use folder::{Built, Folder, Look};
