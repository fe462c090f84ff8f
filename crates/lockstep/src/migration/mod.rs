//! Migrations of a database's schema: one-shot ECS tasks with a release's new image, or builds of
//! a CodeBuild project.
//!
//! `expand` runs before the release takes any traffic and must suit the old release too;
//! `contract` runs after the new release was verified, and nothing goes back behind it. What
//! ran is known by the image and the command, so that one release migrates once.

mod definition;
mod floor;
mod identity;
mod means;
mod planning;
mod step;
mod task;
mod words;

pub use definition::one_shot;
pub(crate) use floor::is_floor;
pub use floor::{RollbackFloor, below_floor};
pub use identity::{Identity, Mark, Migrated, Run};
pub use means::{BuildMeans, Means, TaskMeans};
pub use planning::{MigrationInputs, PlannedMigration, plan_migration};
pub use step::MigrationStep;
pub use task::{OneShotTask, TaskEnd};
