//! Asking a person about a stage in which too few functions were called.

use jiff::SignedDuration;

use super::decide::{Decision, INTERVAL, Look, span};
use crate::PhaseError;
use crate::manifest::ResolvedTraffic;
use crate::question::{Choice, Question, time};

/// The shortest time between two looks while somebody is asked, in seconds.
const SHORTEST: u32 = 5;

/// The name of the question that is asked while new versions have so many percent.
pub fn question_of(percent: u32) -> String {
    format!("traffic-{percent}")
}

/// Why a stage ends whose question somebody answered with stop: whatever the numbers say by now,
/// that person was told that it would be put back.
pub(super) fn stopped(look: &Look) -> Option<PhaseError> {
    let answer = look.question.as_ref()?.answer.as_ref()?;
    (answer.choice == Choice::Stop).then(|| PhaseError::Stopped {
        at: format!("{} % of the traffic", look.percent),
        by: answer.by.clone(),
        reason: answer.reason.clone(),
    })
}

/// What comes next in a stage that had too little traffic: `few` says how little.
pub(super) fn quiet(traffic: &ResolvedTraffic, look: &Look, few: &str) -> Decision {
    let Some(question) = &look.question else {
        return Decision::Ask(asked(traffic, look, few));
    };
    if let Some(answer) = &question.answer {
        let note = format!("{few}; {}", answer.words());
        return Decision::Advance { note };
    }
    match &question.withdrawn {
        // An earlier look saw enough, and may have gone on already; its answer was lost.
        Some(withdrawn) => match &withdrawn.failure {
            None => Decision::Advance {
                note: withdrawn.words(),
            },
            Some(failure) => Decision::Fail(failure.clone()),
        },
        None if look.at < question.ends_at => wait(look, question, few),
        None => Decision::Fail(unanswered(look, question, few)),
    }
}

fn asked(traffic: &ResolvedTraffic, look: &Look, few: &str) -> Question {
    let percent = look.percent;
    let over = u64::from(traffic.stage_seconds) + u64::from(traffic.metrics_delay_seconds);
    let next = traffic.stages().into_iter().find(|it| *it > percent);
    let next = next.map_or_else(
        || "all of the traffic".to_owned(),
        |next| format!("{next} % of the traffic"),
    );
    Question {
        what: question_of(percent),
        text: format!(
            "{few}, {} after the stage began: too little to judge the release by. Shall the new versions have {next}?",
            span(over)
        ),
        live: format!(
            "{percent} % of the traffic is on the new versions, {} % on what served before",
            100_u32.saturating_sub(percent)
        ),
        fence: 0,
        asked_at: look.at,
        ends_at: look.at + SignedDuration::from_secs(i64::from(traffic.quiet_seconds)),
        answer: None,
        withdrawn: None,
    }
}

/// A person who answers at once does not wait long for it to be seen; after a while looks come
/// once a minute, which keeps twelve hours of them within the execution's history.
fn wait(look: &Look, question: &Question, few: &str) -> Decision {
    let seconds = |span: SignedDuration| u32::try_from(span.as_secs()).unwrap_or_default();
    let asked_for = seconds(look.at.duration_since(question.asked_at));
    let left = seconds(question.ends_at.duration_since(look.at));
    let paced = (asked_for / 10).clamp(SHORTEST, INTERVAL);
    Decision::Wait {
        seconds: paced.min(left).max(1),
        note: format!(
            "{few}; asked whether to go on, until {}; {left} s left",
            question.until()
        ),
    }
}

fn unanswered(look: &Look, question: &Question, few: &str) -> PhaseError {
    PhaseError::Rejected {
        resource: format!("traffic at {} %", look.percent),
        reason: format!(
            "{few}; nobody answered whether to go on between {} and {}: too little to judge the release by, so it is \
             not trusted with more; send it traffic, lower `minimum_invocations`, or answer in time",
            time(question.asked_at),
            question.until()
        ),
    }
}

#[cfg(test)]
mod tests;
