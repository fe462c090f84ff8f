//! A service with a migration: one command up, one down, and a contract.

use lockstep_cli::local::gateway::TaskEnding;
use lockstep_tests::{Application, Snapshot, World, eventually};

/// A service, its migration, and the digest of its new image.
pub struct Migrated<'w> {
    /// The service.
    pub application: Application<'w>,
    /// The new image.
    pub digest: String,
}

/// What there is of both.
#[derive(Debug)]
pub struct SeenMigrated {
    /// The service, and what the ledger keeps.
    pub service: Snapshot,
    /// The migration's tasks, and how they ended.
    runs: Vec<String>,
    /// What the ledger says that ran.
    kept: Vec<String>,
}

/// How a task that succeeded ends in [`SeenMigrated::runs`].
const SUCCEEDED: &str = ": EssentialContainerExited, exit code 0";

impl<'w> Migrated<'w> {
    /// A service that runs, and a new image, which is good or bad.
    pub async fn prepare(world: &'w World, name: &str, is_good: bool) -> Self {
        // Long enough to be seen at work, and over before anybody looks again.
        world
            .end_tasks(&[TaskEnding::of("db").exits(0).takes(0.5)])
            .await;
        let more =
            "    undo: [\"db\", \"down\"]\n    contract: { command: [\"db\", \"contract\"] }\n";
        let application = world.migrated(name, more).await;
        let digest = if is_good {
            application.push("v2").await
        } else {
            application.push_bad("v2").await
        };
        Self {
            application,
            digest,
        }
    }

    /// What there is now, once no task runs.
    pub async fn look(&self) -> SeenMigrated {
        let runs = eventually("no migration runs any more", async || {
            let runs = self.application.migration_runs().await;
            let over = |run: &String| run.contains("exit code") || run.contains(": T");
            runs.iter().all(over).then_some(runs)
        })
        .await;
        SeenMigrated {
            service: self.application.snapshot().await,
            runs,
            kept: self.application.migrations_kept().await,
        }
    }
}

impl SeenMigrated {
    /// How often a command succeeded.
    fn succeeded(&self, command: &str) -> usize {
        let begin = format!("db {command}");
        let of_it = self.runs.iter().filter(|it| it.starts_with(&begin));
        of_it.filter(|it| it.ends_with(SUCCEEDED)).count()
    }

    fn keeps(&self, run: &str) -> bool {
        self.kept.iter().any(|it| it.starts_with(run))
    }

    /// Whether no command ran twice.
    pub fn ran_once(&self) -> bool {
        let once = |command: &str| {
            let begin = format!("db {command}");
            let count = self.runs.iter().filter(|it| it.starts_with(&begin)).count();
            count <= 1
        };
        ["up", "down", "contract"].into_iter().all(once)
    }

    /// Whether the schema, and what is known of it, are as before the deployment.
    pub fn is_as_before(&self) -> bool {
        self.succeeded("up") == self.succeeded("down")
            && self.succeeded("contract") == 0
            && self.kept.is_empty()
    }

    /// Whether all of the migration ran, and is known to have run.
    pub fn is_migrated(&self) -> bool {
        (
            self.succeeded("up"),
            self.succeeded("down"),
            self.succeeded("contract"),
        ) == (1, 0, 1)
            && self.keeps("expand")
            && self.keeps("contract")
            && !self.keeps("open")
    }

    /// Whether a contract began.
    pub fn contract_began(&self) -> bool {
        self.keeps("open")
            || self.keeps("contract")
            || self.runs.iter().any(|it| it.starts_with("db contract"))
    }
}
