//! What people are told of migrations.

use super::identity::Run;
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
        let command = self.command_of(run).unwrap_or_default();
        format!("`{}` in {}", Self::shown(command), self.image)
    }

    /// The log of a task in the console; the task's own page when its log goes elsewhere.
    pub fn log_link(&self, task: &str) -> String {
        task_log_link(
            &self.service_arn,
            &self.cluster,
            &self.task_definition,
            &self.container,
            task,
        )
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
        let link = self.log_link(&end.task);
        let see = if log.is_empty() { "; see " } else { "See " };
        let label = self.run_label(run);
        let text = format!("{what}{label} {did}: {}{log}{see}{link}", end.cause);
        if end.ran && end.cause.starts_with("container ") {
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
        let Some(undo) = &self.undo else {
            return "look at the schema; the manifest has no undo command".to_owned();
        };
        format!(
            "once the old release serves, run `{}` as a task of {} in cluster {}",
            Self::shown(undo),
            self.family(),
            self.cluster
        )
    }
}
