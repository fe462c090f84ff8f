//! SSM parameters that say what is live, for others to read: whose they are, and what is to be
//! done to each.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::record::DeploymentRef;
use crate::{Check, PhaseError};

/// The tags by which Lockstep knows its own.
const APPLICATION: &str = "lockstep:application";
const ENVIRONMENT: &str = "lockstep:environment";
/// CloudFormation puts this tag on what a stack creates.
const STACK: &str = "aws:cloudformation:stack-name";
/// The type of parameters that templates can read as plain text.
const STRING: &str = "String";

/// The tags of what belongs to a deployment's environment.
pub fn owner_tags(owner: &DeploymentRef) -> [(&'static str, &str); 2] {
    [
        (APPLICATION, owner.application.as_str()),
        (ENVIRONMENT, owner.environment.as_str()),
    ]
}

/// A parameter's change, exactly as it was planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterChange {
    /// The parameter's name.
    pub name: String,
    /// Its value before; `None` where there is no such parameter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Its value afterwards.
    pub after: String,
}

/// What is at a parameter's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundParameter {
    /// The value. It may be somebody else's secret: only told where the parameter is our own.
    pub value: String,
    /// `String`, `StringList` or `SecureString`.
    pub kind: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// The one call that a parameter needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterWrite<'a> {
    /// None: it is as it should be, or somebody else came after.
    Nothing,
    /// Make it, with our tags, as long as there is none.
    Create(&'a str),
    /// Set its value; its tags stay.
    Overwrite(&'a str),
    /// Delete it.
    Delete,
}

impl ParameterChange {
    /// What has to change so that the parameter has a value; `None` where it has it.
    ///
    /// # Errors
    /// The check that fails where the parameter is not one that may be written.
    pub fn plan(
        owner: &DeploymentRef,
        name: String,
        value: String,
        found: Option<&FoundParameter>,
    ) -> Result<Option<Self>, Check> {
        let before = match found {
            Some(found) => {
                found.is_ours(owner, &name)?;
                Some(found.value.clone())
            }
            None => None,
        };
        let change = Self {
            name,
            before,
            after: value,
        };
        Ok((change.before.as_ref() != Some(&change.after)).then_some(change))
    }

    /// What brings the change about.
    ///
    /// # Errors
    /// [`PhaseError::Rejected`] where the parameter is not our own, [`PhaseError::Diverged`] where
    /// it is neither as before nor as afterwards.
    pub fn publish(
        &self,
        owner: &DeploymentRef,
        found: Option<&FoundParameter>,
    ) -> Result<ParameterWrite<'_>, PhaseError> {
        if let Some(found) = found {
            found.is_ours(owner, &self.name).map_err(rejected)?;
        }
        let value = found.map(|found| &found.value);
        if value == Some(&self.after) {
            return Ok(ParameterWrite::Nothing);
        }
        if value != self.before.as_ref() {
            return Err(PhaseError::Diverged {
                resource: resource(&self.name),
                expected: told(self.before.as_ref()),
                found: told(value),
            });
        }
        Ok(match value {
            Some(_) => ParameterWrite::Overwrite(&self.after),
            None => ParameterWrite::Create(&self.after),
        })
    }

    /// What puts the parameter back. One that is not our own, or has another value than the change
    /// gave it, is somebody else's by now.
    pub fn put_back(
        &self,
        owner: &DeploymentRef,
        found: Option<&FoundParameter>,
    ) -> ParameterWrite<'_> {
        let changed = found
            .filter(|found| found.value == self.after && found.is_ours(owner, &self.name).is_ok());
        match (changed, &self.before) {
            (None, _) => ParameterWrite::Nothing,
            (Some(_), Some(before)) => ParameterWrite::Overwrite(before),
            (Some(_), None) => ParameterWrite::Delete,
        }
    }
}

impl FoundParameter {
    /// Whether the parameter is one that Lockstep made, or was given, for this environment.
    ///
    /// # Errors
    /// The check that fails where it is not: whose it is, and what to do.
    pub fn is_ours(&self, owner: &DeploymentRef, name: &str) -> Result<(), Check> {
        let tag = |name: &str| self.tags.get(name).map(String::as_str);
        let DeploymentRef {
            application,
            environment,
            ..
        } = owner;
        let is_tagged = owner_tags(owner)
            .into_iter()
            .all(|(name, value)| tag(name) == Some(value));
        let check = |found: String, expected: String, todo: String| Check {
            what: "parameter".into(),
            resource: resource(name),
            found,
            expected,
            todo,
            curable: false,
        };
        if is_tagged && self.kind == STRING {
            return Ok(());
        }
        if is_tagged {
            return Err(check(
                format!("a {}", self.kind),
                format!("a {STRING}, which templates can read"),
                "delete it, and deploy again".into(),
            ));
        }
        let expected = format!("none, or Lockstep's own for {application}/{environment}");
        let delete = "delete it if nobody needs it";
        let hand_over = format!(
            "hand it over to Lockstep: aws ssm add-tags-to-resource --resource-type Parameter --resource-id {name} \
             --tags Key={APPLICATION},Value={application} Key={ENVIRONMENT},Value={environment}"
        );
        Err(match (tag(STACK), tag(APPLICATION), tag(ENVIRONMENT)) {
            (Some(stack), ..) => check(
                format!("one of the CloudFormation stack {stack}"),
                expected,
                format!(
                    "take it out of the template of {stack}, or give what is published there another name in lockstep.yaml"
                ),
            ),
            (None, Some(application), Some(environment)) => check(
                format!("Lockstep's own for {application}/{environment}"),
                expected,
                format!("{delete}, or {hand_over}"),
            ),
            _ => check(
                "one that somebody else made".into(),
                expected,
                format!("{delete}, or {hand_over}"),
            ),
        })
    }
}

/// A parameter as people name it.
fn resource(name: &str) -> String {
    format!("parameter {name}")
}

fn told(value: Option<&String>) -> String {
    value.map_or_else(|| "no such parameter".to_owned(), Clone::clone)
}

fn rejected(check: Check) -> PhaseError {
    let Check {
        resource,
        found,
        expected,
        todo,
        ..
    } = check;
    PhaseError::Rejected {
        resource,
        reason: format!("found {found}, expected {expected}; {todo}"),
    }
}

#[cfg(test)]
mod tests;
