//! Planning in two stages: first the infrastructure, then what runs on it. Nothing is planned
//! twice where no infrastructure changes.

use serde::Deserialize;

use crate::Check;
use crate::plan::{Part, Plan};
use crate::release::Release;

/// Which of the two plans is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// Before anything was changed.
    #[default]
    First,
    /// After the stacks were changed: what runs on them.
    Rollout,
}

impl Turn {
    /// The name under which a planner stores its part. The second one is not mistaken for the
    /// first.
    pub fn part_of(self, kind: &str) -> String {
        match self {
            Self::First => kind.to_owned(),
            Self::Rollout => format!("rollout-{kind}"),
        }
    }
}

/// The plan before anything is changed: that of the stacks where some change, else all of it.
/// `rest` is what was found out about services and functions, `stacks` about the stacks; `None`
/// for that asks for it, as late as possible: planning stacks makes change sets.
///
/// # Errors
/// Every check that failed; but none that a stack may cure, as long as stacks change.
pub fn first_plan(
    release: Release,
    mut rest: Part,
    stacks: Option<Part>,
) -> Result<Option<Plan>, Vec<Check>> {
    let lasting = |rest: Part| -> Vec<Check> {
        let failed = rest.failed.into_iter();
        failed.filter(|check| !check.curable).collect()
    };
    let Some(mut stacks) = stacks else {
        let failed = lasting(rest);
        return if failed.is_empty() {
            Ok(None)
        } else {
            Err(failed)
        };
    };
    if stacks.failed.is_empty() && stacks.steps.is_empty() {
        return rest.plan(release).map(Some);
    }
    if !stacks.failed.is_empty() {
        // What stacks that cannot be changed would have cured is told with them.
        stacks.failed.append(&mut rest.failed);
        return Err(stacks.failed);
    }
    stacks.failed = lasting(rest);
    Ok(Some(stacks.plan(release)?.of_infrastructure()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use serde_json::json;

    use super::{Turn, first_plan};
    use crate::Check;
    use crate::plan::{Part, PartStep, Stage};
    use crate::release::{Artifacts, Release};

    fn release() -> Release {
        Release {
            manifest_version: 1,
            artifacts: Artifacts::new(),
        }
    }

    fn steps(targets: &[&str]) -> Part {
        let step = |target: &&str| -> PartStep {
            let change = json!({
                "deployment": "d", "application": "a", "environment": "e", "functions": [], "rate_per_second": 15,
                "deadline_seconds": 60, "phase": "functions",
            });
            let step = json!({"target": target, "before": "x", "after": "y", "change": change});
            serde_json::from_value(step).unwrap()
        };
        Part {
            steps: targets.iter().map(step).collect(),
            failed: vec![],
        }
    }

    fn failed(names: &[(&str, bool)]) -> Part {
        let check = |(name, curable): &(&str, bool)| Check {
            what: "w".into(),
            resource: (*name).into(),
            found: "none".into(),
            expected: "it".into(),
            todo: "do it".into(),
            curable: *curable,
        };
        Part {
            steps: vec![],
            failed: names.iter().map(check).collect(),
        }
    }

    fn names(failed: &[Check]) -> Vec<&str> {
        failed.iter().map(|check| check.resource.as_str()).collect()
    }

    #[test]
    fn without_stacks_everything_is_planned_at_once() {
        let plan = first_plan(release(), steps(&["web"]), Some(Part::default()));
        let plan = plan.unwrap().unwrap();
        assert_eq!((plan.steps.len(), plan.stage), (1, Stage::Whole));
        let missing = failed(&[("cluster", true)]);
        let checks = first_plan(release(), missing, Some(Part::default())).unwrap_err();
        assert_eq!(names(&checks), ["cluster"]);
    }

    #[test]
    fn stacks_are_asked_for_only_when_nothing_else_is_wrong() {
        let missing = failed(&[("cluster", true)]);
        assert_eq!(first_plan(release(), missing, None), Ok(None));
        let wrong = failed(&[("cluster", true), ("platform", false)]);
        let checks = first_plan(release(), wrong, None).unwrap_err();
        assert_eq!(names(&checks), ["platform"]);
    }

    #[test]
    fn what_a_stack_may_cure_waits_for_it() {
        let missing = failed(&[("cluster", true)]);
        let plan = first_plan(release(), missing, Some(steps(&["stack"])));
        let plan = plan.unwrap().unwrap();
        assert_eq!((plan.steps.len(), plan.stage), (1, Stage::Infrastructure));
        let wrong = failed(&[("cluster", true), ("platform", false)]);
        let checks = first_plan(release(), wrong, Some(steps(&["stack"]))).unwrap_err();
        assert_eq!(names(&checks), ["platform"]);
    }

    #[test]
    fn checks_of_stacks_are_told_with_all_others() {
        let missing = failed(&[("cluster", true)]);
        let checks = first_plan(release(), missing, Some(failed(&[("stack", false)])));
        assert_eq!(names(&checks.unwrap_err()), ["stack", "cluster"]);
    }

    #[test]
    fn the_second_part_has_a_name_of_its_own() {
        let turn = |text| serde_json::from_value::<Turn>(json!(text)).unwrap();
        assert_eq!(turn("first").part_of("functions"), "functions");
        assert_eq!(turn("rollout").part_of("functions"), "rollout-functions");
        assert_eq!(Turn::default(), Turn::First);
    }
}
