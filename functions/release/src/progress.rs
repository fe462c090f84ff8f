//! What one look leaves for the next, and how long a look may take.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How long artifacts may be missing: events of S3 can overtake uploads that were still going on.
const GRACE: SignedDuration = SignedDuration::from_secs(30);
/// How long one invocation begins anything new. The largest artifact takes less than what is
/// left of the function's 25 seconds.
const BUDGET: Duration = Duration::from_secs(12);

/// What one look leaves for the next; what was checked is in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// When the release was first looked at.
    pub(crate) since: Timestamp,
}

impl Progress {
    /// Whether what is missing may still be on its way.
    pub(crate) fn may_still_come(self, now: Timestamp) -> bool {
        now.duration_since(self.since) < GRACE
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

/// What became of one artifact at one look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Looked<T> {
    /// It is there, with the hash that release.json names.
    Good(T),
    /// It is not there.
    Missing(String),
    /// It is there and must not be deployed; why.
    Bad(String),
    /// There was no time for it.
    NotYet,
}

/// What came of all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tally<T> {
    pub(crate) good: Vec<T>,
    pub(crate) missing: Vec<String>,
    pub(crate) bad: Vec<String>,
    pub(crate) not_yet: usize,
}

impl<T> FromIterator<Looked<T>> for Tally<T> {
    fn from_iter<I: IntoIterator<Item = Looked<T>>>(looked: I) -> Self {
        let mut tally = Self {
            good: Vec::new(),
            missing: Vec::new(),
            bad: Vec::new(),
            not_yet: 0,
        };
        for one in looked {
            match one {
                Looked::Good(good) => tally.good.push(good),
                Looked::Missing(path) => tally.missing.push(path),
                Looked::Bad(why) => tally.bad.push(why),
                Looked::NotYet => tally.not_yet += 1,
            }
        }
        tally
    }
}
