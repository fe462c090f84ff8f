//! What carries out a migration: a task of ECS, or a build of CodeBuild.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::identity::Run;
use super::step::MigrationStep;

/// What carries out the runs of a migration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Means {
    /// A one-shot task with the new image.
    Task(Box<TaskMeans>),
    /// A build of a project.
    Build(BuildMeans),
}

/// A one-shot task: where the service's tasks run, with another command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskMeans {
    /// The ECS cluster's name.
    pub cluster: String,
    /// The ARN of the ECS service whose image, network and roles it has.
    pub service_arn: String,
    /// The container whose command is replaced.
    pub container: String,
    /// The command.
    pub command: Vec<String>,
    /// The command that takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Vec<String>>,
    /// The input of `RegisterTaskDefinition`.
    pub task_definition: Value,
    /// Where the service's tasks run, as fields of `RunTask`.
    pub placement: Value,
}

/// A build of a CodeBuild project, with the project's own source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildMeans {
    /// The project's name.
    pub project: String,
    /// The new image, as a reference that `docker pull` takes.
    pub image: String,
    /// The manifest's variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// Whether the buildspec can take back what it did.
    pub undo: bool,
}

impl TaskMeans {
    /// The family of the one-shot task definition.
    pub fn family(&self) -> &str {
        let family = self.task_definition.get("family");
        family.and_then(Value::as_str).unwrap_or_default()
    }

    /// The command of a run; `None` for an undo that the manifest does not have.
    pub fn command_of(&self, run: Run) -> Option<&[String]> {
        match run {
            Run::Undo => self.undo.as_deref(),
            Run::Expand | Run::Contract => Some(&self.command),
        }
    }

    /// The input of `RunTask`. The command learns which deployment it belongs to.
    pub fn run_input(
        &self,
        step: &MigrationStep,
        run: Run,
        command: &[String],
        revision: &str,
    ) -> Value {
        let environment = json!([
            {"name": "LOCKSTEP_DEPLOYMENT", "value": step.deployment},
            {"name": "LOCKSTEP_ENVIRONMENT", "value": step.environment},
            {"name": "LOCKSTEP_MIGRATION", "value": run.verb()},
        ]);
        let container = json!({
            "name": self.container, "command": command, "environment": environment,
        });
        let mut input = Map::new();
        input.insert("cluster".into(), self.cluster.as_str().into());
        input.insert("taskDefinition".into(), revision.into());
        input.insert("count".into(), 1.into());
        input.insert("startedBy".into(), step.started_by(run).into());
        input.insert("clientToken".into(), step.client_token(run).into());
        input.insert(
            "overrides".into(),
            json!({"containerOverrides": [container]}),
        );
        if let Value::Object(placement) = &self.placement {
            input.extend(placement.clone());
        }
        Value::Object(input)
    }
}

impl BuildMeans {
    /// The variables of a run's build: the manifest's, and what it is about.
    pub fn variables_of(&self, step: &MigrationStep, run: Run) -> BTreeMap<String, String> {
        let own = [
            ("LOCKSTEP_MIGRATION", run.verb()),
            ("LOCKSTEP_APPLICATION", &step.application),
            ("LOCKSTEP_ENVIRONMENT", &step.environment),
            ("LOCKSTEP_COMPONENT", &step.component),
            ("LOCKSTEP_DEPLOYMENT", &step.deployment),
            ("LOCKSTEP_IMAGE", &self.image),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.variables.clone().into_iter().chain(own).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Means;

    #[test]
    fn means_are_told_apart_in_the_ledger() {
        let build = json!({"by": "build", "project": "p", "image": "i", "undo": true});
        let read = serde_json::from_value::<Means>(build.clone());
        assert!(matches!(&read, Ok(Means::Build(build)) if build.undo));
        let again = read.map(|it| serde_json::to_value(it).unwrap_or_default());
        assert_eq!(again.unwrap_or_default(), build);
    }
}
