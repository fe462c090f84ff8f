//! The guard: nothing that holds data is replaced or deleted unless somebody said so.

use std::collections::BTreeSet;

use super::change::InfrastructureChange;
use super::stateful::is_stateful;
use super::step::BuildStep;
use crate::Check;

/// A change that the guard does not let pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The resource, as the manifest and approvals name it.
    pub resource: String,
    /// What would happen to it, in words.
    pub words: String,
}

/// The changes that would destroy data and that nobody allowed.
pub fn guard(changes: &[InfrastructureChange], approved: &BTreeSet<String>) -> Vec<Violation> {
    let violations = changes.iter().filter(|change| {
        change.destroys() && is_stateful(&change.kind) && !approved.contains(&change.resource)
    });
    let violation = |change: &InfrastructureChange| Violation {
        resource: change.resource.clone(),
        words: change.words(),
    };
    violations.map(violation).collect()
}

impl Violation {
    /// The failed check, with the two ways to allow it.
    pub fn check(&self, step: &BuildStep) -> Check {
        Check {
            what: "guard".into(),
            resource: step.resource(),
            found: self.words.clone(),
            expected: "nothing that holds data to be replaced or deleted".into(),
            todo: self.ways(step),
            curable: false,
        }
    }

    fn ways(&self, step: &BuildStep) -> String {
        let (environment, component, resource) =
            (&step.environment, &step.component, &self.resource);
        let quote = if resource.contains('\'') { '"' } else { '\'' };
        format!(
            "if it is meant, allow it once with `lockstep deploy {environment} --approve \
             {quote}{component}/{resource}{quote}`, or for good with `replaceable: [{quote}{resource}{quote}]` of the \
             infrastructure {component} in lockstep.yaml"
        )
    }
}

/// All violations in one text, with the ways to allow them.
pub(super) fn refusal(step: &BuildStep, violations: &[Violation]) -> String {
    let told: Vec<_> = violations
        .iter()
        .map(|it| format!("{} may hold data; {}", it.words, it.ways(step)))
        .collect();
    told.join(". ")
}

#[cfg(test)]
mod tests {
    use super::{Violation, guard};
    use crate::build::Action;
    use crate::build::testing::{change, step};

    #[test]
    fn only_what_destroys_data_is_stopped() {
        let cases = [
            ("aws_db_instance", Action::Delete, true),
            ("aws_db_instance", Action::Replace, true),
            ("aws_db_instance", Action::Update, false),
            ("aws_db_instance", Action::Create, false),
            ("aws_ecs_service", Action::Replace, false),
            ("output", Action::Delete, false),
        ];
        for (kind, action, stopped) in cases {
            let changes = [change("module.db[\"a\"]", kind, action)];
            assert_eq!(
                !guard(&changes, &[].into()).is_empty(),
                stopped,
                "{changes:?}"
            );
            let named = ["module.db[\"a\"]".to_owned()].into();
            assert_eq!(guard(&changes, &named), []);
        }
    }

    #[test]
    fn the_check_shows_both_ways_to_allow_it() {
        let violation = Violation {
            resource: "aws_db_instance.main[\"a\"]".into(),
            words: "- aws_db_instance.main[\"a\"]".into(),
        };
        assert_eq!(
            violation.check(&step()).to_string(),
            "infrastructure platform: guard: found - aws_db_instance.main[\"a\"], expected nothing that holds data to be \
             replaced or deleted; if it is meant, allow it once with `lockstep deploy production --approve \
             'platform/aws_db_instance.main[\"a\"]'`, or for good with `replaceable: ['aws_db_instance.main[\"a\"]']` of \
             the infrastructure platform in lockstep.yaml"
        );
    }
}
