//! The `lockstep` command, and the local engine it can run.
//!
//! The commands are thin: they ask the ledger and Step Functions, make a report of the
//! answer, and print it as text or JSON. What a deployment means is decided in the
//! `lockstep` crate; nothing here decides it again.

pub mod account;
pub mod application;
pub mod args;
pub mod aws;
pub mod commands;
pub mod confirm;
pub mod demo;
pub mod doctor;
pub mod error;
pub mod exit;
pub mod inventory;
pub mod local;
pub mod release;
pub mod repair;
pub mod sync;
pub mod takeover;
pub mod templates;
pub mod view;
pub mod watch;
