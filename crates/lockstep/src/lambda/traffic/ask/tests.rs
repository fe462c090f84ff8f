#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

use jiff::{SignedDuration, Timestamp};

use crate::PhaseError;
use crate::lambda::traffic::decide::tests::{look, told, traffic};
use crate::lambda::traffic::{Decision, Look, decide};
use crate::manifest::{ResolvedTraffic, Strategy, WhenQuiet};
use crate::question::{Answer, Choice, Question, Withdrawn};

const FEW: &str = "function shop-b:live had 49 of 50 invocations of version 7";
const QUIET: [(u64, u64); 2] = [(100, 0), (49, 0)];

/// The question that is asked when the stage is over.
fn asked() -> Question {
    match decide(&traffic(WhenQuiet::Ask), &look(660, &QUIET)) {
        Decision::Ask(question) => question,
        other => panic!("{other:?}"),
    }
}

fn at(elapsed: u64, seen: &[(u64, u64)], question: Question) -> String {
    let look = Look {
        question: Some(question),
        ..look(elapsed, seen)
    };
    told(&traffic(WhenQuiet::Ask), &look)
}

fn answered(choice: Choice) -> Question {
    let answer = Answer {
        choice,
        by: "ann".into(),
        reason: Some("it is night".into()),
        at: Timestamp::UNIX_EPOCH,
    };
    Question {
        answer: Some(answer),
        ..asked()
    }
}

#[test]
fn a_quiet_stage_is_asked_about_when_it_is_over() {
    let before = told(&traffic(WhenQuiet::Ask), &look(659, &QUIET));
    assert!(before.starts_with("wait"), "{before}");
    let question = asked();
    assert_eq!(
        (question.what.as_str(), question.text.as_str()),
        (
            "traffic-10",
            format!(
                "{FEW}, 11 min after the stage began: too little to judge the release by. \
                 Shall the new versions have all of the traffic?"
            )
            .as_str()
        )
    );
    assert_eq!(
        question.live,
        "10 % of the traffic is on the new versions, 90 % on what served before"
    );
    let lasts = question.ends_at.duration_since(question.asked_at);
    assert_eq!(lasts, SignedDuration::from_secs(1200));
}

#[test]
fn each_stage_has_a_question_of_its_own() {
    let linear = ResolvedTraffic {
        strategy: Strategy::Linear,
        percent: 40,
        ..traffic(WhenQuiet::Ask)
    };
    let at = |percent| {
        let look = Look {
            percent,
            ..look(660, &QUIET)
        };
        told(&linear, &look)
    };
    assert!(at(40).starts_with("ask traffic-40: "), "{}", at(40));
    assert!(at(40).ends_with("Shall the new versions have 80 % of the traffic?"));
    assert!(at(80).starts_with("ask traffic-80: "), "{}", at(80));
    assert!(at(80).ends_with("Shall the new versions have all of the traffic?"));
}

#[test]
fn looks_come_often_while_somebody_may_be_at_it_and_rarely_later() {
    for (elapsed, wanted) in [(660, 5), (690, 5), (760, 10), (1500, 60), (1858, 2)] {
        let told = at(elapsed, &QUIET, asked());
        let begins = format!("wait {wanted} s: {FEW}; asked whether to go on, until 00:31 UTC");
        assert!(told.starts_with(&begins), "{told}");
    }
}

#[test]
fn an_answer_decides() {
    assert_eq!(
        at(665, &QUIET, answered(Choice::Proceed)),
        format!("advance: {FEW}; ann said to go on: it is night")
    );
    assert_eq!(
        at(665, &QUIET, answered(Choice::Stop)),
        "Stopped: ann said to stop at 10 % of the traffic: it is night"
    );
}

#[test]
fn nobody_answers_and_it_is_put_back() {
    let told = at(1860, &QUIET, asked());
    let begins = format!(
        "Rejected: traffic at 10 %: {FEW}; nobody answered whether to go on between 00:11 UTC on 1 Jan and 00:31 UTC \
         on 1 Jan: too little"
    );
    assert!(told.starts_with(&begins), "{told}");
}

#[test]
fn enough_traffic_decides_before_anybody_does() {
    let enough = [(100, 0), (50, 0)];
    let advance = "advance: 10 % of the traffic went well";
    assert_eq!(at(700, &enough, asked()), advance);
    assert_eq!(at(700, &enough, answered(Choice::Proceed)), advance);
    // Whoever said stop was told that it would be put back.
    assert!(at(700, &enough, answered(Choice::Stop)).starts_with("Stopped: "));
    let failing = [(100, 90), (50, 0)];
    for question in [asked(), answered(Choice::Proceed), answered(Choice::Stop)] {
        let told = at(700, &failing, question);
        assert!(told.starts_with("Unhealthy: "), "{told}");
    }
}

#[test]
fn what_an_earlier_look_came_to_stands() {
    let withdrawn = |failure| Question {
        withdrawn: Some(Withdrawn {
            at: Timestamp::UNIX_EPOCH,
            failure,
        }),
        ..asked()
    };
    assert!(at(700, &QUIET, withdrawn(None)).starts_with("advance: "));
    let failure = PhaseError::Unhealthy {
        signal: "alarm x".into(),
    };
    assert_eq!(
        at(700, &QUIET, withdrawn(Some(failure))),
        "Unhealthy: alarm x"
    );
}

/// ADR 16 has the arithmetic. Nine events a look; the rest of an execution has 5,000.
#[test]
fn the_longest_questions_fit_into_an_executions_history() {
    let hours = 12 * 3600;
    for (percent, stages) in [(5, 19), (10, 9), (50, 1)] {
        for (stage_seconds, delay) in [(1, 300), (1, 0), (600, 300)] {
            let traffic = ResolvedTraffic {
                strategy: Strategy::Linear,
                percent,
                stage_seconds,
                metrics_delay_seconds: delay,
                quiet_seconds: hours / stages - stage_seconds - delay,
                ..traffic(WhenQuiet::Ask)
            };
            let looks = traffic
                .stages()
                .into_iter()
                .map(|percent| looks(&traffic, percent));
            let events = looks.sum::<u64>() * 9 + 5 * u64::from(stages);
            assert!(events < 20_000, "{stages} stages: {events} events");
        }
    }
}

/// How many looks a stage takes in which nobody answers.
fn looks(traffic: &ResolvedTraffic, percent: u32) -> u64 {
    let (mut elapsed, mut looks, mut question) = (0, 0, None);
    loop {
        let look = Look {
            percent,
            question: question.clone(),
            ..look(elapsed, &QUIET)
        };
        looks += 1;
        match decide(traffic, &look) {
            Decision::Wait { seconds, .. } => elapsed += u64::from(seconds),
            Decision::Ask(asked) => {
                looks -= 1;
                question = Some(asked);
            }
            Decision::Advance { .. } | Decision::Fail(_) => return looks,
        }
    }
}
