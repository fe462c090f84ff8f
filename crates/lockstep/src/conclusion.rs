//! From what happened to the words a person reads.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::plan::{Plan, Step};
use crate::record::{Conclusion, DeploymentRecord, Failure};
use crate::verdict::{Outcome, Verdict};

/// The conclusion of a deployment: its verdict, what happened and why, what is live
/// now, and what to do next.
pub fn conclude(
    record: &DeploymentRecord,
    plan: Option<&Plan>,
    outcome: &Outcome,
    now: Timestamp,
) -> Conclusion {
    let verdict = outcome.verdict();
    let steps = plan.map_or(&[][..], |plan| plan.steps.as_slice());
    let why = outcome
        .failure
        .as_ref()
        .map(|failure| reason(failure, steps))
        .unwrap_or_default();
    Conclusion {
        verdict,
        message: message(verdict, steps, outcome, &why),
        next_steps: next_steps(verdict, record, outcome),
        concluded_at: now,
    }
}

fn message(verdict: Verdict, steps: &[Step], outcome: &Outcome, why: &str) -> String {
    match verdict {
        Verdict::Succeeded => format!("Live and verified: {}.", listed(steps, |step| &step.after)),
        Verdict::NoChange => {
            "The environment already runs this release; nothing was changed.".to_owned()
        }
        Verdict::RolledBack => format!(
            "{why}. Put back and verified: {}.",
            put_back(steps, outcome)
        ),
        Verdict::Rejected => format!("{why}. Nothing was changed."),
        Verdict::Superseded if outcome.unwound => {
            format!("{why}. Live now: {}.", put_back(steps, outcome))
        }
        Verdict::Superseded => format!("{why}. Nothing was changed by this deployment."),
        Verdict::Stopped if steps.is_empty() => {
            "Stopped by a person before anything was changed.".to_owned()
        }
        Verdict::Stopped => {
            format!(
                "Stopped by a person. Put back and verified: {}.",
                put_back(steps, outcome)
            )
        }
        Verdict::FailedDirty => format!(
            "{why}. Rolling back failed too: {}.",
            left_over(steps, outcome)
        ),
    }
}

/// The failure in words. What a Lambda function returns as its error arrives as JSON.
fn reason(failure: &Failure, steps: &[Step]) -> String {
    let text = cause_text(failure);
    let target = failure
        .step
        .and_then(|number| steps.iter().find(|step| step.number == number));
    let text = text.trim_end_matches('.').to_owned();
    match (target, failure.phase.as_str()) {
        (Some(step), _) if !text.contains(&step.target) => format!("{}: {text}", step.target),
        (_, "execution") => format!(
            "The execution {} before it concluded",
            ended(&failure.error)
        ),
        _ => text,
    }
}

fn ended(status: &str) -> &'static str {
    match status {
        "ABORTED" => "was stopped",
        "TIMED_OUT" => "timed out",
        _ => "failed",
    }
}

/// The text of a failure for a person: what a Lambda function returns as its error arrives
/// as JSON, what a phase answers by token is text already.
pub fn cause_text(failure: &Failure) -> String {
    let returned = serde_json::from_str::<serde_json::Value>(&failure.cause).ok();
    let message = returned
        .as_ref()
        .and_then(|value| value.get("errorMessage"))
        .and_then(|text| text.as_str());
    match message.unwrap_or(&failure.cause) {
        "" => format!("phase {} failed with {}", failure.phase, failure.error),
        text => text.to_owned(),
    }
}

fn listed<'a>(steps: &'a [Step], side: impl Fn(&'a Step) -> &'a String) -> String {
    if steps.is_empty() {
        return "nothing was changed".to_owned();
    }
    let parts: Vec<_> = steps
        .iter()
        .map(|step| format!("{} on {}", step.target, side(step)))
        .collect();
    parts.join("; ")
}

/// What is live after undo. Mostly what ran before; what undo says of a target instead when it
/// left that alone, because somebody else took it over.
fn put_back(steps: &[Step], outcome: &Outcome) -> String {
    let undone = |step: &Step| outcome.undo.iter().find(|undo| undo.step == step.number);
    let parts: Vec<_> = steps
        .iter()
        .map(
            |step| match undone(step).and_then(|undo| undo.summary.as_ref()) {
                Some(summary) if !summary.contains(&step.before) => summary.clone(),
                _ => format!("{} on {}", step.target, step.before),
            },
        )
        .collect();
    parts.join("; ")
}

fn left_over(steps: &[Step], outcome: &Outcome) -> String {
    let mut parts = Vec::new();
    for undo in &outcome.undo {
        let Some(failure) = &undo.failure else {
            continue;
        };
        let text = cause_text(failure);
        match steps.iter().find(|step| step.number == undo.step) {
            Some(step) => parts.push(format!(
                "{} should be on {} again, but: {text}",
                step.target, step.before
            )),
            None => parts.push(format!("step {}: {text}", undo.step)),
        }
    }
    if let Some(failure) = &outcome.not_restored {
        parts.push(format!(
            "what was put back does not pass verification: {}",
            cause_text(failure)
        ));
    }
    parts.join("; ")
}

/// The command that asks for the same images again. A push of them would not: they were asked
/// for before. They include what was taken over from deployments that made way for this one.
fn command(record: &DeploymentRecord) -> String {
    let mut command = format!("lockstep deploy {}", record.deployment.environment);
    for (component, image) in &record.requested {
        let reference = image.tag.as_ref().unwrap_or(&image.digest);
        let _ = write!(command, " --image {component}={reference}");
    }
    command
}

fn next_steps(verdict: Verdict, record: &DeploymentRecord, outcome: &Outcome) -> Vec<String> {
    let deployment = &record.deployment;
    let show = format!("lockstep show {}", deployment.id);
    match verdict {
        Verdict::Succeeded | Verdict::NoChange | Verdict::Superseded | Verdict::Stopped => Vec::new(),
        Verdict::RolledBack => vec![
            format!("See every step: {show}"),
            "Fix the release and push it again. This image is on hold here: it will not be deployed again by itself."
                .to_owned(),
        ],
        Verdict::Rejected => vec![
            "Fix what is named above, then deploy again.".to_owned(),
            format!("Deploy by hand: {}", command(record)),
        ],
        Verdict::FailedDirty => {
            let mut steps = vec![format!("Look now: {show}")];
            if outcome.undo.iter().any(|undo| undo.failure.is_some()) {
                steps.push("Put the named targets back by hand; the plan has their exact `before`.".to_owned());
            }
            if outcome.not_restored.is_some() {
                steps.push("Everything is back on its previous revision, and that is not healthy either: look for a cause outside the release.".to_owned());
            }
            steps
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use jiff::Timestamp;
    use serde_json::json;

    use super::conclude;
    use crate::plan::Plan;
    use crate::record::{Failure, StepUndo};
    use crate::verdict::{Outcome, Verdict};

    fn step(number: u32, name: &str) -> serde_json::Value {
        let change = json!({
            "phase": "service", "deployment": "d", "application": "quiz", "environment": "production", "component": name,
            "cluster": "quiz", "service": name, "service_arn": "arn",
            "before": {"task_definition": "arn", "deployment_configuration": {}, "serving": true, "images": {}},
            "after": {"task_definition": {}, "deployment_configuration": {}},
            "stopped_tasks": 2, "timeout_seconds": 60, "planned_at": "2026-11-20T10:00:00Z",
        });
        json!({
            "number": number, "target": format!("service quiz/{name}"), "before": format!("{name}:7 (v1)"), "after": "v2",
            "change": change,
        })
    }

    fn undone(step: u32, summary: &str) -> StepUndo {
        StepUndo {
            step,
            summary: Some(summary.to_owned()),
            failure: None,
        }
    }

    #[test]
    fn a_rejected_deployment_says_how_to_ask_for_all_of_its_images_again() {
        let image = |tag: Option<&str>| json!({"repository": "r", "digest": "sha256:ab", "tag": tag, "pushed_at": "2026-11-20T10:00:00Z"});
        let record = json!({
            "id": "01JD5Q6Z8G0000000000000000", "application": "quiz", "environment": "production",
            "execution": {"name": "x", "arn": "arn", "started_at": "2026-11-20T10:00:00Z"},
            "source": {"kind": "manual", "by": "me"}, "manifest_version": 1,
            "requested": {"api/api": image(None), "web/web": image(Some("v2"))},
        });
        let record = serde_json::from_value(record).unwrap();
        let outcome = Outcome {
            failure: Some(Failure {
                phase: "plan".into(),
                step: None,
                error: "Rejected".into(),
                cause: "no".into(),
            }),
            ..Outcome::default()
        };
        let conclusion = conclude(&record, None, &outcome, Timestamp::UNIX_EPOCH);
        assert_eq!(
            conclusion.next_steps.last().unwrap(),
            "Deploy by hand: lockstep deploy production --image api/api=sha256:ab --image web/web=v2"
        );
    }

    #[test]
    fn what_was_left_to_others_is_not_told_as_put_back() {
        let release = json!({"manifest_version": 1, "artifacts": {}});
        let plan = json!({"release": release, "steps": [step(0, "web"), step(1, "api")]});
        let plan: Plan = serde_json::from_value(plan).unwrap();
        let record = json!({
            "id": "01JD5Q6Z8G0000000000000000", "application": "quiz", "environment": "production",
            "execution": {"name": "x", "arn": "arn", "started_at": "2026-11-20T10:00:00Z"},
            "source": {"kind": "manual", "by": "me"}, "manifest_version": 1, "requested": {},
        });
        let outcome = Outcome {
            failure: Some(Failure {
                phase: "service".into(),
                step: Some(0),
                error: "Superseded".into(),
                cause: "service quiz/web was superseded by web:9".into(),
            }),
            planned: true,
            unwound: true,
            undo: vec![
                undone(1, "service quiz/api runs api:7 (v1) again"),
                undone(0, "service quiz/web left alone: it runs web:9 now"),
            ],
            not_restored: None,
        };
        let record = serde_json::from_value(record).unwrap();
        let conclusion = conclude(&record, Some(&plan), &outcome, Timestamp::UNIX_EPOCH);
        assert_eq!(conclusion.verdict, Verdict::Superseded);
        assert_eq!(
            conclusion.message,
            "service quiz/web was superseded by web:9. Live now: service quiz/web left alone: it runs web:9 now; \
             service quiz/api on api:7 (v1)."
        );
    }
}
