//! What carries a run out: a task of ECS or a build of CodeBuild, found, started and stopped.

use jiff::{SignedDuration, Timestamp};
use lockstep::PhaseError;
use lockstep::ecs::short_name;
use lockstep::migration::{BuildMeans, Means, MigrationStep, OneShotTask, Run, TaskEnd, TaskMeans};
use lockstep_codebuild::{Build, BuildRequest, Started, Status, Tail};
use lockstep_ledger::MigrationRun;

use super::{MigratePhase, deployment};

/// How much older than its beginning in the ledger a build may look: CodeBuild has a clock of its
/// own.
const CLOCKS: SignedDuration = SignedDuration::from_mins(10);

/// The phases of a build before its first command.
const BEFORE_COMMANDS: [&str; 4] = ["SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE"];

/// How the cause of an end begins that came because the time was over.
const LATE: &str = "Lockstep: not finished within";

/// A run's task or build.
#[derive(Debug)]
pub(super) enum Carried {
    Task(OneShotTask),
    Build(Box<Build>),
}

impl Carried {
    /// The ARN of the task, or the id of the build.
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Task(task) => task.arn(),
            Self::Build(build) => &build.id,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        match self {
            Self::Task(task) => task.is_over(),
            Self::Build(build) => build.status.is_over(),
        }
    }

    /// Since when its time counts, where it says that itself. A build may have waited until
    /// CodeBuild took it.
    pub(super) fn since(&self) -> Option<Timestamp> {
        match self {
            Self::Task(_) => None,
            Self::Build(build) => build.started_at,
        }
    }

    pub(super) fn ended_at(&self) -> Option<Timestamp> {
        match self {
            Self::Task(task) => task.stopped_at(),
            Self::Build(build) => build.ended_at,
        }
    }

    /// What it is, for people.
    pub(super) fn named(&self) -> String {
        match self {
            Self::Task(task) => format!("task {}", short_name(task.arn())),
            Self::Build(build) => format!("build {}", build.id),
        }
    }

    /// What it is doing.
    pub(super) fn note(&self) -> String {
        match self {
            Self::Task(task) => format!("{} is {}", self.named(), task.status.to_lowercase()),
            Self::Build(build) => format!("{} is in its phase {}", self.named(), build.phase),
        }
    }

    /// How it ended, without the end of its log.
    pub(super) fn end(&self, step: &MigrationStep, record: &MigrationRun) -> TaskEnd {
        match (self, &step.means) {
            (Self::Task(task), Means::Task(means)) => task.end(&means.container),
            (Self::Task(task), Means::Build(_)) => task.end(""),
            (Self::Build(build), _) => end_of_build(step, build, record.late),
        }
    }
}

fn end_of_build(step: &MigrationStep, build: &Build, stopped_late: bool) -> TaskEnd {
    let late = match build.status {
        Status::TimedOut => true,
        Status::Stopped => stopped_late,
        _ => false,
    };
    let phase = build.failure.as_ref().map(|it| it.phase.as_str());
    let began = phase.is_none_or(|phase| !BEFORE_COMMANDS.contains(&phase));
    let cause = match (&build.failure, build.status) {
        _ if late => late_reason(step),
        (Some(failure), Status::Failed) => format!("the build failed: {failure}"),
        (_, status) => format!("the build ended as {status}"),
    };
    TaskEnd {
        task: build.id.clone(),
        succeeded: build.status == Status::Succeeded,
        ran: began,
        by_itself: build.status == Status::Failed,
        cause,
        log: String::new(),
        link: build.link.clone().unwrap_or_default(),
    }
}

impl MigratePhase {
    /// Starts a run's task or build, unless an earlier attempt did. Why not, where that passes by
    /// itself.
    pub(super) async fn launch(
        &self,
        step: &MigrationStep,
        run: Run,
    ) -> Result<Option<String>, PhaseError> {
        let started = match &step.means {
            Means::Task(task) => self.start_task(step, task, run).await?,
            Means::Build(build) => match self.start_build(step, build, run).await? {
                Started::Build(build) => Some(build.id),
                Started::NoRoom(said) => {
                    let said = said.trim_end_matches('.');
                    return Ok(Some(format!(
                        "CodeBuild takes no more builds at the moment ({said})"
                    )));
                }
            },
        };
        if let Some(started) = started {
            let (id, name) = (deployment(step)?.id, step.run_name(run));
            self.ledger
                .note_migration_task(&id, &name, &started)
                .await?;
        }
        Ok(None)
    }

    /// Registers the one-shot definition, unless an earlier attempt did, and starts the task.
    async fn start_task(
        &self,
        step: &MigrationStep,
        task: &TaskMeans,
        run: Run,
    ) -> Result<Option<String>, PhaseError> {
        let Some(command) = task.command_of(run) else {
            return Ok(None);
        };
        let revision = self.ecs.one_shot_revision(&task.task_definition).await?;
        let input = task.run_input(step, run, command, &revision);
        tracing::info!(target = step.resource(), revision, "starting the task");
        self.ecs.run_task(&input).await
    }

    async fn start_build(
        &self,
        step: &MigrationStep,
        build: &BuildMeans,
        run: Run,
    ) -> Result<Started, PhaseError> {
        let minutes = step.timeout_seconds.div_ceil(60);
        let request = BuildRequest {
            project: build.project.clone(),
            identity: step.started_by(run),
            token: step.client_token(run),
            source: None,
            variables: build.variables_of(step, run),
            timeout_minutes: u32::try_from(minutes).ok(),
        };
        let project = &build.project;
        tracing::info!(target = step.resource(), project, "starting the build");
        self.codebuild.start(&request).await
    }

    /// The run's task or build, as the ledger or else its name knows it.
    pub(super) async fn find(
        &self,
        step: &MigrationStep,
        run: Run,
        record: &MigrationRun,
    ) -> Result<Option<Carried>, PhaseError> {
        let found = match &step.means {
            Means::Task(means) => self.find_task(step, means, run, record).await?,
            Means::Build(means) => self.find_build(step, means, run, record).await?,
        };
        if let (Some(found), None) = (&found, &record.task) {
            let (id, name) = (deployment(step)?.id, step.run_name(run));
            self.ledger
                .note_migration_task(&id, &name, found.id())
                .await?;
        }
        Ok(found)
    }

    async fn find_task(
        &self,
        step: &MigrationStep,
        means: &TaskMeans,
        run: Run,
        record: &MigrationRun,
    ) -> Result<Option<Carried>, PhaseError> {
        let cluster = &means.cluster;
        let found = match &record.task {
            Some(task) => self.ecs.task(cluster, task).await?,
            None => {
                let started_by = step.started_by(run);
                let tasks = self.ecs.started_tasks(cluster, means.family(), &started_by);
                tasks.await?.into_iter().next()
            }
        };
        Ok(found.map(Carried::Task))
    }

    async fn find_build(
        &self,
        step: &MigrationStep,
        means: &BuildMeans,
        run: Run,
        record: &MigrationRun,
    ) -> Result<Option<Carried>, PhaseError> {
        let found = match (&record.task, record.begun_at) {
            (Some(id), _) => self.codebuild.get(&means.project, id).await?,
            (None, Some(begun)) => {
                let name = step.started_by(run);
                let since = begun.saturating_sub(CLOCKS).unwrap_or(begun);
                let names = [name.as_str()];
                let find = self.codebuild.find(&means.project, &names, since);
                find.await?.remove(&name)
            }
            (None, None) => None,
        };
        Ok(found.map(|build| Carried::Build(Box::new(build))))
    }

    /// Tells it to stop. One that is over is left as it is.
    pub(super) async fn stop(
        &self,
        step: &MigrationStep,
        carried: &Carried,
        reason: &str,
    ) -> Result<(), PhaseError> {
        match (carried, &step.means) {
            (Carried::Task(task), Means::Task(means)) => {
                self.ecs.stop_task(&means.cluster, task.arn(), reason).await
            }
            (Carried::Build(build), _) => self.codebuild.stop(build).await,
            (Carried::Task(_), Means::Build(_)) => Ok(()),
        }
    }

    /// Tells it to stop because its time is over, and keeps that this is why.
    pub(super) async fn stop_late(
        &self,
        step: &MigrationStep,
        run: Run,
        carried: &Carried,
    ) -> Result<(), PhaseError> {
        if let Carried::Build(_) = carried {
            let (id, name) = (deployment(step)?.id, step.run_name(run));
            let now = Timestamp::now();
            self.ledger.note_late_migration(&id, &name, now).await?;
        }
        self.stop(step, carried, &late_reason(step)).await
    }

    /// Whether there is a log to be read.
    pub(super) fn has_log(&self, step: &MigrationStep, carried: &Carried) -> bool {
        match (carried, &step.means) {
            (Carried::Task(_), Means::Task(means)) => self.logs.can_read(means),
            (Carried::Build(build), _) => build.log.is_some(),
            (Carried::Task(_), Means::Build(_)) => false,
        }
    }

    /// The last lines of its log; empty where they are not there (yet), or cannot be read.
    pub(super) async fn log_tail(&self, step: &MigrationStep, carried: &Carried) -> String {
        match (carried, &step.means) {
            (Carried::Task(task), Means::Task(means)) => self.logs.tail(means, task.arn()).await,
            (Carried::Build(build), _) => {
                let lines = self.codebuild.log_tail(build, Tail::default()).await;
                lines.join("\n")
            }
            (Carried::Task(_), Means::Build(_)) => String::new(),
        }
    }
}

/// With which reason it is stopped when its time is over, and by which that is known later.
fn late_reason(step: &MigrationStep) -> String {
    format!("{LATE} {} s", step.timeout_seconds)
}

pub(super) fn is_late(end: &TaskEnd) -> bool {
    !end.succeeded && end.cause.starts_with(LATE)
}
