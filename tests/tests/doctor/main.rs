//! Stacks that cannot be changed as they are: how they got there, what is told, and what becomes of them, by a deployment
//! and by `lockstep doctor`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise, and says so on the terminal"
)]

mod busy;
#[path = "../infrastructure_cli/command.rs"]
mod command;
mod creation;
mod deletion;
mod patient;
mod rollback;
