//! The four releases, and what has to become of each.

use lockstep::verdict::Verdict;

use super::images::Version;

/// What the service runs before the first release.
pub const FIRST: Version = Version {
    tag: "v0",
    mode: "ok",
};

/// A release of the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release {
    /// The version that is pushed.
    pub version: Version,
    /// What it is, for the person who watches.
    pub story: &'static str,
    /// The verdict it has to get.
    pub verdict: Verdict,
    /// The version that has to serve afterwards.
    pub serves: &'static str,
}

/// Two good releases and two bad ones.
pub const RELEASES: [Release; 4] = [
    Release {
        version: Version {
            tag: "v1",
            mode: "ok",
        },
        story: "a good release",
        verdict: Verdict::Succeeded,
        serves: "v1",
    },
    Release {
        version: Version {
            tag: "v2",
            mode: "ok",
        },
        story: "another good release",
        verdict: Verdict::Succeeded,
        serves: "v2",
    },
    Release {
        version: Version {
            tag: "v3",
            mode: "crash",
        },
        story: "it crashes when it starts",
        verdict: Verdict::RolledBack,
        serves: "v2",
    },
    Release {
        version: Version {
            tag: "v4",
            mode: "unhealthy",
        },
        story: "it starts, and its health check fails",
        verdict: Verdict::RolledBack,
        serves: "v2",
    },
];
