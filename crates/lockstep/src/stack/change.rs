//! What a change set would do to one resource.

use serde::{Deserialize, Serialize};

/// What a change set would do to one resource, as `DescribeChangeSet` shows it with
/// `IncludePropertyValues`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceChange {
    /// Its logical id, with those of the stacks it is nested in: `Nested/Table`.
    pub path: String,
    /// Its physical id, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub physical: Option<String>,
    /// Its type, such as `AWS::DynamoDB::Table`.
    pub resource_type: String,
    /// `Add`, `Modify`, `Remove`, `Import`, `Dynamic` or `SyncWithActual`.
    pub action: String,
    /// `True`, `False` or `Conditional`; only for `Modify`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<String>,
    /// What the template's deletion or replacement policy does with the old one: `Delete`,
    /// `Retain`, `Snapshot`, `ReplaceAndDelete`, `ReplaceAndRetain` or `ReplaceAndSnapshot`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_action: Option<String>,
    /// The properties that change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<PropertyChange>,
}

/// What changes of a property.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PropertyChange {
    /// The property: `KeySchema`, or its path where CloudFormation tells it
    /// (`/Properties/KeySchema/0/AttributeName`).
    pub path: String,
    /// Its value before, where it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Its value afterwards, where it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Whether the change replaces the resource: `Never`, `Conditionally` or `Always`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub requires_recreation: String,
}
