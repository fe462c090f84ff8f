//! The part of a plan that is about functions.

use super::step::{FunctionChange, FunctionsStep};
use crate::Check;
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
/// `release` is the version of the uploaded release, where there is one.
pub fn functions_part(
    deployment: &DeploymentRef,
    release: Option<&str>,
    functions: Vec<FunctionChange>,
    mut failed: Vec<Check>,
    rate_per_second: u32,
) -> Part {
    let rate_per_second = rate_per_second.max(1);
    let step = FunctionsStep {
        deployment: deployment.id.to_string(),
        application: deployment.application.clone(),
        environment: deployment.environment.clone(),
        deadline_seconds: PATIENCE + functions.len() as u64 * CALLS / u64::from(rate_per_second),
        release: release.map(str::to_owned),
        functions,
        rate_per_second,
    };
    failed.extend(too_large(&step));
    if !failed.is_empty() || step.functions.is_empty() {
        return Part {
            steps: Vec::new(),
            failed,
        };
    }
    let step = PartStep {
        target: step.resource(),
        before: step.before_label(),
        after: step.after_label(),
        change: Change::Functions(Box::new(step)),
    };
    Part {
        steps: vec![step],
        failed,
    }
}

fn too_large(step: &FunctionsStep) -> Option<Check> {
    let size = serde_json::to_vec(step).map_or(usize::MAX, |json| json.len());
    (size > SIZE_LIMIT).then(|| Check {
        what: "plan".into(),
        resource: step.resource(),
        found: format!("{} KiB of changes", size.div_ceil(1024)),
        expected: format!("at most {} KiB in one deployment", SIZE_LIMIT / 1024),
        todo: "split the application in two".into(),
    })
}
