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

/// The longest value of a property that people are shown, in characters.
const SHOWN: usize = 60;

/// How many properties of one resource people are shown.
const PROPERTIES: usize = 6;

impl ResourceChange {
    /// Whether another resource may take its place. CloudFormation knows of `Conditional` only
    /// while it makes the change; and of `Dynamic` nothing at all.
    pub fn may_replace(&self) -> bool {
        matches!(self.replacement.as_deref(), Some("True" | "Conditional"))
            || self.action == "Dynamic"
    }

    /// The resource as people name it: `OrdersTable (AWS::DynamoDB::Table)`.
    pub fn name(&self) -> String {
        format!("{} ({})", self.path, self.resource_type)
    }

    /// What happens to it: `OrdersTable (AWS::DynamoDB::Table): replaced because KeySchema id ->
    /// orderId`.
    pub fn words(&self) -> String {
        let kept = match self.policy_action.as_deref() {
            Some("Retain") => ", the old one is kept in AWS",
            Some("ReplaceAndRetain") => " (the old one is kept in AWS)",
            Some("Snapshot") => ", after a snapshot",
            Some("ReplaceAndSnapshot") => " (after a snapshot of the old one)",
            _ => "",
        };
        let what = match (self.action.as_str(), self.replacement.as_deref()) {
            ("Add", _) => "new".to_owned(),
            ("Remove", _) => format!("deleted{kept}"),
            ("Import", _) => "imported".to_owned(),
            ("Modify", Some("True")) => format!("replaced{kept}{}", self.because(true)),
            ("Modify", Some("Conditional")) => {
                format!("may be replaced{kept}{}", self.because(true))
            }
            ("Dynamic", _) => "not known before the change is made".to_owned(),
            _ => format!("changed{}", self.because(false)),
        };
        format!("{}: {what}", self.name())
    }

    /// The properties that change; where it is replaced, those that are the reason.
    fn because(&self, replaced: bool) -> String {
        let is_reason = |it: &&PropertyChange| {
            matches!(it.requires_recreation.as_str(), "Always" | "Conditionally")
        };
        let mut properties: Vec<_> = self.properties.iter().filter(is_reason).collect();
        if !replaced || properties.is_empty() {
            properties = self.properties.iter().collect();
        }
        let more = properties.len().saturating_sub(PROPERTIES);
        let mut words: Vec<_> = properties
            .into_iter()
            .take(PROPERTIES)
            .map(PropertyChange::words)
            .collect();
        if more > 0 {
            words.push(format!("{more} more"));
        }
        match (words.is_empty(), replaced) {
            (true, _) => String::new(),
            (false, true) => format!(" because {}", words.join(", ")),
            (false, false) => format!(": {}", words.join(", ")),
        }
    }

    /// The same change without the values that are too long to be kept in a plan.
    #[must_use]
    pub fn shortened(mut self) -> Self {
        self.properties.truncate(PROPERTIES * 2);
        for property in &mut self.properties {
            for value in [&mut property.before, &mut property.after] {
                *value = value.take().map(|it| short(&it));
            }
        }
        self
    }
}

impl PropertyChange {
    /// The property with its values: `KeySchema id -> orderId`.
    pub fn words(&self) -> String {
        let name = self.path.strip_prefix("/Properties/").unwrap_or(&self.path);
        let name = name.trim_start_matches('/').replace('/', ".");
        match (&self.before, &self.after) {
            (None, None) => name,
            (Some(before), Some(after)) => format!("{name} {} -> {}", short(before), short(after)),
            (Some(before), None) => format!("{name} {} -> none", short(before)),
            (None, Some(after)) => format!("{name} none -> {}", short(after)),
        }
    }
}

/// A value in one line, not too long.
fn short(value: &str) -> String {
    let line = value.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::{PropertyChange, ResourceChange};

    fn property(path: &str, values: (&str, &str), recreation: &str) -> PropertyChange {
        let told = |value: &str| (!value.is_empty()).then(|| value.to_owned());
        PropertyChange {
            path: path.into(),
            before: told(values.0),
            after: told(values.1),
            requires_recreation: recreation.into(),
        }
    }

    fn change(action: &str, replacement: Option<&str>) -> ResourceChange {
        ResourceChange {
            path: "OrdersTable".into(),
            resource_type: "AWS::DynamoDB::Table".into(),
            action: action.into(),
            replacement: replacement.map(Into::into),
            properties: vec![
                property(
                    "/Properties/KeySchema/0/AttributeName",
                    ("id", "orderId"),
                    "Always",
                ),
                property("BillingMode", ("", "PAY_PER_REQUEST"), "Never"),
            ],
            ..ResourceChange::default()
        }
    }

    #[test]
    fn a_change_is_told_as_people_read_it() {
        let named = |it: ResourceChange| {
            it.words()
                .replace("OrdersTable (AWS::DynamoDB::Table): ", "")
        };
        let cases = [
            (
                change("Modify", Some("True")),
                "replaced because KeySchema.0.AttributeName id -> orderId",
            ),
            (
                change("Modify", Some("Conditional")),
                "may be replaced because KeySchema.0.AttributeName id -> orderId",
            ),
            (
                change("Modify", Some("False")),
                "changed: KeySchema.0.AttributeName id -> orderId, BillingMode none -> PAY_PER_REQUEST",
            ),
            (change("Add", None), "new"),
            (change("Remove", None), "deleted"),
            (
                change("Dynamic", None),
                "not known before the change is made",
            ),
        ];
        for (change, expected) in cases {
            assert_eq!(named(change), expected);
        }
        let kept = ResourceChange {
            policy_action: Some("Retain".into()),
            ..change("Remove", None)
        };
        assert_eq!(named(kept), "deleted, the old one is kept in AWS");
    }

    #[test]
    fn long_values_are_shortened_and_stay_in_one_line() {
        let long = format!("a\n  b {}", "x".repeat(100));
        let words = property("UserData", (&long, "y"), "").words();
        assert!(
            words.starts_with("UserData a b xxx") && words.ends_with("… -> y"),
            "{words}"
        );
        assert!(words.chars().count() < 80, "{words}");
    }
}
