//! Infrastructure in the manifest that a CodeBuild project builds with a tool of its own.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::stacks::{ParameterSource, ReleasedTemplate};

/// Infrastructure that a CodeBuild project builds: with Terraform, OpenTofu, Pulumi or the CDK.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Infrastructure {
    /// Who builds it: `codebuild`, the only one there is.
    pub engine: Engine,
    /// The CodeBuild project, in the controller's account and region; or `{plan: NAME, apply:
    /// NAME}`, so that the one that plans may have a role that only reads.
    pub project: ProjectSource,
    /// What is applied: a folder, relative to the manifest, which `lockstep apply` packs and
    /// stores; or `{artifact: PATH}`, a zip file of uploaded releases. At most 50 MiB as a zip file.
    pub source: SourceFrom,
    /// Values of variables, as a buildspec gets them. No secrets: the tool reads these itself.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, ParameterSource>,
    /// Resources that hold data and may be replaced or deleted all the same, by the tool's own
    /// address: `aws_db_instance.main`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub replaceable: BTreeSet<String>,
    /// Other infrastructure of this manifest that is changed before this one. That whose outputs it
    /// uses is anyway, and all of it is changed before the stacks.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub after: BTreeSet<String>,
    /// CodeBuild ends a build after this many minutes. Default: 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 5, max = 480))]
    pub timeout_minutes: Option<u32>,
}

/// What differs for one piece of infrastructure in one environment. What is left out stays as it
/// is in the infrastructure itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InfrastructureOverride {
    /// The CodeBuild project, or `{plan: NAME, apply: NAME}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectSource>,
    /// Another source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceFrom>,
    /// Variables with another value, or further variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, ParameterSource>,
    /// Resources that hold data and may be replaced or deleted all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaceable: Option<BTreeSet<String>>,
    /// Other infrastructure of this manifest that is changed before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<BTreeSet<String>>,
    /// CodeBuild ends a build after this many minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 5, max = 480))]
    pub timeout_minutes: Option<u32>,
}

impl InfrastructureOverride {
    /// The infrastructure as it is in this environment.
    pub fn apply(&self, infrastructure: &Infrastructure) -> Infrastructure {
        fn or<T: Clone>(change: Option<&T>, own: &T) -> T {
            change.unwrap_or(own).clone()
        }
        let mut variables = infrastructure.variables.clone();
        variables.extend(self.variables.clone());
        Infrastructure {
            engine: infrastructure.engine,
            project: or(self.project.as_ref(), &infrastructure.project),
            source: or(self.source.as_ref(), &infrastructure.source),
            variables,
            replaceable: or(self.replaceable.as_ref(), &infrastructure.replaceable),
            after: or(self.after.as_ref(), &infrastructure.after),
            timeout_minutes: self.timeout_minutes.or(infrastructure.timeout_minutes),
        }
    }
}

/// Who builds infrastructure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// AWS CodeBuild.
    CodeBuild,
}

/// The CodeBuild projects, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ProjectSource {
    /// One for both.
    One(String),
    /// One each.
    Each(EachProject),
}

/// A project that plans, and one that applies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EachProject {
    /// The project that says what would change. Its role may be one that only reads.
    pub plan: String,
    /// The project that changes it.
    pub apply: String,
}

/// Where a source comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SourceFrom {
    /// A folder beside the manifest.
    Folder(String),
    /// A zip file of uploaded releases.
    Released(ReleasedTemplate),
}

impl JsonSchema for Engine {
    fn schema_name() -> Cow<'static, str> {
        "Engine".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": ["codebuild"] })
    }
}

impl JsonSchema for ProjectSource {
    fn schema_name() -> Cow<'static, str> {
        "ProjectSource".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let each = generator.subschema_for::<EachProject>();
        json_schema!({ "anyOf": [{ "type": "string" }, each] })
    }
}

impl JsonSchema for SourceFrom {
    fn schema_name() -> Cow<'static, str> {
        "SourceFrom".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let released = generator.subschema_for::<ReleasedTemplate>();
        json_schema!({ "anyOf": [{ "type": "string" }, released] })
    }
}
