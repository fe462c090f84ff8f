//! The step of the `stack` phase: one CloudFormation stack.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::change::ResourceChange;
use super::event::Operation;
use crate::DeploymentId;

/// The tag of a stack that names its application.
pub const APPLICATION_TAG: &str = "lockstep:application";
/// The tag of a stack that names its environment.
pub const ENVIRONMENT_TAG: &str = "lockstep:environment";

/// One stack's change. Written by the plan, never changed afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackStep {
    /// The deployment's id.
    pub deployment: DeploymentId,
    /// The application.
    pub application: String,
    /// The environment.
    pub environment: String,
    /// The manifest's name of the stack.
    pub component: String,
    /// The stack's name.
    pub stack: String,
    /// The ARN of the role that CloudFormation uses; `None` where the stack keeps its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The template.
    pub template: Template,
    /// The value of each of the template's parameters. Those that have a default and are not
    /// named here get it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, ParameterValue>,
    /// The capabilities that are acknowledged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
    /// All tags of the stack.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The ARNs of the alarms that roll the change back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<String>,
    /// How long the alarms are watched after the change, in minutes.
    #[serde(default)]
    pub monitoring_minutes: u32,
    /// Whether the stack is protected from being deleted afterwards.
    #[serde(default)]
    pub termination_protection: bool,
    /// The resources, by logical id, that may be replaced or deleted although they hold data: by
    /// the manifest, or approved for this deployment.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub approved: BTreeSet<String>,
    /// The front ends whose live release stands in a distribution that may be the stack's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub serves: Vec<Served>,
    /// The resources, by logical id, that a rollback that got stuck may skip.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub skip: BTreeSet<String>,
    /// What was there when the plan was made; `None` when the stack is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<StackBefore>,
    /// What has to be done first, because the stack is stuck.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heal: Option<Heal>,
    /// The change set that was made for the plan; `None` where it is made when the step's turn
    /// has come, because the stack is new or waits for another one's outputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<Preview>,
    /// The step's time budget, in seconds.
    pub deadline_seconds: u64,
}

/// A template in the releases bucket. It is stored under its own hash, so what a step means
/// never changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// Its address, as CloudFormation takes it (`TemplateURL`).
    pub url: String,
    /// The SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

/// Where the value of a parameter comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParameterValue {
    /// This text.
    Text(String),
    /// The output of another stack of the deployment, read when the step's turn has come.
    Output {
        /// The manifest's name of the other stack.
        component: String,
        /// The other stack's name.
        stack: String,
        /// The output's name.
        output: String,
    },
    /// The value that the stack has already (`UsePreviousValue`).
    Previous,
}

/// A stack as it was when the plan was made: what undo restores.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackBefore {
    /// Its ARN: a stack of the same name that has another is not the same stack.
    pub id: String,
    /// Its template, kept in the releases bucket.
    pub template: Template,
    /// Its parameters, without those that cannot be read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// The parameters that cannot be read (`NoEcho`); no deployment sets one.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub hidden: BTreeSet<String>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Its outputs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, String>,
    /// The capabilities that were acknowledged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
    /// The ARN of its role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The ARNs of its alarms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<String>,
    /// How long they are watched, in minutes.
    #[serde(default)]
    pub monitoring_minutes: u32,
    /// Whether it was protected from being deleted.
    #[serde(default)]
    pub termination_protection: bool,
    /// What it had done last: while that is the same, nobody changed the stack since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_operation: Option<Operation>,
}

/// The way out of a state in which a stack cannot be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Heal {
    /// Its creation failed, so that it never was good: delete it, then create it again.
    DeleteAndCreate,
    /// It is a name without resources: delete it, then create it.
    DropShell,
    /// Its rollback failed: go on with that.
    ContinueRollback {
        /// The resources that a person allowed to skip.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        skip: BTreeSet<String>,
    },
    /// Its update failed and was left half done: roll it back. A person's only, never a step's:
    /// what that deletes may be what somebody wanted to keep, and what the stack is then, no plan
    /// can know before.
    RollBack,
}

/// The change set that was made for the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// Its name.
    pub change_set: String,
    /// What it would change.
    pub changes: Vec<ResourceChange>,
}

impl StackStep {
    /// The stack as messages name it.
    pub fn resource(&self) -> String {
        format!("stack {}", self.stack)
    }

    /// The command that does by hand what undo does, for a person.
    pub fn restore_command(&self) -> String {
        let Self { stack, before, .. } = self;
        match before {
            None => format!(
                "aws cloudformation delete-stack --stack-name {stack}, unless it holds data that is needed"
            ),
            Some(before) => before.restore_command(stack),
        }
    }

    /// The parameters that this step changes or takes from another stack, as they were before it, in a few words;
    /// empty where there are none. Values that are kept say nothing about a way back.
    pub fn parameters_before(&self) -> String {
        let Some(before) = &self.before else {
            return String::new();
        };
        let told: Vec<_> = before
            .parameters
            .iter()
            .filter(|(name, value)| match self.parameters.get(*name) {
                Some(ParameterValue::Previous) => false,
                Some(ParameterValue::Text(text)) => text != *value,
                // A parameter that the new template does not have any more comes back.
                Some(ParameterValue::Output { .. }) | None => true,
            })
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        let more = told.len().saturating_sub(NAMED);
        let named = told[..told.len() - more].join(", ");
        if more == 0 {
            named
        } else {
            format!("{named} and {more} more")
        }
    }
}

/// How many parameters are named to people.
const NAMED: usize = 3;

impl StackBefore {
    fn restore_command(&self, stack: &str) -> String {
        let parameters = self
            .parameters
            .iter()
            .map(|(key, value)| format!(" 'ParameterKey={key},ParameterValue={value}'"));
        let hidden = self
            .hidden
            .iter()
            .map(|key| format!(" 'ParameterKey={key},UsePreviousValue=true'"));
        let parameters: Vec<_> = parameters.chain(hidden).collect();
        let option = |name: &str, values: &[String]| {
            if values.is_empty() {
                return String::new();
            }
            format!(" --{name}{}", values.concat())
        };
        let capabilities = self.capabilities.iter().map(|it| format!(" {it}"));
        let capabilities: Vec<_> = capabilities.collect();
        format!(
            "aws cloudformation create-change-set --stack-name {stack} --change-set-name by-hand --template-url {}{}{}, \
             look at it with describe-change-set, then execute-change-set",
            self.template.url,
            option("parameters", &parameters),
            option("capabilities", &capabilities)
        )
    }
}

/// The address by which CloudFormation reads an object of a bucket in its own region. The bucket
/// is named in the host, which every bucket without dots in its name can be.
pub fn template_url(region: &str, bucket: &str, key: &str) -> String {
    let domain = if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    format!("https://{bucket}.s3.{region}.{domain}/{key}")
}

/// The key, in the releases bucket, of a template with this content.
pub fn template_key(application: &str, sha256: &str) -> String {
    format!("templates/{application}/{sha256}")
}

/// A front end whose live release stands in the origin path of a distribution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    /// The manifest's name of the site.
    pub site: String,
    /// The distribution's id; `None` where an output of the stack says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<String>,
}

impl Served {
    /// Whether a change is about its distribution, as far as can be told. CloudFormation writes all of a
    /// distribution anew, its origin paths as well, whatever of it changes.
    pub fn is_changed_by(&self, change: &ResourceChange) -> bool {
        change.resource_type == "AWS::CloudFront::Distribution"
            && !matches!(change.action.as_str(), "Add" | "Import")
            && (self.distribution.is_none() || self.distribution == change.physical)
    }
}
