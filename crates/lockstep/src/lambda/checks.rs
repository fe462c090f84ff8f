//! Checks of a function before anything is changed.

use super::configuration;
use super::live::{LATEST, LastUpdate, PackageType, State};
use super::planning::FunctionInputs;
use super::step::FunctionChange;
use crate::Check;
use crate::release::Artifact;

/// The largest zip file that `UpdateFunctionCode` takes as it is, without S3: 50 MB.
const DIRECT_UPLOAD: u64 = 50 * 1024 * 1024;

/// The check that fails when there is no such function.
pub fn missing_function(function: &str) -> Check {
    Check {
        what: "function".into(),
        resource: format!("function {function}"),
        found: "none".into(),
        expected: "a function of this name".into(),
        todo: "create the function first; Lockstep deploys to functions, it does not create them"
            .into(),
        curable: true,
    }
}

/// The checks that fail whatever is to change.
pub(super) fn of_target(inputs: &FunctionInputs<'_>) -> Vec<Check> {
    let checks = [
        alias(inputs),
        package(inputs),
        quiet(inputs),
        settings(inputs),
        environment(inputs),
    ];
    checks.into_iter().flatten().collect()
}

/// The checks that fail because of the change.
pub(super) fn of_change(inputs: &FunctionInputs<'_>, change: &FunctionChange) -> Vec<Check> {
    [unpublished(inputs, change), size(inputs, change)]
        .into_iter()
        .flatten()
        .collect()
}

fn check(
    inputs: &FunctionInputs<'_>,
    what: &str,
    found: String,
    expected: &str,
    todo: String,
) -> Check {
    Check {
        what: what.into(),
        resource: format!("function {}", inputs.latest.name),
        found,
        expected: expected.into(),
        todo,
        curable: false,
    }
}

fn alias(inputs: &FunctionInputs<'_>) -> Option<Check> {
    let alias = inputs.resolved.alias.as_ref()?;
    let name = &inputs.latest.name;
    let create = format!(
        "aws lambda publish-version --function-name {name}, then \
         aws lambda create-alias --function-name {name} --name {alias} --function-version VERSION"
    );
    match inputs.alias {
        None => Some(check(
            inputs,
            "alias",
            "none".into(),
            alias,
            format!("create it: {create}"),
        )),
        Some(live) if live.version == LATEST => {
            let todo = format!(
                "what it serves changes with every update, so that it could not be put back; publish a version \
                 and point {alias} to it"
            );
            Some(check(
                inputs,
                "alias",
                format!("{alias} on {LATEST}"),
                "an alias on a published version",
                todo,
            ))
        }
        Some(_) => None,
    }
}

/// Lambda never turns a function from a zip file into one from an image, or back.
fn package(inputs: &FunctionInputs<'_>) -> Option<Check> {
    let (found, expected) = match (inputs.latest.package, inputs.artifact?) {
        (PackageType::Zip, Artifact::Image(_)) => (
            "a function from a zip file",
            "a function from a container image",
        ),
        (PackageType::Image, Artifact::Zip(_)) => (
            "a function from a container image",
            "a function from a zip file",
        ),
        _ => return None,
    };
    let todo = "correct `artifact` or `image` in lockstep.yaml and apply it; Lambda cannot change a function's kind";
    Some(check(
        inputs,
        "package",
        found.into(),
        expected,
        todo.into(),
    ))
}

/// No other update may be under way. A failed one is not in the way: the next release is how
/// it gets fixed.
fn quiet(inputs: &FunctionInputs<'_>) -> Option<Check> {
    let latest = inputs.latest;
    let found = match (&latest.last_update, &latest.state) {
        (LastUpdate::InProgress, _) => "one in progress",
        (_, State::Pending) => "its creation in progress",
        _ => return None,
    };
    let todo = "wait until it is finished, then deploy again";
    Some(check(
        inputs,
        "other updates",
        found.into(),
        "none in progress",
        todo.into(),
    ))
}

fn settings(inputs: &FunctionInputs<'_>) -> Option<Check> {
    let wanted = &inputs.resolved.configuration;
    let named = wanted.handler.is_some() || wanted.runtime.is_some();
    (inputs.latest.package == PackageType::Image && named).then(|| {
        let todo = "remove them from its configuration in lockstep.yaml and apply it: the image says what runs";
        check(inputs, "configuration", "`handler` or `runtime`".into(), "neither, for a container image", todo.into())
    })
}

/// Environment variables are replaced as a whole: what cannot be read would be wiped.
fn environment(inputs: &FunctionInputs<'_>) -> Option<Check> {
    let wanted = !inputs.resolved.configuration.environment.is_empty();
    let readable = configuration::environment_is_readable(&inputs.latest.configuration);
    (wanted && !readable).then(|| {
        let todo = "allow Lockstep's roles kms:Decrypt with the function's key, or leave `environment` out: writing \
                    some variables would wipe those that cannot be read";
        check(inputs, "environment", "variables that cannot be decrypted".into(), "readable ones", todo.into())
    })
}

/// A new configuration alone would bring code to life that nobody asked to deploy.
fn unpublished(inputs: &FunctionInputs<'_>, change: &FunctionChange) -> Option<Check> {
    let (latest, serving) = (inputs.latest, inputs.serves());
    let foreign = inputs.artifact.is_none() && latest.code_sha256 != serving.code_sha256;
    (foreign && change.configuration.is_some()).then(|| {
        let todo = "deploy a release of it together with the new configuration, or put the code back that serves";
        let found = format!("{LATEST} with other code than {}", serving.version_label());
        check(inputs, "code", found, "the same code, as only the configuration is to change", todo.into())
    })
}

/// The code of a function without an alias must be able to come back.
fn size(inputs: &FunctionInputs<'_>, change: &FunctionChange) -> Option<Check> {
    let latest = inputs.latest;
    let lost = change.alias.is_none()
        && change.code.is_some()
        && change.put_back.is_none()
        && latest.package == PackageType::Zip
        && latest.code_size > DIRECT_UPLOAD;
    lost.then(|| {
        let todo = "give the function an alias: then putting it back is pointing the alias to the old version";
        let found = format!("{} MB of code that no release has", latest.code_size.div_ceil(1024 * 1024));
        check(inputs, "way back", found, "at most 50 MB, or an alias", todo.into())
    })
}
