//! lib

pub mod local;
