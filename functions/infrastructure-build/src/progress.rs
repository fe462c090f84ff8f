//! What one look leaves for the next.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How often builds are looked at, in seconds: a build takes a minute to begin at all, and the
/// account has a budget of calls.
const LEAST: i64 = 10;
const MOST: i64 = 30;

/// What one look leaves for the next. What was found out is asked for again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// When the infrastructure was first looked at.
    pub(crate) since: Timestamp,
}

impl Progress {
    pub(crate) const fn begin(now: Timestamp) -> Self {
        Self { since: now }
    }

    /// How many seconds to wait for the next look: more with time, because an execution has room
    /// for so many looks only.
    pub(crate) fn pause(&self, now: Timestamp) -> i64 {
        (now.duration_since(self.since).as_secs() / 10).clamp(LEAST, MOST)
    }

    /// Whether it was waited for longer than so many seconds.
    pub(crate) fn is_over(&self, seconds: u64, now: Timestamp) -> bool {
        let limit = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        now.duration_since(self.since) >= limit
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use jiff::Timestamp;

    use super::Progress;

    #[test]
    fn looks_become_rarer_and_waiting_ends() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let progress = Progress::begin(at("2026-11-21T10:00:00Z"));
        assert_eq!(progress.pause(at("2026-11-21T10:00:01Z")), 10);
        assert_eq!(progress.pause(at("2026-11-21T10:03:20Z")), 20);
        assert_eq!(progress.pause(at("2026-11-21T11:00:00Z")), 30);
        assert!(!progress.is_over(60, at("2026-11-21T10:00:59Z")));
        assert!(progress.is_over(60, at("2026-11-21T10:01:00Z")));
    }
}
