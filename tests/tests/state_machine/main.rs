//! State machine, template and code agree.
//!
//! The validators of CI read one file each. What falls between the files is tested here: that a
//! state calls a function that exists, that undo is the exact reverse of do, that every way ends
//! in Conclude, and that each function may do what was reviewed and nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends where something is missing"
)]

mod flow;
mod functions;
mod machine;
mod payloads;
mod permissions;
mod retries;
mod template;
mod variables;
