//! CloudFormation stacks in the manifest.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// One CloudFormation stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stack {
    /// The stack's name in CloudFormation. Default: `<application>-<environment>-<name>`, with
    /// the name used in this manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// The template: a YAML or JSON file, relative to the manifest, whose content
    /// `lockstep apply` stores; or `{artifact: PATH}`, a file of uploaded releases.
    pub template: TemplateSource,
    /// Values of the template's parameters. Those that are not named keep the value that the
    /// stack has, or get their default. No secrets: the manifest is stored as it is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, ParameterSource>,
    /// What CloudFormation wants to be acknowledged: `CAPABILITY_IAM`, `CAPABILITY_NAMED_IAM`
    /// and `CAPABILITY_AUTO_EXPAND`. Default: nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<Capability>")]
    pub capabilities: Vec<String>,
    /// Tags of the stack and of all its resources, beside `lockstep:application` and
    /// `lockstep:environment`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The ARN of the role with which CloudFormation makes the changes. Default: the
    /// controller's parameter `StackRoleArn`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// CloudWatch alarms, by name or ARN, at most 5: when one of them goes off during a change,
    /// CloudFormation takes the change back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<String>,
    /// How long CloudFormation watches the alarms after a change, in minutes. Default: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 180))]
    pub monitoring_minutes: Option<u32>,
    /// Whether the stack is protected from being deleted. Default: whether the environment is
    /// `protected`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub termination_protection: Option<bool>,
    /// Resources that hold data and may be replaced or deleted all the same, by logical id;
    /// those of nested stacks as `Nested/OrdersTable`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub replaceable: BTreeSet<String>,
    /// Stacks of this manifest that are changed before this one. Those whose outputs it uses
    /// are anyway.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub after: BTreeSet<String>,
    /// The change has failed when it is not finished after this many minutes. Default: 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 720))]
    pub timeout_minutes: Option<u32>,
}

/// What differs for one stack in one environment. What is left out stays as it is in the stack
/// itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StackOverride {
    /// The stack's name in CloudFormation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// Another template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<TemplateSource>,
    /// Parameters with another value, or further parameters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, ParameterSource>,
    /// What CloudFormation wants to be acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<Capability>>")]
    pub capabilities: Option<Vec<String>>,
    /// Tags with another value, or further tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The ARN of the role with which CloudFormation makes the changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// CloudWatch alarms, by name or ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarms: Option<Vec<String>>,
    /// How long CloudFormation watches the alarms after a change, in minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 180))]
    pub monitoring_minutes: Option<u32>,
    /// Whether the stack is protected from being deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub termination_protection: Option<bool>,
    /// Resources that hold data and may be replaced or deleted all the same, by logical id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaceable: Option<BTreeSet<String>>,
    /// Stacks of this manifest that are changed before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<BTreeSet<String>>,
    /// The change has failed when it is not finished after this many minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 720))]
    pub timeout_minutes: Option<u32>,
}

impl StackOverride {
    /// The stack as it is in this environment.
    pub fn apply(&self, stack: &Stack) -> Stack {
        fn or<T: Clone>(change: Option<&T>, own: &T) -> T {
            change.unwrap_or(own).clone()
        }
        let mut changed = stack.clone();
        changed.parameters.extend(self.parameters.clone());
        changed.tags.extend(self.tags.clone());
        Stack {
            stack: self.stack.clone().or(changed.stack),
            template: or(self.template.as_ref(), &stack.template),
            capabilities: or(self.capabilities.as_ref(), &stack.capabilities),
            role: self.role.clone().or(changed.role),
            alarms: or(self.alarms.as_ref(), &stack.alarms),
            monitoring_minutes: self.monitoring_minutes.or(stack.monitoring_minutes),
            termination_protection: self.termination_protection.or(stack.termination_protection),
            replaceable: or(self.replaceable.as_ref(), &stack.replaceable),
            after: or(self.after.as_ref(), &stack.after),
            timeout_minutes: self.timeout_minutes.or(stack.timeout_minutes),
            ..changed
        }
    }
}

/// Where a template comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TemplateSource {
    /// A file beside the manifest.
    File(String),
    /// A file of uploaded releases.
    Released(ReleasedTemplate),
}

/// A template that comes with uploaded releases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleasedTemplate {
    /// The file's path in `release.json`. `lockstep release` packs the file of this path,
    /// relative to the manifest.
    pub artifact: String,
}

/// Where the value of a parameter comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ParameterSource {
    /// This text. Numbers and `true` or `false` are taken as they are written.
    Text(String),
    /// Something that is looked up for each deployment.
    From(ParameterFrom),
}

/// Something that is looked up for each deployment; exactly one of the first four.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ParameterFrom {
    /// An output of another stack of this manifest, as `network.VpcId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// The name of an SSM parameter of type `String` or `StringList`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssm: Option<String>,
    /// The image of a container, as `service/container`, or of a function, by digest: the one
    /// that is deployed, else the one that runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The key, in the releases bucket, of the code that a function from a zip file runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Only with `image`: the image for the very first deployment, while there is no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
}

/// The capabilities there are.
#[derive(Debug, JsonSchema)]
#[schemars(inline)]
#[allow(dead_code, clippy::upper_case_acronyms, reason = "only for the schema")]
enum Capability {
    #[schemars(rename = "CAPABILITY_IAM")]
    Iam,
    #[schemars(rename = "CAPABILITY_NAMED_IAM")]
    NamedIam,
    #[schemars(rename = "CAPABILITY_AUTO_EXPAND")]
    AutoExpand,
}

impl JsonSchema for TemplateSource {
    fn schema_name() -> Cow<'static, str> {
        "TemplateSource".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let released = generator.subschema_for::<ReleasedTemplate>();
        json_schema!({ "anyOf": [{ "type": "string" }, released] })
    }
}

impl JsonSchema for ParameterSource {
    fn schema_name() -> Cow<'static, str> {
        "ParameterSource".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let from = generator.subschema_for::<ParameterFrom>();
        json_schema!({
            "anyOf": [{ "type": "string" }, { "type": "number" }, { "type": "boolean" }, from]
        })
    }
}
