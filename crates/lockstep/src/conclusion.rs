//! From what happened to the words a person reads.

use jiff::Timestamp;

use crate::next_steps::next_steps;
use crate::plan::{Change, Plan, Step};
use crate::record::{BuiltImage, Conclusion, DeploymentRecord, Failure};
use crate::stack::{STAYS, StackStep};
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
        message: message(verdict, record, steps, outcome, &why),
        next_steps: next_steps(verdict, record, steps, outcome),
        concluded_at: now,
    }
}

fn message(
    verdict: Verdict,
    record: &DeploymentRecord,
    steps: &[Step],
    outcome: &Outcome,
    why: &str,
) -> String {
    let why = lead(why);
    match verdict {
        Verdict::Succeeded => {
            let live = listed(changes(steps), |step| &step.after);
            let gates = outcome.gates.iter().map(|it| format!(" {}", sentence(it)));
            let gates = gates.collect::<String>();
            let images = images(record);
            format!(
                "Live and verified: {live}.{}{images}{gates}",
                left_out(record)
            )
        }
        Verdict::NoChange => format!(
            "Live already: {}. Nothing was changed.{}{}",
            labels(record),
            left_out(record),
            images(record)
        ),
        Verdict::RolledBack => format!("{why}Put back and verified: {}.", put_back(steps, outcome)),
        Verdict::Rejected => format!("{why}Nothing was changed."),
        Verdict::Superseded if outcome.unwound => {
            format!("{why}Live now: {}.", put_back(steps, outcome))
        }
        Verdict::Superseded => format!("{why}Nothing was changed by this deployment."),
        Verdict::Stopped => {
            let asked = |failure: &Failure| failure.error == "Stopped";
            let who = match &outcome.failure {
                Some(failure) if asked(failure) => why,
                Some(failure) => lead(&stopped_by(&failure.cause)),
                None => "Stopped by a person. ".to_owned(),
            };
            if steps.is_empty() {
                return format!("{who}Nothing was changed.");
            }
            format!("{who}Put back and verified: {}.", put_back(steps, outcome))
        }
        Verdict::FailedDirty if outcome.is_live_all_the_same() => format!(
            "{why}The release is live and verified all the same: {}. Nothing was put back, because what ran before may need what the \
             command removed.",
            listed(steps_but_contracts(steps), |step| &step.after)
        ),
        Verdict::FailedDirty => format!("{why}{}", left_over(steps, outcome)),
    }
}

/// The reason as what other sentences follow: on a line of its own where it is a list.
fn lead(why: &str) -> String {
    if why.contains('\n') {
        format!("{why}\n")
    } else {
        format!("{} ", sentence(why))
    }
}

/// A text with exactly one mark at its end.
pub fn sentence(text: &str) -> String {
    let text = text.trim_end_matches('.');
    if text.ends_with(['?', '!']) {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}

fn labels(record: &DeploymentRecord) -> String {
    if record.requested.is_empty() {
        let named: Vec<_> = record.only.components().collect();
        let of = match named.as_slice() {
            [] => String::new(),
            named => format!(" of {}", named.join(", ")),
        };
        return format!("everything that the manifest asks for{of}");
    }
    crate::release::labels(&record.requested)
}

/// What became of the images of a commit, as further sentences.
fn images(record: &DeploymentRecord) -> String {
    let told = record.builds.values().filter_map(BuiltImage::words);
    let told = told.map(|words| format!(" Image {}", sentence(&words)));
    told.collect()
}

/// What was asked for and not deployed, as one more sentence.
fn left_out(record: &DeploymentRecord) -> String {
    let words = record.only.left_out_words();
    words.map_or_else(String::new, |words| format!(" {words}"))
}

/// The failure in words. What a Lambda function returns as its error arrives as JSON.
fn reason(failure: &Failure, steps: &[Step]) -> String {
    let text = cause_text(failure);
    let target = failure
        .step
        .and_then(|number| steps.iter().find(|step| step.number == number));
    match target {
        Some(step) if !text.contains(&step.target) => format!("{}: {text}", step.target),
        _ => text,
    }
}

/// Who stopped an execution, as `lockstep stop` says it; whatever else was said in the console is
/// told as it is.
fn stopped_by(cause: &str) -> String {
    match cause.strip_prefix("stopped by ") {
        Some(who) => format!("Stopped by {who}"),
        None if cause.is_empty() => "Stopped by a person".to_owned(),
        None => format!("Stopped by a person: {cause}"),
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
    if failure.phase == "execution" {
        let ended = ended(&failure.error);
        return match failure.cause.as_str() {
            "" => format!("The execution {ended} before it concluded"),
            cause => format!("The execution {ended} before it concluded: {cause}"),
        };
    }
    let returned = serde_json::from_str::<serde_json::Value>(&failure.cause).ok();
    let message = returned
        .as_ref()
        .and_then(|value| value.get("errorMessage"))
        .and_then(|text| text.as_str());
    match message.unwrap_or(&failure.cause) {
        "" => format!("phase {} failed with {}", failure.phase, failure.error),
        text => text.trim_end_matches('.').to_owned(),
    }
}

fn listed<'a>(
    steps: impl IntoIterator<Item = &'a Step>,
    side: impl Fn(&'a Step) -> &'a String,
) -> String {
    let steps = steps.into_iter();
    let parts: Vec<_> = steps
        .map(|step| match step.change.as_migration() {
            Some(_) => format!("{} ran {}", step.target, side(step)),
            None => format!("{} on {}", step.target, side(step)),
        })
        .collect();
    if parts.is_empty() {
        return "nothing was changed".to_owned();
    }
    parts.join("; ")
}

/// The steps that change something: all but gates.
fn changes(steps: &[Step]) -> impl Iterator<Item = &Step> {
    steps.iter().filter(|step| step.change.as_gate().is_none())
}

fn steps_but_contracts(steps: &[Step]) -> impl Iterator<Item = &Step> {
    let is_contract = |step: &&Step| matches!(step.change, Change::Contract(_));
    changes(steps).filter(move |step| !is_contract(step))
}

/// What is live after undo. Mostly what ran before; what undo says of a target instead when it
/// left that alone, because somebody else took it over.
fn put_back<'a>(steps: impl IntoIterator<Item = &'a Step>, outcome: &Outcome) -> String {
    // A contract comes last: where something is put back, none ran.
    let is_left_out = |step: &&Step| {
        matches!(step.change, Change::Contract(_)) || step.change.as_gate().is_some()
    };
    let steps: Vec<&Step> = steps.into_iter().filter(|it| !is_left_out(it)).collect();
    let undone = |step: &Step| outcome.undo.iter().find(|undo| undo.step == step.number);
    let mut parts: Vec<_> = steps
        .iter()
        .map(|step| {
            let summary = undone(step).and_then(|undo| undo.summary.as_deref());
            if step.change.as_migration().is_some() {
                let summary = summary.unwrap_or("it is not known what became of it");
                return format!("{}: {summary}", step.target);
            }
            if step.change.as_build().is_some() {
                return build_put_back(step, summary);
            }
            match (step.change.as_stack(), summary) {
                (Some(stack), summary) => stack_put_back(step, stack, summary),
                (None, Some(summary)) if !summary.contains(&step.before) => summary.to_owned(),
                (None, _) => format!("{} on {}", step.target, step.before),
            }
        })
        .collect();
    let (infrastructure, rest): (Vec<&Step>, Vec<&Step>) = steps
        .into_iter()
        .filter(|step| step.change.as_migration().is_none())
        .partition(|step| step.change.is_infrastructure());
    let is_gone = |step: &&&Step| {
        let is_new = step.change.as_stack().is_some_and(|it| it.before.is_none());
        let summary = undone(step).and_then(|undo| undo.summary.as_deref());
        is_new && summary.is_none_or(|it| !it.starts_with(STAYS))
    };
    let gone: Vec<_> = infrastructure
        .iter()
        .filter(is_gone)
        .map(|it| &*it.target)
        .collect();
    if !rest.is_empty() && !gone.is_empty() {
        let gone = gone.join(" and ");
        parts.push(format!(
            "of these, what {gone} had made was deleted with it"
        ));
    }
    parts.join("; ")
}

/// What infrastructure that CodeBuild builds is on after undo, and how it came to that.
fn build_put_back(step: &Step, summary: Option<&str>) -> String {
    let target = &step.target;
    let is_new = step
        .change
        .as_build()
        .is_some_and(|build| build.before.applied.is_none());
    match summary {
        Some(summary) if is_new => format!("{target}: {summary}"),
        Some(summary) => format!("{target} on {} ({summary})", step.before),
        None => format!("{target} on {}", step.before),
    }
}

/// What a stack is on after undo, and how it came to that.
fn stack_put_back(step: &Step, stack: &StackStep, summary: Option<&str>) -> String {
    let target = &step.target;
    if stack.before.is_none() {
        // Undo says of a new stack whether it is gone or was kept.
        let summary = summary.unwrap_or("there was none before this deployment");
        return format!("{target}: {summary}");
    }
    let mut on = format!("{target} on {}", step.before);
    let parameters = stack.parameters_before();
    if !parameters.is_empty() {
        on = format!("{on}, {parameters}");
    }
    match summary {
        Some(summary) => format!("{on} ({summary})"),
        None => on,
    }
}

/// What is not as it was before, and what is live instead.
fn left_over(steps: &[Step], outcome: &Outcome) -> String {
    let seen = outcome.not_restored.as_ref().map(cause_text);
    let stuck = stuck(steps, outcome);
    if !stuck.is_empty() {
        let seen = seen.map(|seen| format!(" Live now: {}", sentence(&seen)));
        let stuck = sentence(&stuck.join("; "));
        let back: Vec<&Step> = changes(steps)
            .filter(|step| is_back(step, outcome))
            .collect();
        let has_infrastructure = steps.iter().any(|step| step.change.is_infrastructure());
        let back = if has_infrastructure && !back.is_empty() {
            format!(" Put back: {}.", put_back(back, outcome))
        } else {
            String::new()
        };
        return format!(
            "Rolling back failed too: {stuck}{back}{}",
            seen.unwrap_or_default()
        );
    }
    format!(
        "What ran before was put back and does not pass verification either: {} Live now: {}.",
        sentence(&seen.unwrap_or_default()),
        put_back(steps, outcome)
    )
}

/// Whether undo said that it put a target back.
fn is_back(step: &Step, outcome: &Outcome) -> bool {
    let mut undone = outcome.undo.iter();
    undone.any(|undo| undo.step == step.number && undo.failure.is_none())
}

fn stuck(steps: &[Step], outcome: &Outcome) -> Vec<String> {
    let failed = outcome.undo.iter().filter_map(|undo| {
        let failure = undo.failure.as_ref()?;
        let text = cause_text(failure);
        if let Some(beside) = Beside::of(failure) {
            return Some(format!("{}: {text}", beside.what()));
        }
        let Some(step) = steps.iter().find(|step| step.number == undo.step) else {
            return Some(format!("step {}: {text}", undo.step));
        };
        let prefix = format!("{}: ", step.target);
        let text = text.strip_prefix(&prefix).unwrap_or(&text);
        if step.change.as_migration().is_some() || step.change.as_gate().is_some() {
            return Some(format!("{}: {text}", step.target));
        }
        Some(format!(
            "{} should be on {} again, but: {text}",
            step.target, step.before
        ))
    });
    failed.collect()
}

/// What a deployment writes beside its steps, and could not undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beside {
    /// The parameters that other stacks read.
    Parameters,
    /// The code that new stacks read.
    Seed,
}

impl Beside {
    /// What an undo that failed was about; `None` where it was about a step.
    pub(crate) fn of(failure: &Failure) -> Option<Self> {
        match failure.phase.as_str() {
            "parameters" => Some(Self::Parameters),
            "seed" => Some(Self::Seed),
            _ => None,
        }
    }

    const fn what(self) -> &'static str {
        match self {
            Self::Parameters => "the parameters that other stacks read could not be put back",
            Self::Seed => "the code that was put there for new stacks could not be taken away",
        }
    }

    /// What is to be done about it.
    pub(crate) const fn todo(self) -> &'static str {
        match self {
            Self::Parameters => {
                "Mend what kept the parameters from being put back: the next deployment that changes something writes all of \
                 them anew."
            }
            Self::Seed => {
                "The code may stay: nothing reads it before the stacks are created, and the next release takes its place."
            }
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
            "before": {"task_definition": format!("arn:aws:ecs:us-east-1:1:task-definition/{name}:7"), "deployment_configuration": {"maximumPercent": 150}, "serving": true, "images": {}},
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
        let image = |tag: Option<&str>| json!({"kind": "image", "repository": "r", "digest": "sha256:ab", "tag": tag, "pushed_at": "2026-11-20T10:00:00Z"});
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
            "Fix what is named above, then deploy it again: lockstep deploy production --image api/api=sha256:ab --image web/web=v2"
        );
    }

    #[test]
    fn a_reason_ends_with_one_mark() {
        assert_eq!(super::sentence("exit code 1"), "exit code 1.");
        assert_eq!(super::sentence("no such tag."), "no such tag.");
        assert_eq!(
            super::sentence("did you mean `web`?"),
            "did you mean `web`?"
        );
        assert_eq!(
            super::lead("2 checks failed\n- a\n- b"),
            "2 checks failed\n- a\n- b\n"
        );
    }

    #[test]
    fn what_could_not_be_put_back_is_told_once_with_what_is_live_and_the_command() {
        let release = json!({"manifest_version": 1, "artifacts": {}});
        let plan: Plan =
            serde_json::from_value(json!({"release": release, "steps": [step(0, "web")]})).unwrap();
        let record = json!({
            "id": "01JD5Q6Z8G0000000000000000", "application": "quiz", "environment": "production",
            "execution": {"name": "x", "arn": "arn", "started_at": "2026-11-20T10:00:00Z"},
            "source": {"kind": "manual", "by": "me"}, "manifest_version": 1, "requested": {},
        });
        let failure = |phase: &str, error: &str, cause: &str| Failure {
            phase: phase.into(),
            step: None,
            error: error.into(),
            cause: cause.into(),
        };
        let refused = failure("service", "Rejected", "service quiz/web: not authorized");
        let outcome = Outcome {
            failure: Some(failure("verify", "Unhealthy", "answered 503")),
            planned: true,
            unwound: true,
            undo: vec![StepUndo {
                step: 0,
                summary: None,
                failure: Some(refused),
            }],
            not_restored: Some(failure(
                "verify",
                "Unhealthy",
                "service quiz/web: it still runs web:8",
            )),
            ..Outcome::default()
        };
        let record = serde_json::from_value(record).unwrap();
        let conclusion = conclude(&record, Some(&plan), &outcome, Timestamp::UNIX_EPOCH);
        assert_eq!(
            conclusion.message,
            "answered 503. Rolling back failed too: service quiz/web should be on web:7 (v1) again, but: not authorized. \
             Live now: service quiz/web: it still runs web:8."
        );
        assert_eq!(
            conclusion.next_steps,
            [
                "Look now: lockstep show 01JD5Q6Z8G0000000000000000",
                "Put service quiz/web back by hand: aws ecs update-service --cluster quiz --service web --task-definition \
                 web:7 --deployment-configuration '{\"maximumPercent\":150}'",
            ]
        );
    }

    #[test]
    fn a_stack_says_what_it_is_on_again_or_why_it_is_not() {
        let stack = |number: u32, name: &str, more: serde_json::Value| {
            let mut change = json!({
                "phase": "stack", "deployment": "d", "application": "quiz", "environment": "production", "component": name,
                "stack": name, "template": {"url": "u", "sha256": "ab", "size": 1}, "deadline_seconds": 60,
                "parameters": {"Note": {"text": "new"}, "Size": "previous"},
            });
            for (name, value) in more.as_object().unwrap() {
                change[name] = value.clone();
            }
            let before = if change.get("before").is_some() {
                "template cd"
            } else {
                "nothing"
            };
            json!({"number": number, "target": format!("stack {name}"), "before": before, "after": "template ab", "change": change})
        };
        let was = json!({"before": {
            "id": "arn", "template": {"url": "u", "sha256": "cd", "size": 1},
            "parameters": {"Note": "old", "Size": "3", "Gone": "1"},
        }});
        let release = json!({"manifest_version": 1, "artifacts": {}});
        let steps = json!([
            stack(0, "net", was.clone()),
            stack(1, "data", was),
            stack(2, "app", json!({}))
        ]);
        let plan: Plan =
            serde_json::from_value(json!({"release": release, "steps": steps})).unwrap();
        let rolled = undone(0, "CloudFormation rolled it back to what it was");
        let mut outcome = Outcome {
            planned: true,
            unwound: true,
            undo: vec![
                undone(2, "there is no such stack, as before"),
                undone(1, "updated back to what it was"),
                rolled,
            ],
            ..Outcome::default()
        };
        let app = "stack app: there is no such stack, as before";
        assert_eq!(
            super::put_back(&plan.steps, &outcome),
            format!(
                "stack net on template cd, Gone 1, Note old (CloudFormation rolled it back to what it was); \
                 stack data on template cd, Gone 1, Note old (updated back to what it was); {app}"
            )
        );
        outcome.undo[1] = StepUndo {
            step: 1,
            summary: None,
            failure: Some(Failure {
                phase: "infrastructure".into(),
                step: Some(1),
                error: "Rejected".into(),
                cause: "stack data: going back would destroy data".into(),
            }),
        };
        assert_eq!(
            super::left_over(&plan.steps, &outcome),
            format!(
                "Rolling back failed too: stack data should be on template cd again, but: going back would destroy data. \
                 Put back: stack net on template cd, Gone 1, Note old (CloudFormation rolled it back to what it was); {app}."
            )
        );
    }

    #[test]
    fn what_goes_with_the_deployment_as_a_whole_is_told_by_itself() {
        let release = json!({"manifest_version": 1, "artifacts": {}});
        let plan = json!({"release": release, "steps": [step(0, "web")]});
        let plan: Plan = serde_json::from_value(plan).unwrap();
        let failed = |phase: &str| StepUndo {
            step: 0,
            summary: None,
            failure: Some(Failure {
                phase: phase.into(),
                step: None,
                error: "Rejected".into(),
                cause: "not authorized".into(),
            }),
        };
        let record = json!({
            "id": "01JD5Q6Z8G0000000000000000", "application": "quiz", "environment": "production",
            "execution": {"name": "x", "arn": "arn", "started_at": "2026-11-20T10:00:00Z"},
            "source": {"kind": "manual", "by": "me"}, "manifest_version": 1, "requested": {},
        });
        let record = serde_json::from_value(record).unwrap();
        let outcome = Outcome {
            failure: failed("verify").failure,
            planned: true,
            unwound: true,
            undo: vec![
                undone(0, "web runs again"),
                failed("parameters"),
                failed("seed"),
            ],
            ..Outcome::default()
        };
        let conclusion = conclude(&record, Some(&plan), &outcome, Timestamp::UNIX_EPOCH);
        assert_eq!(conclusion.verdict, Verdict::FailedDirty);
        assert_eq!(
            conclusion.message,
            "not authorized. Rolling back failed too: the parameters that other stacks read could not be put back: not \
             authorized; the code that was put there for new stacks could not be taken away: not authorized."
        );
        // The step itself was put back: nothing is to be done about it by hand.
        let next: Vec<_> = conclusion.next_steps[1..]
            .iter()
            .map(|it| &it[..9])
            .collect();
        assert_eq!(next, ["Mend what", "The code "]);
    }

    #[test]
    fn gates_are_told_by_what_they_came_to_and_are_nothing_that_is_live() {
        let gate = |number: u32, when: &str| {
            let change = json!({
                "phase": format!("gate-{when}"), "deployment": "01JD5Q6Z8G0000000000000000", "component": "unit",
                "when": when, "project": "quiz-tests", "variables": {}, "timeout_minutes": 20,
            });
            json!({"number": number, "target": "gate unit", "before": "x", "after": "y", "change": change})
        };
        let release = json!({"manifest_version": 1, "artifacts": {}});
        let plan = json!({"release": release, "steps": [gate(0, "before"), step(1, "web"), gate(2, "after")]});
        let plan: Plan = serde_json::from_value(plan).unwrap();
        let record = json!({
            "id": "01JD5Q6Z8G0000000000000000", "application": "quiz", "environment": "production",
            "execution": {"name": "x", "arn": "arn", "started_at": "2026-11-20T10:00:00Z"},
            "source": {"kind": "manual", "by": "me"}, "manifest_version": 1, "requested": {},
        });
        let record = serde_json::from_value(record).unwrap();
        let told = |outcome: &Outcome| {
            let now = Timestamp::UNIX_EPOCH;
            conclude(&record, Some(&plan), outcome, now).message
        };
        let passed = Outcome {
            planned: true,
            gates: vec!["Gate unit passed (https://build)".into()],
            ..Outcome::default()
        };
        assert_eq!(
            told(&passed),
            "Live and verified: service quiz/web on v2. Gate unit passed (https://build)."
        );
        let failure = |phase: &str, error: &str| Failure {
            phase: phase.into(),
            step: Some(0),
            error: error.into(),
            cause: "gate unit: the build failed".into(),
        };
        let refused = Outcome {
            failure: Some(failure("gate-before", "Rejected")),
            planned: true,
            ..Outcome::default()
        };
        assert_eq!(refused.verdict(), Verdict::Rejected);
        assert_eq!(
            told(&refused),
            "gate unit: the build failed. Nothing was changed."
        );
        let put_back = Outcome {
            failure: Some(failure("gate-after", "Unhealthy")),
            planned: true,
            unwound: true,
            undo: vec![undone(2, "it was not asked"), undone(1, "web:7 (v1) again")],
            ..Outcome::default()
        };
        assert_eq!(
            told(&put_back),
            "gate unit: the build failed. Put back and verified: service quiz/web on web:7 (v1)."
        );
    }

    #[test]
    fn what_became_of_the_images_of_a_commit_is_told() {
        let plan =
            json!({"release": {"manifest_version": 1, "artifacts": {}}, "steps": [step(0, "web")]});
        let plan: Plan = serde_json::from_value(plan).unwrap();
        let built =
            |note: &str| json!({"repository": "quiz/web", "commit": "3f2a9c1", "note": note});
        let record = json!({
            "id": "01JD5Q6Z8G0000000000000000", "application": "quiz", "environment": "production",
            "execution": {"name": "x", "arn": "arn", "started_at": "2026-11-20T10:00:00Z"},
            "source": {"kind": "manual", "by": "me"}, "manifest_version": 1, "requested": {},
            "builds": {"a": built("was built (https://build)"), "b": built("")},
        });
        let record = serde_json::from_value(record).unwrap();
        let outcome = Outcome {
            planned: true,
            ..Outcome::default()
        };
        let conclusion = conclude(&record, Some(&plan), &outcome, Timestamp::UNIX_EPOCH);
        assert_eq!(
            conclusion.message,
            "Live and verified: service quiz/web on v2. Image quiz/web:3f2a9c1 was built (https://build)."
        );
    }

    #[test]
    fn who_stopped_a_deployment_is_told() {
        let record = json!({
            "id": "01JD5Q6Z8G0000000000000000", "application": "quiz", "environment": "production",
            "execution": {"name": "x", "arn": "arn", "started_at": "2026-11-20T10:00:00Z"},
            "source": {"kind": "manual", "by": "me"}, "manifest_version": 1, "requested": {},
        });
        let record = serde_json::from_value(record).unwrap();
        let told = |cause: &str| {
            let failure = Failure {
                phase: "execution".into(),
                step: None,
                error: "ABORTED".into(),
                cause: cause.into(),
            };
            let words = super::cause_text(&failure);
            let outcome = Outcome {
                failure: Some(failure),
                ..Outcome::default()
            };
            let conclusion = conclude(&record, None, &outcome, Timestamp::UNIX_EPOCH);
            assert_eq!(conclusion.verdict, Verdict::Stopped);
            (words, conclusion.message)
        };
        let (words, message) = told("stopped by ann: the wrong release");
        assert_eq!(
            words,
            "The execution was stopped before it concluded: stopped by ann: the wrong release"
        );
        assert_eq!(
            message,
            "Stopped by ann: the wrong release. Nothing was changed."
        );
        let (words, message) = told("");
        assert_eq!(words, "The execution was stopped before it concluded");
        assert_eq!(message, "Stopped by a person. Nothing was changed.");
        let (_, message) = told("oh no!");
        assert_eq!(message, "Stopped by a person: oh no! Nothing was changed.");
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
            ..Outcome::default()
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
