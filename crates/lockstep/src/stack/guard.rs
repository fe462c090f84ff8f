//! The guard: nothing that holds data is replaced or deleted unless somebody said so.

use std::collections::BTreeSet;

use super::change::ResourceChange;
use super::stateful::is_stateful;
use super::step::StackStep;
use crate::Check;

/// A change that the guard does not let pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The resource, as the manifest and approvals name it: `Nested/OrdersTable`.
    pub path: String,
    /// What would happen to it, in words.
    pub words: String,
}

/// The changes that would destroy data and that nobody allowed.
///
/// What the template retains passes: it stays in AWS. A snapshot does not: bringing it back is
/// work, and what was written since is lost. A replacement of which CloudFormation is not sure
/// counts as one.
pub fn guard(changes: &[ResourceChange], approved: &BTreeSet<String>) -> Vec<Violation> {
    let violations = changes.iter().filter(|change| {
        destroys(change) && is_stateful(&change.resource_type) && !approved.contains(&change.path)
    });
    let violation = |change: &ResourceChange| Violation {
        path: change.path.clone(),
        words: change.words(),
    };
    violations.map(violation).collect()
}

fn destroys(change: &ResourceChange) -> bool {
    let policy = change.policy_action.as_deref();
    match change.action.as_str() {
        "Remove" => policy != Some("Retain"),
        "Import" => false,
        _ => change.may_replace() && !matches!(policy, Some("ReplaceAndRetain" | "Retain")),
    }
}

impl Violation {
    /// The failed check, with the two ways to allow it.
    pub fn check(&self, step: &StackStep) -> Check {
        Check {
            what: "guard".into(),
            resource: step.resource(),
            found: self.words.clone(),
            expected: "nothing that holds data to be replaced or deleted".into(),
            todo: self.ways(step),
            curable: false,
        }
    }

    fn ways(&self, step: &StackStep) -> String {
        let (environment, component, path) = (&step.environment, &step.component, &self.path);
        format!(
            "if it is meant, allow it once with `lockstep deploy {environment} --approve {component}/{path}`, or for \
             good with `replaceable: [{path}]` of the stack {component} in lockstep.yaml"
        )
    }
}

/// All violations in one text, with the ways to allow them.
pub(super) fn refusal(step: &StackStep, violations: &[Violation]) -> String {
    let told: Vec<_> = violations
        .iter()
        .map(|it| format!("{}; {}", it.words, it.ways(step)))
        .collect();
    told.join(". ")
}

#[cfg(test)]
mod tests {
    use super::{Violation, guard};
    use crate::stack::ResourceChange;
    use crate::stack::testing::step;

    fn change(kind: &str, action: &str, replacement: &str, policy: &str) -> ResourceChange {
        let told = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        ResourceChange {
            path: "Data/Orders".into(),
            resource_type: kind.into(),
            action: action.into(),
            replacement: told(replacement),
            policy_action: told(policy),
            ..ResourceChange::default()
        }
    }

    #[test]
    fn only_what_destroys_data_is_stopped() {
        const TABLE: &str = "AWS::DynamoDB::Table";
        let cases = [
            (change(TABLE, "Remove", "", "Delete"), true),
            (change(TABLE, "Remove", "", ""), true),
            (change(TABLE, "Remove", "", "Snapshot"), true),
            (change(TABLE, "Remove", "", "Retain"), false),
            (change(TABLE, "Modify", "True", ""), true),
            (change(TABLE, "Modify", "True", "ReplaceAndDelete"), true),
            (change(TABLE, "Modify", "True", "ReplaceAndSnapshot"), true),
            (change(TABLE, "Modify", "True", "ReplaceAndRetain"), false),
            (change(TABLE, "Modify", "Conditional", ""), true),
            (change(TABLE, "Modify", "False", ""), false),
            (change(TABLE, "Dynamic", "", ""), true),
            (change(TABLE, "Add", "", ""), false),
            (change(TABLE, "Import", "", ""), false),
            (change("AWS::S3::Bucket", "Remove", "", ""), true),
            (change("AWS::ECS::Service", "Remove", "", ""), false),
            (change("AWS::Logs::LogGroup", "Modify", "True", ""), false),
        ];
        for (change, stopped) in cases {
            let violations = guard(std::slice::from_ref(&change), &[].into());
            assert_eq!(!violations.is_empty(), stopped, "{change:?}");
            let named = ["Data/Orders".to_owned()].into();
            assert_eq!(guard(&[change], &named), []);
        }
    }

    #[test]
    fn the_check_shows_what_would_happen_and_both_ways_to_allow_it() {
        let violation = Violation {
            path: "Orders".into(),
            words: "Orders (AWS::DynamoDB::Table): replaced because KeySchema id -> orderId".into(),
        };
        assert_eq!(
            violation.check(&step()).to_string(),
            "stack shop-production-data: guard: found Orders (AWS::DynamoDB::Table): replaced because KeySchema id -> \
             orderId, expected nothing that holds data to be replaced or deleted; if it is meant, allow it once with \
             `lockstep deploy production --approve data/Orders`, or for good with `replaceable: [Orders]` of the \
             stack data in lockstep.yaml"
        );
    }
}
