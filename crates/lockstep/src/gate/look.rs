//! What a look at a gate's build means.

use std::time::Duration;

use jiff::Timestamp;

use super::step::GateStep;
use crate::PhaseError;
use crate::build::{Build, BuildStatus};

/// A gate's build, as it is seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateBuild {
    /// The build. Its link is the console's page of it.
    pub build: Build,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The console's pages of its test reports.
    pub reports: Vec<String>,
}

/// What to do about a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is at work.
    Wait {
        /// What is waited for.
        note: String,
    },
    /// Its time is over: it is to be stopped.
    Stop,
    /// It passed.
    Passed {
        /// Where to see it.
        summary: String,
    },
}

/// What a look at a gate's build means.
///
/// # Errors
/// Why it did not pass.
pub fn decide(step: &GateStep, seen: &GateBuild, now: Timestamp) -> Result<Decision, PhaseError> {
    match look(seen, step.timeout(), now) {
        Look::Wait { note } => Ok(Decision::Wait { note }),
        Look::Stop => Ok(Decision::Stop),
        Look::Succeeded => Ok(Decision::Passed {
            summary: step.passed(seen),
        }),
        Look::Failed { late } => Err(step.failure(seen, late)),
    }
}

/// How a build is that may take so long.
pub(crate) enum Look {
    /// It is at work.
    Wait { note: String },
    /// It still is, and its time is over.
    Stop,
    /// It did what it should.
    Succeeded,
    /// It did not, perhaps for want of time.
    Failed { late: bool },
}

/// Looks at a build.
pub(crate) fn look(seen: &GateBuild, timeout: Duration, now: Timestamp) -> Look {
    let build = &seen.build;
    let took = |until: Timestamp| {
        let since = build.started_at.unwrap_or(until);
        Duration::try_from(until.duration_since(since)).unwrap_or_default()
    };
    if build.has_succeeded() {
        return Look::Succeeded;
    }
    if !build.has_ended() {
        if took(now) >= timeout {
            return Look::Stop;
        }
        let phase = build.phase.to_lowercase().replace('_', " ");
        let note = format!(
            "the build {} is in its phase {phase} ({})",
            build.id, build.link
        );
        return Look::Wait { note };
    }
    // CodeBuild ends a build by its own clock, and not before five minutes.
    let late = match build.status {
        BuildStatus::TimedOut => true,
        BuildStatus::Stopped => seen.ended_at.is_some_and(|at| took(at) >= timeout),
        _ => false,
    };
    Look::Failed { late }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use jiff::Timestamp;

    use super::{Decision, GateBuild, decide};
    use crate::build::BuildStatus;
    use crate::gate::testing::{seen, step};
    use crate::manifest::GateTime;

    fn at(minute: u32) -> Timestamp {
        format!("2026-11-21T10:{minute:02}:00Z").parse().unwrap()
    }

    #[test]
    fn a_build_is_waited_for_until_its_time_is_over() {
        let gate = step(GateTime::Before);
        let running = seen(BuildStatus::InProgress);
        let note = "the build shop-tests:1 is in its phase build (https://build)".to_owned();
        assert_eq!(decide(&gate, &running, at(19)), Ok(Decision::Wait { note }));
        assert_eq!(decide(&gate, &running, at(20)), Ok(Decision::Stop));
    }

    #[test]
    fn a_build_that_was_stopped_in_time_was_not_late() {
        let gate = step(GateTime::After);
        let mut stopped = seen(BuildStatus::Stopped);
        let name = |seen: &GateBuild| decide(&gate, seen, at(30)).unwrap_err().name();
        assert_eq!(name(&stopped), "Rejected");
        stopped.ended_at = Some(at(20));
        assert_eq!(name(&stopped), "DeadlineExceeded");
        let told = decide(&gate, &stopped, at(30)).unwrap_err().to_string();
        assert!(
            told.ends_with("; it did not finish within 20 min"),
            "{told}"
        );
        assert_eq!(name(&seen(BuildStatus::TimedOut)), "DeadlineExceeded");
        assert_eq!(name(&seen(BuildStatus::Failed)), "Unhealthy");
        assert_eq!(name(&seen(BuildStatus::Fault)), "Rejected");
    }
}
