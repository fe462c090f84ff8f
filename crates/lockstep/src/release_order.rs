//! Which of two releases of one application is the older one.

use std::cmp::Ordering;

use jiff::Timestamp;
use semver::Version;
use serde::{Deserialize, Serialize};

/// A release's place in the order of its application's releases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseAge {
    /// The version, as it was uploaded.
    pub version: String,
    /// When it was uploaded.
    pub at: Timestamp,
    /// S3's own order of the changes of one key, in hex; `None` where no event told of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequencer: Option<String>,
}

impl ReleaseAge {
    /// Whether this release must not take the other one's place by itself.
    ///
    /// Versions decide where both are semantic ones (a leading `v` is fine), because a fix of
    /// an old version may well be uploaded after the next version. Otherwise the later upload
    /// is the newer release, and within one version S3's own order of its uploads decides.
    pub fn is_older_than(&self, other: &Self) -> bool {
        let by_version = match (semantic(&self.version), semantic(&other.version)) {
            (Some(mine), Some(theirs)) => mine.cmp_precedence(&theirs),
            _ => Ordering::Equal,
        };
        by_version.then_with(|| self.by_upload(other)) == Ordering::Less
    }

    fn by_upload(&self, other: &Self) -> Ordering {
        match (&self.sequencer, &other.sequencer) {
            (Some(mine), Some(theirs)) if self.version == other.version => {
                by_sequencer(mine, theirs)
            }
            _ => self.at.cmp(&other.at),
        }
    }
}

fn semantic(version: &str) -> Option<Version> {
    Version::parse(version.strip_prefix('v').unwrap_or(version)).ok()
}

/// Hexadecimal numbers of different lengths: S3 says to fill up the shorter one with zeros on
/// the right.
fn by_sequencer(mine: &str, theirs: &str) -> Ordering {
    let width = mine.len().max(theirs.len());
    let filled = |text: &str| format!("{:0<width$}", text.to_ascii_uppercase());
    filled(mine).cmp(&filled(theirs))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::ReleaseAge;

    fn age(version: &str, second: i64, sequencer: Option<&str>) -> ReleaseAge {
        ReleaseAge {
            version: version.to_owned(),
            at: Timestamp::from_second(1_700_000_000 + second).unwrap(),
            sequencer: sequencer.map(str::to_owned),
        }
    }

    #[test]
    fn versions_decide_whatever_the_order_of_uploads() {
        let (fix, next) = (age("1.2.10", 60, None), age("v1.3.0", 0, None));
        assert!(fix.is_older_than(&next) && !next.is_older_than(&fix));
        assert!(age("1.3.0-rc.1", 60, None).is_older_than(&next));
    }

    #[test]
    fn without_semantic_versions_the_upload_decides() {
        let (first, second) = (age("build-9", 0, None), age("build-10", 1, None));
        assert!(first.is_older_than(&second) && !second.is_older_than(&first));
        assert!(age("1.0.0", 0, None).is_older_than(&second));
    }

    #[test]
    fn uploads_of_one_version_go_by_their_sequencer() {
        let first = age("1.0.0", 5, Some("0055AED6DCD90281E5"));
        let second = age("1.0.0", 5, Some("0055AED6DCD90281E6"));
        let longer = age("1.0.0", 5, Some("0055AED6DCD90281E601"));
        assert!(first.is_older_than(&second) && !second.is_older_than(&first));
        assert!(second.is_older_than(&longer));
        assert!(!first.is_older_than(&first.clone()));
        assert!(!age("1.0.0", 5, None).is_older_than(&first));
        assert!(age("1.0.0+2", 4, None).is_older_than(&first));
    }
}
