//! The step of the `infrastructure-build` phase: one component that a CodeBuild project builds.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::change::InfrastructureChange;
use super::identity::Purpose;
use super::record::{Applied, BuildRecord};
use crate::{DeploymentId, PhaseError};

/// One component's change. Written by the plan, never changed afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildStep {
    /// The deployment's id.
    pub deployment: DeploymentId,
    /// The application.
    pub application: String,
    /// The environment.
    pub environment: String,
    /// The manifest's name of it.
    pub component: String,
    /// The CodeBuild projects.
    pub project: Projects,
    /// What is applied.
    pub source: Source,
    /// The variables that it is applied with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, Variable>,
    /// Where the builds of this deployment keep what they hand to each other.
    pub work: Work,
    /// What the plan build said; `None` where that is made when the step's turn has come,
    /// because a variable waits for another component's outputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<Planned>,
    /// What the ledger said when the plan was made: what undo goes back to.
    #[serde(default, skip_serializing_if = "BuildRecord::is_empty")]
    pub before: BuildRecord,
    /// The resources, by address, that may be replaced or deleted although they hold data: by
    /// the manifest, or approved for this deployment.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub approved: BTreeSet<String>,
    /// How long one build may take, in minutes. CodeBuild ends it then.
    pub timeout_minutes: u32,
    /// The step's time budget, in seconds: that of all of its builds, one after the other.
    pub deadline_seconds: u64,
}

/// The CodeBuild projects of a component, by name. They may be the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Projects {
    /// The one that plans. Its role may be one that only reads.
    pub plan: String,
    /// The one that applies.
    pub apply: String,
}

/// A source in the releases bucket: a zip file, stored under its own hash, so that what a step
/// means never changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The bucket.
    pub bucket: String,
    /// The object's key.
    pub key: String,
    /// The SHA-256 of its bytes, in hex.
    pub sha256: String,
}

/// Where the value of a variable comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variable {
    /// This text.
    Text(String),
    /// The output of another component of the deployment, read from the ledger when the step's
    /// turn has come.
    Output {
        /// The manifest's name of the other component.
        component: String,
        /// The output's name.
        output: String,
    },
}

/// A place in the releases bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// The bucket.
    pub bucket: String,
    /// What the keys begin with, without a slash at the end.
    pub prefix: String,
}

/// What a plan build said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// The build's id, `project:uuid`.
    pub build: String,
    /// What would change, the worst first; at most 100.
    pub changes: Vec<InfrastructureChange>,
    /// How many changes are not kept here. None of them is worse than those that are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: usize,
}

/// How many changes of a component the plan keeps, which is one item of the ledger.
const KEPT: usize = 100;

// serde asks by reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Planned {
    /// What a build said, as much of it as a plan can hold. `changes` have the worst first.
    pub fn of(build: String, mut changes: Vec<InfrastructureChange>) -> Self {
        let more = changes.len().saturating_sub(KEPT);
        changes.truncate(KEPT);
        Self {
            build,
            changes,
            more,
        }
    }
}

impl BuildStep {
    /// The component as messages name it.
    pub fn resource(&self) -> String {
        format!("infrastructure {}", self.component)
    }

    /// Where the builds of the change, or with `undo` those of the way back, keep what they hand
    /// to each other.
    #[must_use]
    pub fn work_of(&self, undo: bool) -> Work {
        let mut work = self.work.clone();
        if undo {
            work.prefix.push_str("/undo");
        }
        work
    }

    /// The project, the source and the variables of a build. `variables` are those of the step,
    /// resolved. `None` for a way back where there is nothing to go back to.
    pub fn build<'a>(
        &'a self,
        purpose: Purpose,
        variables: &'a BTreeMap<String, String>,
    ) -> Option<(&'a str, &'a Source, &'a BTreeMap<String, String>)> {
        let (projects, source, variables) = if purpose.is_undo() {
            let before = self.before.applied.as_ref()?;
            (&before.project, &before.source, &before.variables)
        } else {
            (&self.project, &self.source, variables)
        };
        let project = if purpose.is_plan() {
            &projects.plan
        } else {
            &projects.apply
        };
        Some((project, source, variables))
    }

    /// The components whose outputs the variables take.
    pub fn takes_from(&self) -> BTreeSet<&str> {
        let from = self.variables.values().filter_map(|it| match it {
            Variable::Output { component, .. } => Some(component.as_str()),
            Variable::Text(_) => None,
        });
        from.collect()
    }

    /// The variables as texts, with the outputs of the components that they are taken from.
    ///
    /// # Errors
    /// [`PhaseError::Rejected`] naming the first output that is not there.
    pub fn resolved(
        &self,
        outputs: &BTreeMap<String, BTreeMap<String, String>>,
    ) -> Result<BTreeMap<String, String>, PhaseError> {
        let resolve = |(name, value): (&String, &Variable)| {
            let value = match value {
                Variable::Text(text) => text.clone(),
                Variable::Output { component, output } => {
                    let value = outputs.get(component).and_then(|its| its.get(output));
                    let value = value.ok_or_else(|| self.no_output(name, component, output));
                    value?.clone()
                }
            };
            Ok((name.clone(), value))
        };
        self.variables.iter().map(resolve).collect()
    }

    fn no_output(&self, variable: &str, component: &str, output: &str) -> PhaseError {
        PhaseError::Rejected {
            resource: self.resource(),
            reason: format!(
                "its variable {variable} takes {component}.{output}, and {component} was applied without an output of \
                 that name; add it there, or correct lockstep.yaml"
            ),
        }
    }

    /// What the ledger says once the change is done.
    pub fn after(
        &self,
        variables: BTreeMap<String, String>,
        outputs: BTreeMap<String, String>,
    ) -> BuildRecord {
        BuildRecord {
            applied: Some(Applied {
                source: self.source.clone(),
                project: self.project.clone(),
                variables,
                outputs,
                deployment: self.deployment.clone(),
            }),
            begun: None,
        }
    }

    /// What was applied last, in a few words.
    pub fn before_label(&self) -> String {
        let Some(before) = &self.before.applied else {
            return "not applied yet".to_owned();
        };
        let others = self.other_variables();
        let values = others.iter().filter_map(|name| {
            let value = before.variables.get(*name)?;
            Some((*name, value.as_str()))
        });
        labelled(&before.source, values)
    }

    /// What is applied, in a few words: the source, and where that is the one that was applied last,
    /// the variables that have other values.
    pub fn after_label(&self) -> String {
        let others = self.other_variables();
        let values = others
            .iter()
            .filter_map(|name| match &self.variables[*name] {
                Variable::Text(text) => Some((*name, text.as_str())),
                Variable::Output { .. } => None,
            });
        labelled(&self.source, values)
    }

    /// The variables that have other values than when the same source was applied last.
    fn other_variables(&self) -> Vec<&str> {
        let same = self.before.applied.as_ref();
        let Some(before) = same.filter(|it| it.source.sha256 == self.source.sha256) else {
            return Vec::new();
        };
        let is_other = |(name, value): &(&String, &Variable)| match value {
            Variable::Text(text) => before.variables.get(*name) != Some(text),
            Variable::Output { .. } => true,
        };
        let others = self.variables.iter().filter(is_other);
        others.map(|(name, _)| name.as_str()).collect()
    }

    /// The command that does by hand what undo does, for a person.
    pub fn restore_command(&self) -> String {
        let Some(before) = &self.before.applied else {
            return format!(
                "there is no earlier source to go back to; see what it made, and put it right with the tool itself, or \
                 fix the source of {} and deploy again",
                self.component
            );
        };
        let Source { bucket, key, .. } = &before.source;
        let Work {
            bucket: place,
            prefix,
        } = self.work_of(true);
        format!(
            "aws codebuild start-build --project-name {} --source-type-override S3 --source-location-override \
             {bucket}/{key} --environment-variables-override name=LOCKSTEP_VERB,value=plan \
             name=LOCKSTEP_WORK,value=s3://{place}/{prefix}, look at what it says, then the same with \
             LOCKSTEP_VERB=apply and project {}",
            before.project.plan, before.project.apply
        )
    }
}

/// How many variables are named to people.
const NAMED: usize = 3;

fn labelled<'a>(source: &Source, values: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let values: Vec<_> = values
        .map(|(name, value)| format!(", {name} {value}"))
        .collect();
    let more = values.len().saturating_sub(NAMED);
    let mut label = source.label() + &values[..values.len() - more].concat();
    if more > 0 {
        label = format!("{label} and {more} more");
    }
    label
}

impl Source {
    /// The source in a few characters.
    pub fn label(&self) -> String {
        let hash = &self.sha256;
        format!("source {}", hash.get(..8).unwrap_or(hash))
    }
}

impl Work {
    /// The key of an object there.
    pub fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }

    /// The address of an object there; the place itself for an empty name.
    pub fn url(&self, name: &str) -> String {
        let Self { bucket, prefix } = self;
        if name.is_empty() {
            format!("s3://{bucket}/{prefix}")
        } else {
            format!("s3://{bucket}/{prefix}/{name}")
        }
    }

    /// The place of a component in a deployment.
    pub fn of(
        bucket: &str,
        application: &str,
        environment: &str,
        id: &DeploymentId,
        component: &str,
    ) -> Self {
        Self {
            bucket: bucket.to_owned(),
            prefix: format!("infrastructure/{application}/{environment}/{id}/{component}"),
        }
    }
}

/// The key, in the releases bucket, of a source with this content.
pub fn source_key(application: &str, sha256: &str) -> String {
    format!("sources/{application}/{sha256}.zip")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use std::collections::BTreeMap;

    use super::super::identity::Purpose;
    use super::super::testing::{step, texts};
    use super::Variable;

    #[test]
    fn outputs_of_others_become_texts() {
        let mut step = step();
        let taken = Variable::Output {
            component: "network".into(),
            output: "vpc_id".into(),
        };
        step.variables.insert("vpc".into(), taken);
        assert_eq!(step.takes_from(), ["network"].into());
        let outputs = BTreeMap::from([("network".to_owned(), texts(&[("vpc_id", "vpc-1")]))]);
        let resolved = step.resolved(&outputs).unwrap();
        assert_eq!(resolved, texts(&[("size", "large"), ("vpc", "vpc-1")]));
        let error = step.resolved(&BTreeMap::new()).unwrap_err().to_string();
        assert_eq!(
            error,
            "infrastructure platform: its variable vpc takes network.vpc_id, and network was applied without an output of \
             that name; add it there, or correct lockstep.yaml"
        );
    }

    #[test]
    fn the_same_source_is_told_by_its_variables() {
        let mut step = step();
        assert_eq!(step.before_label(), "source aa");
        assert_eq!(step.after_label(), "source bb");
        step.source.sha256 = "aa".into();
        assert_eq!(step.before_label(), "source aa, size small");
        assert_eq!(step.after_label(), "source aa, size large");
        step.before.applied = None;
        assert_eq!(step.before_label(), "not applied yet");
    }

    #[test]
    fn the_way_back_is_built_from_what_was_applied_before() {
        let step = step();
        let variables = texts(&[("size", "large")]);
        let (project, source, now) = step.build(Purpose::Plan, &variables).unwrap();
        assert_eq!(
            (project, source.sha256.as_str(), now),
            ("shop-plan", "bb", &variables)
        );
        let (project, source, then) = step.build(Purpose::UndoApply, &variables).unwrap();
        assert_eq!((project, source.sha256.as_str()), ("shop-old", "aa"));
        assert_eq!(then, &texts(&[("size", "small")]));
        assert_ne!(step.work_of(true), step.work_of(false));
    }
}
