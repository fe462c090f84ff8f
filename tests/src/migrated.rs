//! Applications whose service has a migration.

use aws_sdk_codebuild::types::{
    ArtifactsType, Build, ComputeType, EnvironmentType, ProjectArtifacts, ProjectEnvironment,
    ProjectSource, SourceType,
};
use aws_sdk_ecs::types::{DesiredStatus, Task};
use lockstep_cli::local::emulator::ACCOUNT;
use lockstep_cli::local::gateway::TaskEnding;

use crate::{Application, ENVIRONMENT, World};

/// The migration's name in the manifest.
pub const MIGRATION: &str = "schema";

/// Says what it does, and fails where `FAILS` says so.
const BUILDSPEC: &str = "\
version: 0.2
phases:
  build:
    commands:
      - echo \"$LOCKSTEP_MIGRATION of $SCHEMA with ${LOCKSTEP_IMAGE##*/}\"
      - 'if [ \"$FAILS\" = \"$LOCKSTEP_MIGRATION\" ]; then echo \"ERROR: no such column\"; exit 3; fi'
";

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

    /// The same with a CodeBuild project in place of commands. The build that these say fails: `up`, `undo` or
    /// `contract`.
    pub async fn migrated_by_builds(&self, name: &str, fails: &str) -> Application<'_> {
        let application = self.application(name).await;
        let source = ProjectSource::builder()
            .r#type(SourceType::NoSource)
            .buildspec(BUILDSPEC);
        let artifacts = ProjectArtifacts::builder().r#type(ArtifactsType::NoArtifacts);
        let environment = ProjectEnvironment::builder()
            .r#type(EnvironmentType::LinuxContainer)
            .image("aws/codebuild/standard:7.0")
            .compute_type(ComputeType::BuildGeneral1Small);
        let create = self.clients().codebuild.create_project();
        let create = create
            .name(application.migration_project())
            .source(source.build().unwrap())
            .artifacts(artifacts.build().unwrap())
            .environment(environment.build().unwrap())
            .service_role(format!("arn:aws:iam::{ACCOUNT}:role/builds"));
        create.send().await.unwrap();
        let manifest = application.manifest(&self.health_url(name));
        let migrations = format!(
            "migrations:\n  {MIGRATION}:\n    service: web\n    project: {}\n    \
             environment: {{ SCHEMA: \"shop_${{environment}}\", FAILS: \"{fails}\" }}\n    undo: true\n    contract: true\n",
            application.migration_project()
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
    /// The CodeBuild project that migrates.
    pub fn migration_project(&self) -> String {
        format!("lockstep-{}", self.name)
    }

    /// The builds of the migration so far, the first one first.
    pub async fn migration_builds(&self) -> Vec<Build> {
        let codebuild = &self.world.clients().codebuild;
        let list = codebuild.list_builds_for_project();
        let listed = list.project_name(self.migration_project()).send().await;
        let ids = listed.unwrap().ids.unwrap_or_default();
        if ids.is_empty() {
            return Vec::new();
        }
        let get = codebuild.batch_get_builds().set_ids(Some(ids));
        let mut builds = get.send().await.unwrap().builds.unwrap_or_default();
        builds.sort_by_key(Build::build_number);
        builds
    }

    /// Each of these builds in a line: what it was told to do, and how it ended.
    pub async fn migration_build_runs(&self) -> Vec<String> {
        let builds = self.migration_builds().await;
        let line = |build: &Build| {
            let variables = build.environment().unwrap().environment_variables();
            let mut variables = variables.iter();
            let verb = variables.find(|it| it.name() == "LOCKSTEP_MIGRATION");
            let status = build.build_status().unwrap().as_str();
            format!("{}: {status}", verb.unwrap().value())
        };
        builds.iter().map(line).collect()
    }

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
