//! What a person, or a program, gets to see. Every report is a type that is printed as
//! text or, with `--json`, as its own JSON: the same content, with documented names.

pub mod doctor;
pub mod duration;
pub mod environment;
pub mod failure;
pub mod history;
pub mod init;
pub mod manifest;
pub mod output;
pub mod progress;
pub mod question;
pub mod show;
pub mod table;
pub mod verified;

pub use output::{Output, Report};
