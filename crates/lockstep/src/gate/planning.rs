//! From a manifest's gates to the steps of a deployment.

use std::collections::BTreeMap;

use super::step::GateStep;
use crate::Check;
use crate::manifest::{GateTime, ResolvedGate, SourceVersion};
use crate::plan::{Change, PartStep};
use crate::record::DeploymentRef;
use crate::release::{Artifact, ImageArtifact};

/// How long a commit's hash is, and how short people write it.
const HASH: std::ops::RangeInclusive<usize> = 7..=40;

/// What gates are planned from.
#[derive(Debug, Clone, Copy)]
pub struct GateInputs<'a> {
    /// The deployment that plans.
    pub deployment: &'a DeploymentRef,
    /// What the manifest says of them.
    pub gates: &'a BTreeMap<String, ResolvedGate>,
    /// The uploaded release's version.
    pub version: Option<&'a str>,
    /// The commit of what is deployed, where it is known.
    pub commit: Option<&'a str>,
}

/// The gates of a deployment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlannedGates {
    /// Those that come before anything is changed.
    pub before: Vec<PartStep>,
    /// Those that come once the release was verified.
    pub after: Vec<PartStep>,
}

/// Plans the gates of a deployment that changes something.
///
/// # Errors
/// A check for each gate that is to build the release's commit, where nobody knows it.
pub fn plan_gates(inputs: &GateInputs<'_>) -> Result<PlannedGates, Vec<Check>> {
    let (mut planned, mut failed) = (PlannedGates::default(), Vec::new());
    for (component, gate) in inputs.gates {
        let source_version = match (&gate.source_version, inputs.commit) {
            (SourceVersion::Own, _) => None,
            (SourceVersion::Named(name), _) => Some(name.clone()),
            (SourceVersion::Commit, Some(commit)) => Some(commit.to_owned()),
            (SourceVersion::Commit, None) => {
                failed.push(unknown_commit(component));
                continue;
            }
        };
        let step = GateStep {
            deployment: inputs.deployment.id.clone(),
            component: component.clone(),
            when: gate.when,
            project: gate.project.clone(),
            variables: variables(inputs, component, gate),
            source_version,
            timeout_minutes: gate.timeout_minutes,
        };
        match gate.when {
            GateTime::Before => planned.before.push(part(step)),
            GateTime::After => planned.after.push(part(step)),
        }
    }
    if failed.is_empty() {
        Ok(planned)
    } else {
        Err(failed)
    }
}

fn variables(
    inputs: &GateInputs<'_>,
    component: &str,
    gate: &ResolvedGate,
) -> BTreeMap<String, String> {
    let me = inputs.deployment;
    let own = [
        ("LOCKSTEP_APPLICATION", Some(me.application.as_str())),
        ("LOCKSTEP_ENVIRONMENT", Some(me.environment.as_str())),
        ("LOCKSTEP_DEPLOYMENT", Some(me.id.as_str())),
        ("LOCKSTEP_COMPONENT", Some(component)),
        ("LOCKSTEP_VERSION", inputs.version),
        ("LOCKSTEP_COMMIT", inputs.commit),
    ];
    let own = own
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
    gate.environment.clone().into_iter().chain(own).collect()
}

fn part(step: GateStep) -> PartStep {
    PartStep {
        target: step.resource(),
        before: "not asked about this release yet".to_owned(),
        after: step.after_label(),
        change: match step.when {
            GateTime::Before => Change::GateBefore(Box::new(step)),
            GateTime::After => Change::GateAfter(Box::new(step)),
        },
    }
}

fn unknown_commit(component: &str) -> Check {
    Check {
        what: "commit".into(),
        resource: format!("gate {component}"),
        found: "no image that is tagged with its commit".into(),
        expected: "the commit to test, for `source_version: commit`".into(),
        todo: "tag images with their commit (7 to 40 hexadecimal digits), or name a branch as source_version in lockstep.yaml and \
               apply it"
            .into(),
        curable: false,
    }
}

/// The commit of what is deployed: the tag of its newest image that is tagged with a commit.
pub fn commit_of<'a>(artifacts: impl IntoIterator<Item = &'a Artifact>) -> Option<&'a str> {
    let images = artifacts.into_iter().filter_map(Artifact::as_image);
    let tagged = images.filter(|image| commit(image).is_some());
    tagged.max_by_key(|image| image.pushed_at).and_then(commit)
}

/// The commit by which an image is tagged. Digits alone are more likely a date or a number.
fn commit(image: &ImageArtifact) -> Option<&str> {
    let tag = image.tag.as_deref()?;
    let hex = |it: u8| it.is_ascii_digit() || (b'a'..=b'f').contains(&it);
    let is_number = tag.bytes().all(|it| it.is_ascii_digit()) && tag.len() != *HASH.end();
    (HASH.contains(&tag.len()) && tag.bytes().all(hex) && !is_number).then_some(tag)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use std::collections::BTreeMap;

    use serde_json::json;

    use super::{GateInputs, commit_of, plan_gates};
    use crate::DeploymentId;
    use crate::manifest::ResolvedGate;
    use crate::record::DeploymentRef;
    use crate::release::Artifact;

    fn image(tag: Option<&str>, minute: u32) -> Artifact {
        let pushed_at = format!("2026-11-21T10:{minute:02}:00Z");
        let image = json!({"kind": "image", "repository": "shop/web", "digest": "sha256:ab", "tag": tag, "pushed_at": pushed_at});
        serde_json::from_value(image).unwrap()
    }

    #[test]
    fn the_commit_is_the_newest_images_tag() {
        let commit = "3f2a9c1d0e4b5a69788796a5b4c3d2e1f0a1b2c3";
        let images = [
            image(Some("0a1b2c3"), 1),
            image(Some(commit), 3),
            image(Some("abcdefa"), 2),
            image(Some("latest"), 9),
            image(Some("20261121"), 9),
            image(Some("ABCDEF1"), 9),
            image(None, 9),
        ];
        assert_eq!(commit_of(&images), Some(commit));
        assert_eq!(commit_of(&images[3..]), None);
    }

    #[test]
    fn gates_are_builds_before_and_after_with_what_is_known() {
        let deployment = DeploymentRef {
            id: DeploymentId::parse("01JD5Q6Z8G0000000000000000").unwrap(),
            application: "shop".into(),
            environment: "production".into(),
        };
        let gates = json!({
            "unit": {"project": "shop-tests", "when": "before", "timeout_minutes": 20, "source_version": "commit"},
            "e2e": {"project": "shop-e2e", "when": "after", "timeout_minutes": 30, "environment": {"SUITE": "smoke"}},
        });
        let gates: BTreeMap<String, ResolvedGate> = serde_json::from_value(gates).unwrap();
        let inputs = GateInputs {
            deployment: &deployment,
            gates: &gates,
            version: None,
            commit: Some("0a1b2c3"),
        };
        let planned = plan_gates(&inputs).unwrap();
        let change = serde_json::to_value(&planned.before[0].change).unwrap();
        assert_eq!(change["phase"], "gate-before");
        assert_eq!(change["source_version"], "0a1b2c3");
        let change = serde_json::to_value(&planned.after[0].change).unwrap();
        assert_eq!(change["phase"], "gate-after");
        assert_eq!(change.get("source_version"), None);
        assert_eq!(change["variables"]["SUITE"], "smoke");
        assert_eq!(change["variables"]["LOCKSTEP_COMMIT"], "0a1b2c3");
        assert_eq!(change["variables"]["LOCKSTEP_COMPONENT"], "e2e");
        let unknown = GateInputs {
            commit: None,
            ..inputs
        };
        let failed = plan_gates(&unknown).unwrap_err();
        assert_eq!(failed.len(), 1);
        assert!(
            failed[0]
                .to_string()
                .starts_with("gate unit: commit: found no image")
        );
    }
}
