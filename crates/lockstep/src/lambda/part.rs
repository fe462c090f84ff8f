//! The part of a plan that is about functions.

use std::collections::BTreeMap;

use super::step::{FunctionChange, FunctionsStep};
use crate::Check;
use crate::live::ParameterChange;
use crate::manifest::ResolvedFunction;
use crate::plan::{Change, Part, PartStep};
use crate::record::DeploymentRef;

/// How many control-plane calls an account's Lambda takes in a second, unless raised.
pub const DEFAULT_RATE: u32 = 15;

/// The largest part that is planned, as JSON: the plan with everything else in it is one item
/// of the ledger, 400 KB.
const SIZE_LIMIT: usize = 300 * 1024;

/// How many calls one function takes at most: snapshot, configuration, code, version, alias,
/// and as many again where Lambda was busy.
const CALLS: u64 = 10;

/// How long one function may take by itself, in seconds: network interfaces and large images
/// take minutes.
const PATIENCE: u64 = 15 * 60;

/// The part for these functions: one step for all that change, or every check that failed.
/// `release` is the version of the uploaded release, where there is one; `entries` are the
/// manifest's functions and groups.
pub fn functions_part(
    deployment: &DeploymentRef,
    release: Option<&str>,
    functions: Vec<FunctionChange>,
    entries: &BTreeMap<String, ResolvedFunction>,
    mut failed: Vec<Check>,
    rate_per_second: u32,
) -> Part {
    let rate_per_second = rate_per_second.max(1);
    let check = |change: &FunctionChange| {
        let name = change.component.split('/').next()?;
        let check = entries.get(name)?.check.clone()?;
        Some((name.to_owned(), check))
    };
    let step = FunctionsStep {
        checks: functions.iter().filter_map(check).collect(),
        deployment: deployment.id.to_string(),
        application: deployment.application.clone(),
        environment: deployment.environment.clone(),
        deadline_seconds: PATIENCE + functions.len() as u64 * CALLS / u64::from(rate_per_second),
        release: release.map(str::to_owned),
        functions,
        traffic: None,
        parameters: Vec::new(),
        rate_per_second,
    };
    failed.extend(too_large(&step));
    if !failed.is_empty() || step.functions.is_empty() {
        return Part {
            steps: Vec::new(),
            failed,
        };
    }
    Part {
        steps: vec![functions_step(step)],
        failed,
    }
}

/// The functions' step with the words for it.
pub(crate) fn functions_step(step: FunctionsStep) -> PartStep {
    PartStep {
        target: step.resource(),
        before: step.before_label(),
        after: step.after_label(),
        change: Change::Functions(Box::new(step)),
    }
}

/// The part together with the parameters that change once its functions are verified.
#[must_use]
pub fn with_parameters(mut part: Part, parameters: &[ParameterChange]) -> Part {
    for step in &mut part.steps {
        if let Change::Functions(step) = &mut step.change {
            step.parameters = parameters.to_vec();
            part.failed.extend(too_large(step));
        }
    }
    if !part.failed.is_empty() {
        part.steps.clear();
    }
    part
}

pub(crate) fn too_large(step: &FunctionsStep) -> Option<Check> {
    let size = serde_json::to_vec(step).map_or(usize::MAX, |json| json.len());
    (size > SIZE_LIMIT).then(|| Check {
        what: "plan".into(),
        resource: step.resource(),
        found: format!("{} KiB of changes", size.div_ceil(1024)),
        expected: format!("at most {} KiB in one deployment", SIZE_LIMIT / 1024),
        todo: "split the application in two".into(),
        curable: false,
    })
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::panic,
        reason = "a test may stop at the first surprise"
    )]

    use std::collections::BTreeMap;

    use super::{DEFAULT_RATE, functions_part, with_parameters};
    use crate::lambda::testing::{Account, resolved, zip};
    use crate::lambda::{FunctionChange, missing_function};
    use crate::live::ParameterChange;
    use crate::manifest::{FunctionCheck, FunctionConfiguration, ResolvedFunction};
    use crate::plan::Change;
    use crate::record::DeploymentRef;

    fn deployment() -> DeploymentRef {
        DeploymentRef {
            id: crate::DeploymentId::for_execution("x", "arn", 0),
            application: "shop".into(),
            environment: "production".into(),
        }
    }

    fn entries() -> BTreeMap<String, ResolvedFunction> {
        BTreeMap::new()
    }

    fn change(name: &str) -> FunctionChange {
        let account = Account::new('a', true);
        let resolved = resolved(Some("live"), FunctionConfiguration::default());
        let change = account.plan(&resolved, Some(&zip('b'))).unwrap().unwrap();
        FunctionChange {
            function: name.into(),
            ..change
        }
    }

    #[test]
    fn all_functions_are_one_step() {
        let one = functions_part(
            &deployment(),
            Some("v2"),
            vec![change("a")],
            &entries(),
            vec![],
            DEFAULT_RATE,
        );
        let step = &one.steps[0];
        assert_eq!(
            format!("{}: {} -> {}", step.target, step.before, step.after),
            "function a: version 1 (qqqqqqqqqqqq) -> api.zip v2 (bbbbbbbbbbbb)"
        );
        let names = ["a", "b", "c", "d"].map(change).to_vec();
        let four = functions_part(
            &deployment(),
            Some("v2"),
            names,
            &entries(),
            vec![],
            DEFAULT_RATE,
        );
        assert_eq!(four.steps.len(), 1);
        assert_eq!(four.steps[0].target, "4 functions");
        assert_eq!(four.steps[0].before, "their previous versions");
    }

    #[test]
    fn there_is_no_step_where_nothing_changes_or_something_is_in_the_way() {
        let nothing = functions_part(
            &deployment(),
            None,
            vec![],
            &entries(),
            vec![],
            DEFAULT_RATE,
        );
        assert_eq!((nothing.steps.len(), nothing.failed.len()), (0, 0));
        let missing = vec![missing_function("b")];
        let failed = functions_part(
            &deployment(),
            None,
            vec![change("a")],
            &entries(),
            missing,
            DEFAULT_RATE,
        );
        assert_eq!((failed.steps.len(), failed.failed.len()), (0, 1));
        let many = vec![change("a"); 1000];
        let large = functions_part(&deployment(), None, many, &entries(), vec![], DEFAULT_RATE);
        assert!(
            large.failed[0]
                .to_string()
                .contains("split the application in two")
        );
    }

    #[test]
    fn parameters_are_part_of_the_step_and_of_its_size() {
        let part = |parameters: &[ParameterChange]| {
            let changes = vec![change("a")];
            let part = functions_part(&deployment(), None, changes, &entries(), vec![], 15);
            with_parameters(part, parameters)
        };
        let parameter = ParameterChange {
            name: "/lockstep/shop/production/a/image".into(),
            before: None,
            after: "1.dkr.ecr.eu-west-1.amazonaws.com/shop@sha256:ab".into(),
        };
        let Change::Functions(step) = part(std::slice::from_ref(&parameter))
            .steps
            .remove(0)
            .change
        else {
            panic!("no functions");
        };
        assert_eq!(step.parameters, std::slice::from_ref(&parameter));
        let many = part(&vec![parameter; 4000]);
        assert_eq!((many.steps.len(), many.failed.len()), (0, 1));
    }

    #[test]
    fn a_check_is_kept_once_for_a_whole_group() {
        let check: FunctionCheck = serde_json::from_str("{}").unwrap();
        let mut group = resolved(Some("live"), FunctionConfiguration::default());
        group.check = Some(check.clone());
        let entries = BTreeMap::from([("workers".to_owned(), group)]);
        let named = |name: &str| FunctionChange {
            component: name.into(),
            ..change("a")
        };
        let changes = vec![named("workers/a"), named("workers/b"), named("api")];
        let mut part = functions_part(&deployment(), None, changes, &entries, vec![], 15);
        let crate::plan::Change::Functions(step) = part.steps.remove(0).change else {
            panic!("no functions");
        };
        assert_eq!(step.checks.len(), 1);
        let wanted = step.functions.iter().map(|it| step.check_of(it));
        let wanted: Vec<_> = wanted.collect();
        assert_eq!(wanted, [Some(&check), Some(&check), None]);
    }

    #[test]
    fn more_functions_get_more_time() {
        let part = |rate| {
            functions_part(
                &deployment(),
                None,
                vec![change("a"); 100],
                &entries(),
                vec![],
                rate,
            )
        };
        let seconds = |rate| match part(rate).steps.remove(0).change {
            crate::plan::Change::Functions(step) => step.deadline_seconds,
            _ => 0,
        };
        assert_eq!((seconds(10), seconds(0)), (1000, 1900));
    }
}
