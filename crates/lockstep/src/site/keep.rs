//! Which releases of a site are not needed any more.

use std::collections::BTreeSet;

use super::SiteStep;

/// A release that lies in the bucket, whole or not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kept {
    /// When the last of it was written, in milliseconds since 1970.
    pub at: i64,
    /// The release.
    pub release: String,
}

/// The releases that can go when a step begins: those older than the newest `keep`, but never the
/// live one, to which the deployment goes back if it fails, and never its own.
pub fn superfluous(step: &SiteStep, mut all: Vec<Kept>) -> BTreeSet<String> {
    all.sort();
    let keep = usize::try_from(step.keep).unwrap_or(usize::MAX);
    let needed = |it: &Kept| {
        Some(it.release.as_str()) == step.release_before() || it.release == step.release
    };
    let others = all.into_iter().rev().filter(|it| !needed(it));
    // The live one is one of those that are kept.
    others
        .skip(keep.saturating_sub(1))
        .map(|it| it.release)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::planning::testing::step;
    use super::{Kept, superfluous};

    #[test]
    fn the_oldest_go_but_never_the_live_one() {
        let mut step = step();
        step.keep = 2;
        let live = step.release_before().unwrap_or_default().to_owned();
        let all = [
            (1, live.as_str()),
            (2, "b"),
            (3, "c"),
            (4, "d"),
            (5, step.release.as_str()),
        ];
        let all = all.map(|(at, release)| Kept {
            at,
            release: release.into(),
        });
        let gone = superfluous(&step, all.to_vec());
        assert_eq!(gone.into_iter().collect::<Vec<_>>(), ["b", "c"]);
        step.keep = 9;
        assert!(superfluous(&step, all.to_vec()).is_empty());
    }
}
