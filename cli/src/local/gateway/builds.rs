//! What CodeBuild announces: the status of every build. And, for tests, builds that fail.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::events::Event;

/// A build that ends in another way than its commands say, or takes its time.
#[derive(Debug, Clone, PartialEq)]
pub struct BuildFault {
    build: String,
    moment: &'static str,
    status: String,
    pause: Duration,
    skip: usize,
    times: usize,
}

impl BuildFault {
    /// The builds whose variable `LOCKSTEP_BUILD` contains this text, before their first command.
    pub fn before(build: &str) -> Self {
        Self {
            build: build.to_owned(),
            moment: "before",
            status: String::new(),
            pause: Duration::ZERO,
            skip: 0,
            times: usize::MAX >> 1,
        }
    }

    /// The same, after their last command.
    pub fn after(build: &str) -> Self {
        Self {
            moment: "after",
            ..Self::before(build)
        }
    }

    /// It ends with this status: `FAILED`, `FAULT`, `TIMED_OUT`, `STOPPED`.
    #[must_use]
    pub fn ends(self, status: &str) -> Self {
        Self {
            status: status.to_owned(),
            ..self
        }
    }

    /// It takes so long first, or until the faults are set anew.
    #[must_use]
    pub fn takes(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    /// The first so many builds are as usual.
    #[must_use]
    pub fn skip(self, skip: usize) -> Self {
        Self { skip, ..self }
    }

    /// At most so many builds.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    pub(super) fn rule(&self) -> Value {
        json!({
            "build": self.build, "moment": self.moment, "status": self.status, "seconds": self.pause.as_secs_f64(),
            "skip": self.skip, "times": self.times,
        })
    }
}

/// The statuses of builds that were announced.
#[derive(Debug, Default)]
pub(super) struct Seen {
    statuses: HashMap<String, String>,
}

impl Seen {
    /// Takes in how the builds are and returns what CodeBuild would have announced since the
    /// last time.
    pub(super) fn update(&mut self, state: &Value) -> Vec<Event> {
        let builds = state["builds"].as_array().into_iter().flatten();
        builds.filter_map(|build| self.event(build)).collect()
    }

    /// Whether a build is at work, so that there will be more to see soon.
    pub(super) fn is_busy(&self) -> bool {
        self.statuses.values().any(|status| status == "IN_PROGRESS")
    }

    fn event(&mut self, build: &Value) -> Option<Event> {
        let arn = build["arn"].as_str()?;
        let status = build["buildStatus"].as_str()?;
        let known = self.statuses.insert(arn.to_owned(), status.to_owned());
        if known.is_some_and(|known| known == status) {
            return None;
        }
        let logs = &build["logs"];
        let detail = json!({
            "build-status": status,
            "project-name": build["projectName"],
            "build-id": arn,
            "current-phase": build["currentPhase"],
            "current-phase-context": "[]",
            "version": "1",
            "additional-information": {
                "build-complete": status != "IN_PROGRESS",
                "logs": {
                    "group-name": logs["groupName"],
                    "stream-name": logs["streamName"],
                    "deep-link": logs["deepLink"],
                },
            },
        });
        Some(Event {
            source: "aws.codebuild".into(),
            detail_type: "CodeBuild Build State Change".into(),
            resources: vec![arn.to_owned()],
            detail,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(status: &str) -> Value {
        json!({"builds": [{
            "id": "shop:1", "arn": "arn:aws:codebuild:us-east-1:0:build/shop:1", "projectName": "shop",
            "buildStatus": status, "currentPhase": "BUILD", "logs": {"groupName": "g", "streamName": "s", "deepLink": "l"},
        }]})
    }

    #[test]
    fn every_status_is_announced_once() {
        let mut seen = Seen::default();
        assert_eq!(seen.update(&state("IN_PROGRESS")).len(), 1);
        assert!(seen.update(&state("IN_PROGRESS")).is_empty() && seen.is_busy());
        let events = seen.update(&state("FAILED"));
        assert!(!seen.is_busy());
        assert_eq!(events[0].detail_type, "CodeBuild Build State Change");
        assert_eq!(events[0].detail["build-status"], "FAILED");
        assert_eq!(events[0].detail["project-name"], "shop");
        assert_eq!(
            events[0].detail["additional-information"]["build-complete"],
            true
        );
        assert!(seen.update(&state("FAILED")).is_empty());
    }

    #[test]
    fn a_fault_says_what_it_hits() {
        let fault = BuildFault::after("-apply-platform")
            .ends("FAULT")
            .takes(Duration::from_millis(500))
            .skip(1)
            .times(2);
        assert_eq!(
            fault.rule(),
            json!({
                "build": "-apply-platform", "moment": "after", "status": "FAULT", "seconds": 0.5, "skip": 1, "times": 2,
            })
        );
    }
}
