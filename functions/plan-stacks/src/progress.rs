//! What one look leaves for the next, and how long a look may take.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How long one invocation begins anything new. One stack takes a few calls, which are answered
/// within the rest of the function's 25 seconds.
const BUDGET: Duration = Duration::from_secs(12);

/// What one look leaves for the next. What was found out is asked for again, but for stacks that
/// stay as they are: they would get a change set, which says that it is empty, at every look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// When the stacks were first looked at.
    pub(crate) since: Timestamp,
    /// The stacks of which nothing is to be changed, by the manifest's name for them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) unchanged: BTreeSet<String>,
}

impl Progress {
    pub(crate) const fn begin(now: Timestamp) -> Self {
        Self {
            since: now,
            unchanged: BTreeSet::new(),
        }
    }

    /// How many seconds to wait for the next look: few at first, because most change sets are
    /// made in seconds; more with time, because an execution has room for so many looks only.
    pub(crate) fn pause(&self, now: Timestamp) -> i64 {
        (now.duration_since(self.since).as_secs() / 10).clamp(2, 30)
    }

    /// Whether it was waited for longer than so many seconds.
    pub(crate) fn is_over(&self, seconds: u64, now: Timestamp) -> bool {
        let limit = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        now.duration_since(self.since) >= limit
    }
}

/// The time of one invocation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget(Instant);

impl Budget {
    pub(crate) fn begin() -> Self {
        Self(Instant::now())
    }

    /// Whether nothing new is to be begun.
    pub(crate) fn is_used_up(self) -> bool {
        self.0.elapsed() > BUDGET
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use jiff::Timestamp;

    use super::Progress;

    #[test]
    fn waiting_ends_with_the_time_of_the_stack() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let progress = Progress::begin(at("2026-11-21T10:00:00Z"));
        assert!(!progress.is_over(60, at("2026-11-21T10:00:59Z")));
        assert!(progress.is_over(60, at("2026-11-21T10:01:00Z")));
        assert_eq!(progress.pause(at("2026-11-21T10:00:01Z")), 2);
        assert_eq!(progress.pause(at("2026-11-21T10:02:00Z")), 12);
        assert_eq!(progress.pause(at("2026-11-21T11:00:00Z")), 30);
    }
}
