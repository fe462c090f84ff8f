//! What a person should do after a deployment.

use std::fmt::Write as _;

use crate::conclusion::Beside;
use crate::plan::{Change, Step};
use crate::record::{DeploymentRecord, Failure, StepUndo};
use crate::release::Artifact;
use crate::verdict::{Outcome, Verdict};

/// What to do next; empty when there is nothing to do.
pub(crate) fn next_steps(
    verdict: Verdict,
    record: &DeploymentRecord,
    steps: &[Step],
    outcome: &Outcome,
) -> Vec<String> {
    let show = format!("lockstep show {}", record.deployment.id);
    match verdict {
        Verdict::Succeeded | Verdict::NoChange | Verdict::Superseded => Vec::new(),
        Verdict::Stopped => vec![format!("To deploy it after all: {}", command(record))],
        Verdict::RolledBack => vec![
            format!("See every step: {show}"),
            after_rollback(record, outcome),
        ],
        Verdict::Rejected => vec![after_rejection(record, outcome)],
        Verdict::FailedDirty if outcome.is_live_all_the_same() => vec![
            format!("Look at what the command left: {show}"),
            format!(
                "Once its cause is gone, run it again: lockstep deploy {}",
                record.deployment.environment
            ),
        ],
        Verdict::FailedDirty => {
            let mut next = vec![format!("Look now: {show}")];
            next.extend(by_hand(steps, outcome));
            next
        }
    }
}

/// A request that the trigger refused names images that were not found: there is no command to repeat.
fn after_rejection(record: &DeploymentRecord, outcome: &Outcome) -> String {
    let failure = outcome.failure.as_ref();
    if failure.is_some_and(|failure| failure.phase == "trigger") {
        return "Fix what is named above, then ask for it again.".to_owned();
    }
    after_fixing(record)
}

fn after_fixing(record: &DeploymentRecord) -> String {
    format!(
        "Fix what is named above, then deploy it again: {}",
        command(record)
    )
}

fn after_rollback(record: &DeploymentRecord, outcome: &Outcome) -> String {
    let failure = outcome.failure.as_ref();
    let is_to_blame = failure.is_some_and(Failure::blames_release);
    if record.release.is_some() {
        return after_release(record, is_to_blame);
    }
    if record.requested.is_empty() {
        return after_fixing(record);
    }
    if is_to_blame {
        return "Fix the release and push it again. This image is on hold here: it will not be deployed again by itself."
            .to_owned();
    }
    format!(
        "Fix what is named above; the image is not to blame. Then deploy it again: {}",
        command(record)
    )
}

/// What an uploaded release says stays as it is: something else is another version.
fn after_release(record: &DeploymentRecord, is_to_blame: bool) -> String {
    if is_to_blame {
        return "Fix it and upload it as a new version. What was new in it is on hold here: it will not be deployed again by itself."
            .to_owned();
    }
    format!(
        "Fix what is named above. Then deploy it again: {}; or, where the release has to change, upload a new version.",
        command(record)
    )
}

/// The exact commands where undo failed; else where to look.
fn by_hand(steps: &[Step], outcome: &Outcome) -> Vec<String> {
    let failures = || outcome.undo.iter().filter(|undo| undo.failure.is_some());
    let beside = |undo: &StepUndo| undo.failure.as_ref().and_then(Beside::of);
    let failed = |step: &&Step| {
        let mut of_step = failures().filter(|undo| undo.step == step.number);
        of_step.any(|undo| beside(undo).is_none())
    };
    let mut commands: Vec<_> = steps.iter().filter(failed).map(restore).collect();
    commands.extend(failures().filter_map(beside).map(|it| it.todo().to_owned()));
    if commands.is_empty() {
        return vec![
            "Everything is back on its previous revision, and that is not healthy either: look for a cause outside the release."
                .to_owned(),
        ];
    }
    commands
}

fn restore(step: &Step) -> String {
    let command = match &step.change {
        Change::Service(service) => service.restore_command(),
        Change::Functions(functions) => functions.restore_command(),
        Change::Stack(stack) => stack.restore_command(),
        Change::Migrate(step) | Change::Contract(step) => step.restore_command(),
        Change::InfrastructureBuild(build) => build.restore_command(),
        Change::Site(site) => site.restore_command(),
        Change::GateBefore(gate) | Change::GateAfter(gate) => {
            format!("stop its build {} in CodeBuild", gate.identity())
        }
        Change::ImageBuild(build) => format!("stop its build {} in CodeBuild", build.identity()),
    };
    format!("Put {} back by hand: {command}", step.target)
}

/// The command that asks for the same artifacts again. A push of them would not: they were asked
/// for before. They include what was taken over from deployments that made way for this one.
fn command(record: &DeploymentRecord) -> String {
    let mut command = format!("lockstep deploy {}", record.deployment.environment);
    let read = record.requested.values().find_map(Artifact::as_file);
    let asked = record.release.as_ref().map(|release| &release.version);
    if let Some(release) = asked.or_else(|| read.map(|zip| &zip.release)) {
        let _ = write!(command, " --release {release}");
    }
    let commit = record
        .requested
        .values()
        .find_map(|it| it.as_unbuilt().map(|image| image.commit.as_str()));
    if let Some(commit) = commit {
        let _ = write!(command, " --commit {commit}");
    }
    for (component, image) in &record.requested {
        // What exists of the commit is found by it.
        let is_named = commit != Some(image.reference());
        if image.as_image().is_some() && is_named {
            let _ = write!(command, " --image {component}={}", image.reference());
        }
    }
    let only: Vec<_> = record.only.components().collect();
    if !only.is_empty() {
        let _ = write!(command, " --only {}", only.join(","));
    }
    for approval in &record.approved {
        let _ = write!(command, " --approve {approval}");
    }
    command
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use serde_json::{Value, json};

    use super::next_steps;
    use crate::record::Failure;
    use crate::verdict::{Outcome, Verdict};

    fn last(verdict: Verdict, phase: &str, error: &str) -> String {
        let image = json!({"kind": "image", "repository": "r", "digest": "sha256:ab", "tag": "v2", "pushed_at": "2026-11-20T10:00:00Z"});
        last_of(&json!({"web/web": image}), verdict, phase, error)
    }

    fn last_of(requested: &Value, verdict: Verdict, phase: &str, error: &str) -> String {
        let record = json!({
            "id": "01JD5Q6Z8G0000000000000000", "application": "quiz", "environment": "production",
            "execution": {"name": "x", "arn": "arn", "started_at": "2026-11-20T10:00:00Z"},
            "source": {"kind": "manual", "by": "me"}, "manifest_version": 1, "requested": requested,
        });
        let failure = Failure {
            phase: phase.into(),
            step: None,
            error: error.into(),
            cause: "why".into(),
        };
        let outcome = Outcome {
            failure: Some(failure),
            ..Outcome::default()
        };
        let record = serde_json::from_value(record).unwrap();
        let steps = next_steps(verdict, &record, &[], &outcome);
        steps.last().unwrap().clone()
    }

    #[test]
    fn only_an_image_that_is_to_blame_is_told_to_be_on_hold() {
        let blamed = last(Verdict::RolledBack, "verify", "Unhealthy");
        assert!(blamed.contains("on hold here"), "{blamed}");
        assert_eq!(
            last(Verdict::RolledBack, "service", "Rejected"),
            "Fix what is named above; the image is not to blame. Then deploy it again: lockstep deploy production --image \
             web/web=v2"
        );
    }

    #[test]
    fn what_was_not_built_is_asked_for_by_its_commit() {
        let unbuilt = json!({"kind": "unbuilt", "build": "web", "repository": "r", "commit": "3f2a9c1", "asked_at": "2026-11-20T10:00:00Z"});
        assert_eq!(
            last_of(
                &json!({"web/web": unbuilt}),
                Verdict::Rejected,
                "build",
                "Rejected"
            ),
            "Fix what is named above, then deploy it again: lockstep deploy production --commit 3f2a9c1"
        );
    }

    #[test]
    fn a_deployment_of_the_manifest_alone_has_no_image_to_speak_of() {
        for error in ["Unhealthy", "Rejected"] {
            assert_eq!(
                last_of(&json!({}), Verdict::RolledBack, "stack", error),
                "Fix what is named above, then deploy it again: lockstep deploy production"
            );
        }
    }

    #[test]
    fn a_command_is_told_only_where_the_images_are_known() {
        assert_eq!(
            last(Verdict::Rejected, "plan", "Rejected"),
            "Fix what is named above, then deploy it again: lockstep deploy production --image web/web=v2"
        );
        assert_eq!(
            last(Verdict::Rejected, "trigger", "Rejected"),
            "Fix what is named above, then ask for it again."
        );
    }
}
