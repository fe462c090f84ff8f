//! The local engine: AWS without an account.
//!
//! [`LocalEngine`] runs the AWS emulator from a pinned Python environment, and between it and everything that calls
//! AWS a [`Gateway`]: a reverse proxy that counts calls, emits the events AWS would emit, and injects faults for tests.
//! The controller is deployed to it by the real SAM CLI from the project's own `template.yaml`. With Docker or Podman
//! the ECS tasks are real containers.

pub mod build;
pub mod commands;
pub mod containers;
pub mod emulator;
pub mod engine;
pub mod error;
pub mod gateway;
pub mod image;
pub mod layout;
pub mod ports;
pub mod process;
pub mod registry;
pub mod sam;
pub mod sdk;
pub mod signals;
pub mod state;
pub mod venv;

pub use engine::{Containers, LocalEngine, Options, Progress, Report};
pub use error::LocalError;
pub use gateway::Gateway;
