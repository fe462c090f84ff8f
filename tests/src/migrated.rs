//! Applications whose service has a migration.

use aws_sdk_ecs::types::{DesiredStatus, Task};
use lockstep_cli::local::gateway::TaskEnding;

use crate::{Application, ENVIRONMENT, World};

/// The migration's name in the manifest.
pub const MIGRATION: &str = "schema";

impl World {
    /// Creates an application with a migration, whose commands are `up`, `down` and `contract` with the
    /// application's name, and end as these say.
    pub async fn migrated(&self, name: &str, more: &str) -> Application<'_> {
        let application = self.application(name).await;
        let manifest = application.manifest(&self.health_url(name));
        let migrations = format!(
            "migrations:\n  {MIGRATION}:\n    service: web\n    command: [\"db\", \"up:${{environment}}\", \"{name}\"]\n{more}"
        );
        application.apply(&format!("{manifest}{migrations}")).await;
        application
    }

    /// Chooses how the commands of all applications end.
    pub async fn end_tasks(&self, endings: &[TaskEnding]) {
        let gateway = self.engine().gateway();
        gateway.end_tasks(endings).await.unwrap();
    }
}

impl Application<'_> {
    /// The tasks of the migration so far, the first one first.
    pub async fn migration_tasks(&self) -> Vec<Task> {
        let ecs = &self.world.clients().ecs;
        let mut tasks = Vec::new();
        for status in [DesiredStatus::Running, DesiredStatus::Stopped] {
            let list = ecs.list_tasks().cluster(&self.name);
            let list = list.family(format!("{}-web-migration-{MIGRATION}", self.name));
            let listed = list.desired_status(status).send().await.unwrap();
            if listed.task_arns().is_empty() {
                continue;
            }
            let describe = ecs.describe_tasks().cluster(&self.name);
            let describe = describe.set_tasks(listed.task_arns);
            let described = describe.send().await.unwrap();
            tasks.extend(described.tasks.unwrap_or_default());
        }
        tasks.sort_by_key(|task| {
            task.created_at()
                .map(aws_sdk_ecs::primitives::DateTime::as_nanos)
        });
        tasks
    }

    /// Each of these tasks in a line: what it ran, and how it ended.
    pub async fn migration_runs(&self) -> Vec<String> {
        let tasks = self.migration_tasks().await;
        let line = |task: &Task| {
            let overrides = task.overrides().unwrap().container_overrides();
            let command = overrides[0].command().join(" ");
            let code = task.containers()[0].exit_code();
            let end = match (task.stop_code(), code) {
                (Some(stop), Some(code)) => format!("{}, exit code {code}", stop.as_str()),
                (Some(stop), None) => stop.as_str().to_owned(),
                (None, _) => task.last_status().unwrap_or_default().to_owned(),
            };
            format!("{command}: {end}")
        };
        tasks.iter().map(line).collect()
    }

    /// What the ledger says of the migration: the commands that ran and are not undone.
    pub async fn migrations_kept(&self) -> Vec<String> {
        let ledger = &self.world.clients().ledger;
        let migrated = ledger.migrated(&self.name, ENVIRONMENT, MIGRATION).await;
        let migrated = migrated.unwrap();
        let ran = migrated.done.iter();
        let mut lines: Vec<_> = ran
            .map(|mark| format!("{} of {}", mark.run, mark.identity.image))
            .collect();
        lines.extend(
            migrated
                .open
                .map(|it| format!("open contract of {}", it.image)),
        );
        lines
    }
}
