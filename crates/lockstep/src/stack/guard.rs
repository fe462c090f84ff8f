//! The guard: nothing that holds data is replaced or deleted unless somebody said so, and no
//! distribution is changed whose origin path says which release of a front end is live.

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
    /// The front end whose live release would be forgotten; `None` where data would be lost.
    pub site: Option<String>,
}

/// What changes and must not, unless somebody allowed it for the step: what destroys data, and what
/// has CloudFormation put a distribution's origin path back to what the template says.
pub fn guard(step: &StackStep, changes: &[ResourceChange]) -> Vec<Violation> {
    let served = changes.iter().filter_map(|change| {
        let site = step.serves.iter().find(|it| it.is_changed_by(change))?;
        Some(Violation {
            path: change.path.clone(),
            words: change.words(),
            site: Some(site.site.clone()),
        })
    });
    let served = served.filter(|it| !step.approved.contains(&it.path));
    let lost = lost(changes, &step.approved).into_iter();
    lost.chain(served).collect()
}

/// The changes that would destroy data and that nobody allowed.
///
/// What the template retains passes: it stays in AWS. A snapshot does not: bringing it back is
/// work, and what was written since is lost. A replacement of which CloudFormation is not sure
/// counts as one.
pub(super) fn lost(changes: &[ResourceChange], approved: &BTreeSet<String>) -> Vec<Violation> {
    let violations = changes.iter().filter(|change| {
        destroys(change) && is_stateful(&change.resource_type) && !approved.contains(&change.path)
    });
    let violation = |change: &ResourceChange| Violation {
        path: change.path.clone(),
        words: change.words(),
        site: None,
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
            expected: self.expected(),
            todo: self.ways(step),
            curable: false,
        }
    }

    fn expected(&self) -> String {
        match &self.site {
            None => "nothing that holds data to be replaced or deleted".to_owned(),
            Some(site) => format!(
                "no change of the distribution whose origin path says which release of the site {site} is live: \
                 CloudFormation puts that back to what the template says"
            ),
        }
    }

    fn ways(&self, step: &StackStep) -> String {
        let (environment, component, path) = (&step.environment, &step.component, &self.path);
        if let Some(site) = &self.site {
            return format!(
                "have a key say it (`switch: {{ key_value_store: … }}` of the site {site}), or allow the change once with \
                 `lockstep deploy {environment} --approve {component}/{path}`: the deployment then switches again as it goes \
                 on, but one that is put back leaves the template's path until the next one"
            );
        }
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
    use super::{Violation, guard, lost};
    use crate::stack::testing::step;
    use crate::stack::{ResourceChange, Served, StackStep};

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
            let violations = lost(std::slice::from_ref(&change), &[].into());
            assert_eq!(!violations.is_empty(), stopped, "{change:?}");
            let named = ["Data/Orders".to_owned()].into();
            assert_eq!(lost(&[change], &named), []);
        }
    }

    #[test]
    fn a_distribution_that_says_what_is_live_is_not_changed_unasked() {
        const DISTRIBUTION: &str = "AWS::CloudFront::Distribution";
        let serves = |distribution: Option<&str>| StackStep {
            serves: vec![Served {
                site: "web".into(),
                distribution: distribution.map(str::to_owned),
            }],
            ..step()
        };
        let of = |kind: &str, action: &str, physical: &str| ResourceChange {
            physical: Some(physical.into()),
            ..change(kind, action, "False", "")
        };
        let modified = of(DISTRIBUTION, "Modify", "E1");
        for (step, change, stopped) in [
            (serves(Some("E1")), modified.clone(), true),
            (serves(Some("E2")), modified.clone(), false),
            // Which one it is, the stack's own output says.
            (serves(None), modified.clone(), true),
            (serves(None), of(DISTRIBUTION, "Add", "E1"), false),
            (serves(None), of("AWS::S3::Bucket", "Modify", "E1"), false),
            (step(), modified.clone(), false),
        ] {
            let violations = guard(&step, std::slice::from_ref(&change));
            assert_eq!(!violations.is_empty(), stopped, "{change:?}");
        }
        let approved = StackStep {
            approved: ["Data/Orders".to_owned()].into(),
            ..serves(None)
        };
        assert_eq!(guard(&approved, std::slice::from_ref(&modified)), []);
        let told = guard(&serves(None), &[modified])[0].check(&step());
        assert!(told.to_string().contains("release of the site web is live"));
        assert!(told.to_string().contains("--approve data/Data/Orders"));
    }

    #[test]
    fn the_check_shows_what_would_happen_and_both_ways_to_allow_it() {
        let violation = Violation {
            path: "Orders".into(),
            words: "Orders (AWS::DynamoDB::Table): replaced because KeySchema id -> orderId".into(),
            site: None,
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
