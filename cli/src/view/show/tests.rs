use jiff::SignedDuration;
use lockstep::record::StepJournal;

use super::{Message, Shown, ShownStep};
use crate::view::Report;
use crate::view::history::tests::{conclusion, record, start};
use crate::view::question::ShownQuestion;
use crate::view::question::tests::question;
use crate::watch::timeline::PhaseSpan;

fn shown() -> Shown {
    let at = |seconds| start() + SignedDuration::from_secs(seconds);
    let phase = |phase, from, to, note: &str| PhaseSpan {
        phase,
        started_at: at(from),
        finished_at: Some(at(to)),
        note: note.into(),
    };
    let journal = StepJournal {
        started_at: Some(at(3)),
        finished_at: Some(at(40)),
        undo_started_at: Some(at(42)),
        undone_at: Some(at(60)),
        note: "serves hello-web:2 again".into(),
        failure: None,
    };
    Shown {
        record: record(Some(conclusion())),
        phases: vec![
            phase("trigger", 0, 1, ""),
            phase("rollout", 3, 40, ""),
            phase("undo", 42, 60, ""),
            phase("verify restored", 60, 93, "passed"),
            phase("conclude", 93, 95, ""),
        ],
        waits_for: String::new(),
        questions: Vec::new(),
        steps: vec![ShownStep {
            changes: Vec::new(),
            number: 0,
            target: "service hello/web".into(),
            before: "hello-web:2 (v2)".into(),
            after: "hello/web:v3 (4f4f4f4f4f4f)".into(),
            state: super::state(&journal, false),
            journal,
        }],
        messages: vec![
            Message {
                moment: "started",
                sent_at: at(3),
            },
            Message {
                moment: "rolling_back",
                sent_at: at(41),
            },
        ],
    }
}

#[test]
fn a_deployment_is_told_from_request_to_verdict() {
    insta::assert_snapshot!(shown().text());
}

#[test]
fn programs_get_the_same_in_fields() {
    insta::assert_json_snapshot!(shown());
}

#[test]
fn a_question_is_shown_with_its_commands() {
    let mut shown = shown();
    shown.record.conclusion = None;
    let id = shown.record.deployment.id.clone();
    shown.questions = vec![ShownQuestion::of(&id, &question(), start())];
    let text = shown.text();
    let command = "lockstep proceed 01JD5Q6Z8G0000000000000000 --question traffic-20";
    assert!(text.contains(command), "{text}");
}

#[test]
fn a_step_that_could_not_be_put_back_is_never_called_put_back() {
    let journal = StepJournal {
        undo_started_at: Some(start()),
        ..StepJournal::default()
    };
    assert_eq!(super::state(&journal, false), "putting back");
    assert_eq!(super::state(&journal, true), "not put back");
}

#[test]
fn a_running_deployment_says_what_it_waits_for() {
    let mut shown = shown();
    shown.record.conclusion = None;
    shown.waits_for = "service hello/web: 1 of 2 tasks running".into();
    shown.phases.truncate(2);
    shown.phases[1].finished_at = None;
    let text = shown.text();
    assert!(
        text.contains("running  service hello/web: 1 of 2 tasks running"),
        "{text}"
    );
    assert!(text.ends_with("It is still running."), "{text}");
}
