//! What a person allows for one deployment only.

use std::collections::BTreeSet;
use std::fmt;

/// What stands before a resource that may be skipped.
const SKIP: &str = "skip:";

/// One thing that is allowed: `network/OrdersTable`, or `network/skip:OrdersTable`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The manifest's name of the stack.
    pub component: String,
    /// Whether a rollback that got stuck may skip the resource; else it may be replaced or
    /// deleted although it holds data.
    pub skip: bool,
    /// The resource's logical id, with those of the stacks it is nested in: `Nested/Table`.
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
            let mut parts = resource.split('/');
            let is_id =
                |part: &str| !part.is_empty() && part.chars().all(|it| it.is_ascii_alphanumeric());
            (!component.is_empty() && parts.all(is_id)).then(|| Self {
                component: component.to_owned(),
                skip: skipped.is_some(),
                resource: resource.to_owned(),
            })
        };
        read().ok_or(
            "`STACK/RESOURCE` with the manifest's name of the stack and the resource's logical id, such as \
             `network/OrdersTable`, or `STACK/skip:RESOURCE`",
        )
    }
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
        for text in ["network/OrdersTable", "network/Data/Orders", "n/skip:Queue"] {
            assert_eq!(Approval::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "network",
            "/Table",
            "network/",
            "network/skip:",
            "n/a b",
            "n/a//b",
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
