//! A deployment under way, and its end.

use jiff::Timestamp;
use serde::Serialize;

use super::Report;
use super::duration::{clock, seconds, words};
use super::question::ShownQuestion;
use crate::watch::timeline::PhaseSpan;
use crate::watch::{Ending, Look};

/// One line of `lockstep watch --json` while the deployment runs. A new one is printed
/// whenever `phase` or `waits_for` changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    event: &'static str,
    deployment: Option<String>,
    at: Timestamp,
    phase: Option<&'static str>,
    phase_seconds: f64,
    seconds: f64,
    waits_for: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    question: Option<ShownQuestion>,
    recovering: bool,
}

impl Line {
    /// The line for one look.
    pub fn of(look: &Look) -> Self {
        let phase = look.current();
        let since = |start: Option<Timestamp>| start.map_or(0.0, |start| seconds(start, look.at));
        Self {
            event: "progress",
            deployment: look
                .record
                .as_ref()
                .map(|record| record.deployment.id.to_string()),
            at: look.at,
            phase: phase.map(|phase| phase.phase),
            phase_seconds: since(phase.map(|phase| phase.started_at)),
            seconds: since(look.started_at()),
            waits_for: look.waits_for.clone(),
            question: question(look),
            recovering: look.recovering,
        }
    }
}

/// One look in one line: time since the start, phase, what it waits for.
pub fn line(look: &Look) -> String {
    let elapsed = look
        .started_at()
        .map_or_else(String::new, |start| clock(look.at.duration_since(start)));
    let phase = look.current().map_or("", |phase| phase.phase);
    format!("{elapsed:>6}  {phase:<15}  {}", waits_for(look))
        .trim_end()
        .to_owned()
}

/// What a look's deployment asks.
pub fn question(look: &Look) -> Option<ShownQuestion> {
    let (record, question) = (look.record.as_ref()?, look.question.as_ref()?);
    Some(ShownQuestion::of(&record.deployment.id, question, look.at))
}

/// What a look's phase waits for. A recovery says that it is one.
pub fn waits_for(look: &Look) -> String {
    if look.recovering {
        format!(
            "(recovery after the execution was stopped) {}",
            look.waits_for
        )
    } else {
        look.waits_for.clone()
    }
}

/// A phase that is over, in one line.
pub fn finished_phase(phase: &PhaseSpan) -> String {
    let took = phase
        .finished_at
        .map(|end| words(end.duration_since(phase.started_at)));
    format!(
        "\u{2713} {:<15} {:>8}  {}",
        phase.phase,
        took.unwrap_or_default(),
        phase.note
    )
    .trim_end()
    .to_owned()
}

/// The last line of `lockstep watch` and `lockstep deploy`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct End {
    event: &'static str,
    deployment: Option<String>,
    application: Option<String>,
    environment: Option<String>,
    /// A verdict, or `IGNORED`, `NEVER_BEGAN`, `ABANDONED`.
    outcome: String,
    message: String,
    next_steps: Vec<String>,
    seconds: Option<f64>,
}

impl End {
    /// The end of a watched deployment.
    pub fn of(look: &Look, ending: &Ending) -> Self {
        let deployment = look.record.as_ref().map(|record| &record.deployment);
        let (outcome, message, next_steps) = told(ending);
        let ended_at = match ending {
            Ending::Verdict { conclusion, .. } => conclusion.concluded_at,
            _ => look.timeline.ended_at.unwrap_or(look.at),
        };
        Self {
            event: "ended",
            deployment: deployment.map(|it| it.id.to_string()),
            application: deployment.map(|it| it.application.clone()),
            environment: deployment.map(|it| it.environment.clone()),
            outcome,
            message,
            next_steps,
            seconds: look.started_at().map(|start| seconds(start, ended_at)),
        }
    }
}

impl Report for End {
    fn text(&self) -> String {
        let took = self
            .seconds
            .and_then(|seconds| jiff::SignedDuration::try_from_secs_f64(seconds).ok());
        let took = took.map_or_else(String::new, |took| format!(" after {}", words(took)));
        let mut text = format!("{}{took}: {}", self.outcome, self.message);
        for step in &self.next_steps {
            text.push_str("\n  next: ");
            text.push_str(step);
        }
        text
    }
}

fn told(ending: &Ending) -> (String, String, Vec<String>) {
    match ending {
        Ending::Verdict { conclusion, .. } => (
            conclusion.verdict.to_string(),
            conclusion.message.clone(),
            conclusion.next_steps.clone(),
        ),
        Ending::Ignored { reason } => (
            "IGNORED".into(),
            format!("nothing was deployed: {reason}"),
            Vec::new(),
        ),
        Ending::NeverBegan { reason } => (
            "NEVER_BEGAN".into(),
            format!("nothing was changed: {reason}"),
            Vec::new(),
        ),
        Ending::Abandoned { status } => (
            "ABANDONED".into(),
            format!(
                "the execution ended as {status} without a verdict, and no recovery began; the environment may be half deployed and its lock held"
            ),
            vec![
                "Look at the watchdog function's log, and at the environment: lockstep status"
                    .into(),
            ],
        ),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::{End, Line, line};
    use crate::view::Report;
    use crate::view::history::tests::{conclusion, record};
    use crate::watch::timeline::{PhaseSpan, Timeline};
    use crate::watch::{Ending, Look};

    fn look(waits_for: &str) -> Look {
        let record = record(None);
        let started_at = record.execution.started_at;
        let at = |seconds| started_at + SignedDuration::from_secs(seconds);
        let phase = PhaseSpan {
            phase: "rollout",
            started_at: at(2),
            finished_at: None,
            note: String::new(),
        };
        Look {
            at: at(75),
            record: Some(record),
            phases: vec![phase.clone()],
            messages: Vec::new(),
            waits_for: waits_for.into(),
            question: None,
            timeline: Timeline {
                phases: vec![phase],
                ..Timeline::default()
            },
            recovering: false,
        }
    }

    #[test]
    fn a_line_says_since_when_where_and_what_for() {
        insta::assert_snapshot!(line(&look("service hello/web: 1 of 2 tasks running")));
    }

    #[test]
    fn a_recovery_says_so() {
        let look = Look {
            recovering: true,
            ..look("service hello/web")
        };
        assert!(line(&look).contains("recovery"));
    }

    #[test]
    fn programs_get_the_line_in_fields() {
        insta::assert_json_snapshot!(Line::of(&look("service hello/web: 1 of 2 tasks running")));
    }

    #[test]
    fn the_end_says_verdict_time_reason_and_next_step() {
        let conclusion = conclusion();
        let record = Box::new(record(Some(conclusion.clone())));
        let ending = Ending::Verdict { record, conclusion };
        insta::assert_snapshot!(End::of(&look(""), &ending).text());
    }

    #[test]
    fn an_abandoned_deployment_names_the_danger() {
        let end = End::of(&look(""), &Ending::Abandoned { status: "ABORTED" });
        assert!(end.text().contains("lock held"));
    }
}
