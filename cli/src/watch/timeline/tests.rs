use jiff::{SignedDuration, Timestamp};

use super::{Ended, Event, EventKind, PHASES, Timeline};

fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
}

fn timeline(story: &[(&str, &str)]) -> Timeline {
    let events = story.iter().zip(1_i64..).map(|((verb, state), id)| {
        let kind = match (*verb, state.split_once(' ')) {
            ("in", _) => EventKind::Entered {
                state: (*state).to_owned(),
            },
            ("out", Some((state, output))) => EventKind::Exited {
                state: state.to_owned(),
                output: output.to_owned(),
            },
            ("out", None) => EventKind::Exited {
                state: (*state).to_owned(),
                output: "{}".into(),
            },
            _ => EventKind::Ended(Ended {
                status: "FAILED",
                output: String::new(),
                error: (*state).into(),
                cause: "why".into(),
            }),
        };
        Event {
            id,
            at: at(id),
            kind,
        }
    });
    let mut timeline = Timeline::default();
    timeline.extend(events);
    timeline
}

fn told(timeline: &Timeline) -> Vec<String> {
    let span = |phase: &super::PhaseSpan| {
        let end = phase
            .finished_at
            .map_or("…".to_owned(), |end| end.as_second().to_string());
        format!(
            "{} {}-{end} {}",
            phase.phase,
            phase.started_at.as_second(),
            phase.note
        )
    };
    timeline.phases.iter().map(span).collect()
}

#[test]
fn states_that_repeat_are_one_phase_with_the_last_note() {
    let story = [
        ("in", "Rollout"),
        ("in", "Service"),
        ("out", "Service"),
        ("out", "Rollout"),
        ("in", "RolloutSettled"),
        ("in", "Verify"),
        (
            "out",
            r#"Verify {"status":"running","note":"attempt 1 of 10"}"#,
        ),
        ("in", "VerifyWait"),
        ("in", "Verify"),
        (
            "out",
            r#"Verify {"status":"running","note":"attempt 2 of 10"}"#,
        ),
    ];
    let timeline = timeline(&story);
    assert_eq!(
        told(&timeline),
        ["rollout 1-6 ", "verify 6-… attempt 2 of 10"]
    );
    assert_eq!(timeline.current().unwrap().phase, "verify");
}

#[test]
fn the_end_closes_the_last_phase_and_a_page_read_twice_changes_nothing() {
    let story = [
        ("in", "Trigger"),
        ("out", "Trigger"),
        ("in", "Notify"),
        ("out", r#"Notify {"id":"x"}"#),
        ("end", "REJECTED"),
    ];
    let mut timeline = timeline(&story);
    assert_eq!(told(&timeline), ["trigger 1-3 ", "notify 3-5 "]);
    assert_eq!(timeline.messages, [("Notify".to_owned(), at(4))]);
    assert_eq!(timeline.current(), None);
    let before = timeline.clone();
    timeline.extend([Event {
        id: 2,
        at: at(9),
        kind: EventKind::Entered {
            state: "Lock".into(),
        },
    }]);
    assert_eq!(timeline, before);
}

#[test]
fn a_message_that_was_not_sent_is_not_claimed() {
    let caught = r#"AnnounceStart {"Error":"Rejected","Cause":"no such topic"}"#;
    assert!(
        timeline(&[("in", "AnnounceStart"), ("out", caught)])
            .messages
            .is_empty()
    );
}

#[test]
fn every_state_named_here_exists() {
    let machine = include_str!("../../../../state-machine/deploy.asl.json");
    let states = PHASES
        .iter()
        .flat_map(|(_, states)| *states)
        .chain(&super::MESSAGES);
    for state in states {
        assert!(
            machine.contains(&format!("\"{state}\": {{")),
            "{state} is not in the state machine"
        );
    }
}
