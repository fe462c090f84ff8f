//! What a person allows for one deployment only.

use std::collections::BTreeSet;
use std::fmt;

/// What stands before a resource that may be skipped.
const SKIP: &str = "skip:";

/// One thing that is allowed: `network/OrdersTable`, or `network/skip:OrdersTable`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The manifest's name of the stack, or of the infrastructure.
    pub component: String,
    /// Whether a rollback that got stuck may skip the resource; else it may be replaced or
    /// deleted although it holds data.
    pub skip: bool,
    /// The resource. In a stack its logical id, with those of the stacks it is nested in:
    /// `Nested/Table`; else its address in the tool's own words: `module.db.aws_db_instance.main[0]`.
    pub resource: String,
}

impl Approval {
    /// Reads an approval as people write it.
    ///
    /// # Errors
    /// What it should have looked like.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let read = || {
            let (component, resource) = text.split_once('/')?;
            let skipped = resource.strip_prefix(SKIP);
            let resource = skipped.unwrap_or(resource);
            let printable = resource.chars().all(|it| !it.is_control());
            let told = !resource.is_empty() && resource.trim() == resource && printable;
            (is_name(component) && told).then(|| Self {
                component: component.to_owned(),
                skip: skipped.is_some(),
                resource: resource.to_owned(),
            })
        };
        read().ok_or(
            "`NAME/RESOURCE` with the manifest's name of the stack or the infrastructure and the resource's logical id or \
             address, such as `network/OrdersTable` or `platform/aws_db_instance.main`, or `STACK/skip:RESOURCE`",
        )
    }

    /// Whether the resource is named as CloudFormation names those of stacks.
    pub fn is_logical_id(&self) -> bool {
        let is_id =
            |part: &str| !part.is_empty() && part.chars().all(|it| it.is_ascii_alphanumeric());
        self.resource.split('/').all(is_id)
    }
}

fn is_name(text: &str) -> bool {
    let allowed = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
    !text.is_empty() && text.chars().all(allowed)
}

impl fmt::Display for Approval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            component,
            skip,
            resource,
        } = self;
        let skip = if *skip { SKIP } else { "" };
        write!(f, "{component}/{skip}{resource}")
    }
}

/// The resources of one stack that a person allowed to be replaced or deleted, or, with `skip`,
/// to be skipped by a rollback.
pub fn approved(approvals: &[String], component: &str, skip: bool) -> BTreeSet<String> {
    let approvals = approvals.iter().filter_map(|it| Approval::parse(it).ok());
    let meant = approvals.filter(|it| it.component == component && it.skip == skip);
    meant.map(|it| it.resource).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::{Approval, approved};

    #[test]
    fn approvals_are_read_as_they_are_written() {
        for (text, logical) in [
            ("network/OrdersTable", true),
            ("network/Data/Orders", true),
            ("n/skip:Queue", true),
            ("n/a b", false),
            ("n/a//b", false),
            ("platform/aws_db_instance.main[0]", false),
            ("platform/module.db[\"a/b\"].aws_db_instance.main", false),
            (
                "platform/urn:pulumi:prod::shop::aws:rds/instance:Instance::main",
                false,
            ),
        ] {
            let approval = Approval::parse(text).unwrap();
            assert_eq!(approval.to_string(), text);
            assert_eq!(approval.is_logical_id(), logical, "{text}");
        }
        for text in [
            "",
            "network",
            "/Table",
            "network/",
            "network/skip:",
            "n/ a",
            "n/a ",
            "n/a\nb",
            "N/a",
        ] {
            assert!(Approval::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn each_stack_gets_its_own() {
        let all = ["network/A", "data/B", "network/skip:C"].map(str::to_owned);
        assert_eq!(approved(&all, "network", false), ["A".to_owned()].into());
        assert_eq!(approved(&all, "network", true), ["C".to_owned()].into());
        assert!(approved(&all, "other", false).is_empty());
    }
}
