//! What people are told of migrations.

use super::identity::Run;
use super::means::Means;
use super::step::MigrationStep;
use super::task::TaskEnd;
use crate::PhaseError;
use crate::ecs::task_log_link;

impl MigrationStep {
    /// A command as a person would type it.
    pub fn shown(command: &[String]) -> String {
        let plain = |word: &String| {
            let safe = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+".contains(c);
            if !word.is_empty() && word.chars().all(safe) {
                word.clone()
            } else {
                format!("'{}'", word.replace('\'', r"'\''"))
            }
        };
        let words: Vec<_> = command.iter().map(plain).collect();
        words.join(" ")
    }

    /// What a run does, in a few words.
    pub fn run_label(&self, run: Run) -> String {
        match &self.means {
            Means::Task(task) => {
                let command = task.command_of(run).unwrap_or_default();
                format!("`{}` in {}", Self::shown(command), self.image)
            }
            Means::Build(build) => {
                let (verb, project) = (run.verb(), &build.project);
                format!("`{verb}` of CodeBuild project {project} for {}", self.image)
            }
        }
    }

    /// Where to read on: the log of a task in the console, or the task's own page when its log
    /// goes elsewhere; the page of a build.
    pub fn link(&self, end: &TaskEnd) -> Option<String> {
        match &self.means {
            Means::Task(means) => Some(task_log_link(
                &means.service_arn,
                &means.cluster,
                &means.task_definition,
                &means.container,
                &end.task,
            )),
            Means::Build(_) => Some(end.link.clone()).filter(|it| !it.is_empty()),
        }
    }

    /// Why a run that is over did not succeed. What a command did says something of the release;
    /// that it could not begin, or was stopped, does not.
    pub fn failure(&self, run: Run, end: &TaskEnd) -> PhaseError {
        let what = match run {
            Run::Undo => "its undo ",
            Run::Expand | Run::Contract => "",
        };
        let did = if end.ran { "failed" } else { "did not run" };
        let log = if end.log.is_empty() {
            String::new()
        } else {
            let lines: Vec<_> = end.log.lines().map(|line| format!("\n  {line}")).collect();
            format!("; the end of its log:{}\n", lines.concat())
        };
        let see = match self.link(end) {
            None => String::new(),
            Some(link) if log.is_empty() => format!("; see {link}"),
            Some(link) => format!("See {link}"),
        };
        let label = self.run_label(run);
        let text = format!("{what}{label} {did}: {}{log}{see}", end.cause);
        if end.ran && end.by_itself {
            return PhaseError::Unhealthy {
                signal: format!("{}: {text}", self.resource()),
            };
        }
        PhaseError::Rejected {
            resource: self.resource(),
            reason: text,
        }
    }

    /// What a person does by hand where undoing failed.
    pub fn restore_command(&self) -> String {
        match &self.means {
            Means::Task(task) => match &task.undo {
                None => "look at the schema; the manifest has no undo command".to_owned(),
                Some(undo) => format!(
                    "once the old release serves, run `{}` as a task of {} in cluster {}",
                    Self::shown(undo),
                    task.family(),
                    task.cluster
                ),
            },
            Means::Build(build) if !build.undo => {
                "look at the schema; the manifest has no undo".to_owned()
            }
            Means::Build(build) => {
                let variables = [
                    ("LOCKSTEP_MIGRATION", Run::Undo.verb()),
                    ("LOCKSTEP_DEPLOYMENT", &self.deployment),
                    ("LOCKSTEP_ENVIRONMENT", &self.environment),
                    ("LOCKSTEP_IMAGE", &build.image),
                ];
                let variables = variables.map(|(name, value)| format!("name={name},value={value}"));
                format!(
                    "once the old release serves, aws codebuild start-build --project-name {} \
                     --environment-variables-override {}",
                    build.project,
                    variables.join(" ")
                )
            }
        }
    }
}
