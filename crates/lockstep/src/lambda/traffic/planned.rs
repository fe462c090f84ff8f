//! The part of a plan about functions, where their traffic is shifted in stages.

use crate::manifest::ResolvedTraffic;
use crate::plan::{Change, Part};

/// The same part with traffic shifted as the environment says. Functions without an alias are
/// updated at once: nothing can share their traffic between two versions.
#[must_use]
pub fn in_stages(mut part: Part, traffic: Option<&ResolvedTraffic>) -> Part {
    let Some(traffic) = traffic else {
        return part;
    };
    for step in &mut part.steps {
        if let Change::Functions(step) = &mut step.change {
            for function in &mut step.functions {
                function.in_stages = function.before.version.is_some();
            }
            let any = step.functions.iter().any(|it| it.in_stages);
            step.traffic = any.then(|| traffic.clone());
        }
    }
    part
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use serde_json::json;

    use super::in_stages;
    use crate::lambda::testing::{Account, resolved, zip};
    use crate::lambda::traffic::decide::tests::traffic;
    use crate::manifest::{FunctionConfiguration, WhenQuiet};
    use crate::plan::{Change, Part};

    fn part(aliased: &[bool]) -> Part {
        let functions = aliased.iter().map(|aliased| {
            let settings = FunctionConfiguration::default();
            let resolved = resolved(aliased.then_some("live"), settings);
            let account = Account::new('a', *aliased);
            account.plan(&resolved, Some(&zip('b'))).unwrap().unwrap()
        });
        let step = json!({
            "phase": "functions", "deployment": "d", "application": "a", "environment": "e",
            "functions": functions.collect::<Vec<_>>(), "rate_per_second": 15, "deadline_seconds": 60,
        });
        let step = json!({"target": "t", "before": "x", "after": "y", "change": step});
        serde_json::from_value(json!({"steps": [step]})).unwrap()
    }

    fn shifted(part: Part) -> (Vec<bool>, bool) {
        let step = part.steps.into_iter().find_map(|step| match step.change {
            Change::Functions(step) => Some(*step),
            _ => None,
        });
        let step = step.unwrap();
        let functions = step.functions.iter().map(|it| it.in_stages);
        (functions.collect(), step.traffic.is_some())
    }

    #[test]
    fn only_an_alias_shares_its_traffic() {
        let traffic = traffic(WhenQuiet::Wait);
        let mixed = in_stages(part(&[true, false]), Some(&traffic));
        assert_eq!(shifted(mixed), (vec![true, false], true));
        let direct = in_stages(part(&[false]), Some(&traffic));
        assert_eq!(shifted(direct), (vec![false], false));
        let at_once = in_stages(part(&[true]), None);
        assert_eq!(at_once, part(&[true]));
    }
}
