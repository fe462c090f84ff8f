//! What a look at metrics and alarms means for a stage.

use jiff::Timestamp;

use super::ask;
use super::judge::{Judgement, Seen, judge};
use crate::PhaseError;
use crate::lambda::step::MANY;
use crate::manifest::{ResolvedTraffic, WhenQuiet};
use crate::question::Question;

/// The longest time between two looks, in seconds: CloudWatch counts by the minute.
pub(super) const INTERVAL: u32 = 60;

/// How many functions a message tells of.
const TOLD: usize = 3;

/// One function in a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// The function as people name it, such as `function shop-api:live`.
    pub resource: String,
    /// Its new version.
    pub version: String,
    /// What the new version did in this stage.
    pub seen: Seen,
    /// Where its log is: a link.
    pub logs: String,
}

/// One alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// Its name.
    pub name: String,
    /// What it says.
    pub state: AlarmState,
}

/// What an alarm says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlarmState {
    /// Nothing, or that it has too little data.
    Quiet,
    /// It is in the state ALARM, and why, in CloudWatch's words.
    Alarm(String),
    /// There is no such alarm.
    Missing,
}

/// All that was seen of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// When it was.
    pub at: Timestamp,
    /// The new version's share of the traffic, in percent.
    pub percent: u32,
    /// How long the stage has lasted, in seconds.
    pub elapsed_seconds: u64,
    /// The functions whose new versions have the share.
    pub functions: Vec<Watched>,
    /// The manifest's alarms.
    pub alarms: Vec<Alarm>,
    /// What a person was asked in this stage.
    pub question: Option<Question>,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Look again.
    Wait {
        /// After so many seconds, at least one.
        seconds: u32,
        /// What is waited for.
        note: String,
    },
    /// Ask a person, who has not been asked yet in this stage.
    Ask(Question),
    /// Go on to the next stage.
    Advance {
        /// Why, in one clause.
        note: String,
    },
    /// The new versions must not have more traffic, nor what they have.
    Fail(PhaseError),
}

/// Decides what comes next in a stage. Alarms and errors end it at once, and so does a person
/// who was asked and says stop; what is good, and what had too little traffic to say, is told
/// when the stage is over and CloudWatch has had its time to show the last of it.
pub fn decide(traffic: &ResolvedTraffic, look: &Look) -> Decision {
    if let Err(error) = alarms_are_quiet(&look.alarms) {
        return Decision::Fail(error);
    }
    let judged = |wanted: Judgement| {
        let of = move |it: &&Watched| judge(traffic, it.seen) == wanted;
        look.functions.iter().filter(of).collect::<Vec<_>>()
    };
    let bad = judged(Judgement::Bad);
    if !bad.is_empty() {
        return Decision::Fail(unhealthy(traffic, look, &bad));
    }
    if let Some(stopped) = ask::stopped(look) {
        return Decision::Fail(stopped);
    }
    let over = u64::from(traffic.stage_seconds) + u64::from(traffic.metrics_delay_seconds);
    if look.elapsed_seconds < over {
        let note = format!("{} % of the traffic on new versions", look.percent);
        return wait(traffic, look, over, &note);
    }
    let quiet = judged(Judgement::Inconclusive);
    if quiet.is_empty() {
        return Decision::Advance {
            note: format!("{} % of the traffic went well", look.percent),
        };
    }
    when_quiet(traffic, look, &quiet, over)
}

/// No alarm says that something is wrong. Asked before the first share is given, too: an alarm
/// that says so already could say nothing new.
pub fn alarms_are_quiet(alarms: &[Alarm]) -> Result<(), PhaseError> {
    for Alarm { name, state } in alarms {
        match state {
            AlarmState::Quiet => {}
            AlarmState::Alarm(reason) => {
                let reason = reason.trim_end_matches('.');
                return Err(PhaseError::Unhealthy {
                    signal: format!("alarm {name} is in the state ALARM: {reason}"),
                });
            }
            AlarmState::Missing => {
                return Err(PhaseError::Rejected {
                    resource: format!("alarm {name}"),
                    reason: "there is no such CloudWatch alarm in this account and region; \
                             create it, or take it out of `traffic.alarms` in lockstep.yaml and apply it"
                        .into(),
                });
            }
        }
    }
    Ok(())
}

fn when_quiet(traffic: &ResolvedTraffic, look: &Look, quiet: &[&Watched], over: u64) -> Decision {
    let few = too_few(traffic, look, quiet);
    let until = over + u64::from(traffic.quiet_seconds);
    match traffic.when_quiet {
        WhenQuiet::Proceed => Decision::Advance {
            note: format!("{few}; going on, as `when_quiet: proceed` says"),
        },
        WhenQuiet::Ask => ask::quiet(traffic, look, &few),
        WhenQuiet::Wait if look.elapsed_seconds < until => {
            wait(traffic, look, until, &format!("{few}; waiting for more"))
        }
        WhenQuiet::Wait | WhenQuiet::Stop => Decision::Fail(PhaseError::Rejected {
            resource: format!("traffic at {} %", look.percent),
            reason: format!(
                "{few}, {} after the stage began: too little to judge the release by, so it is not trusted with more; \
                 send it traffic, lower `minimum_invocations`, or write `when_quiet: proceed`",
                span(until)
            ),
        }),
    }
}

pub(super) fn span(seconds: u64) -> String {
    match seconds / 60 {
        0 => format!("{seconds} s"),
        minutes => format!("{minutes} min"),
    }
}

/// Looks come about ten to a stage, and further apart the longer one waits.
fn wait(traffic: &ResolvedTraffic, look: &Look, until: u64, note: &str) -> Decision {
    let paced = look.elapsed_seconds.max(u64::from(traffic.stage_seconds)) / 10;
    let left = until.saturating_sub(look.elapsed_seconds);
    let seconds = paced.min(left).clamp(1, u64::from(INTERVAL));
    Decision::Wait {
        seconds: u32::try_from(seconds).unwrap_or(INTERVAL),
        note: format!("{note}; {left} s left"),
    }
}

fn unhealthy(traffic: &ResolvedTraffic, look: &Look, bad: &[&Watched]) -> PhaseError {
    let told: Vec<_> = bad
        .iter()
        .take(TOLD)
        .map(|it| {
            format!(
                "{}: version {}: {}; logs: {}",
                it.resource,
                it.version,
                it.seen.words(),
                it.logs
            )
        })
        .collect();
    let more = match bad.len() - told.len() {
        0 => String::new(),
        more => format!("; and {more} more functions"),
    };
    PhaseError::Unhealthy {
        signal: format!(
            "{}{more} (with {} % of the traffic; at most {} % may fail)",
            told.join("; "),
            look.percent,
            traffic.maximum_error_percent
        ),
    }
}

fn too_few(traffic: &ResolvedTraffic, look: &Look, quiet: &[&Watched]) -> String {
    let minimum = traffic.minimum_invocations;
    match quiet {
        few if few.len() < MANY => {
            let told = few.iter().map(|it| {
                let invocations = it.seen.invocations;
                format!(
                    "{} had {invocations} of {minimum} invocations of version {}",
                    it.resource, it.version
                )
            });
            told.collect::<Vec<_>>().join("; ")
        }
        many => format!(
            "{} of {} functions had fewer than {minimum} invocations of their new version",
            many.len(),
            look.functions.len()
        ),
    }
}

#[cfg(test)]
pub(super) mod tests;
