//! What the invocations of one new version say of it.

use crate::manifest::ResolvedTraffic;

/// The invocations of one function's new version in a stage, as CloudWatch counted them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// How many there were.
    pub invocations: u64,
    /// How many of them failed.
    pub errors: u64,
}

/// What they mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// There were enough, and few enough failed.
    Good,
    /// Too many failed.
    Bad,
    /// There were too few to say.
    Inconclusive,
}

/// Judges one new version. Each function is judged by its own invocations: in a sum over all,
/// a broken function would hide behind busy ones.
///
/// Errors count against the minimum of invocations while there are fewer: as soon as they are
/// too many even if every further one of the minimum succeeded, waiting for them would only
/// hurt more people.
pub fn judge(traffic: &ResolvedTraffic, seen: Seen) -> Judgement {
    let minimum = u64::from(traffic.minimum_invocations);
    let allowed = u64::from(traffic.maximum_error_percent);
    if seen.errors * 100 > allowed * seen.invocations.max(minimum) {
        Judgement::Bad
    } else if seen.invocations < minimum {
        Judgement::Inconclusive
    } else {
        Judgement::Good
    }
}

impl Seen {
    /// The errors in words, with their share of the invocations.
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    pub fn words(self) -> String {
        let Self {
            invocations,
            errors,
        } = self;
        let share = 100.0 * errors as f64 / invocations.max(1) as f64;
        format!("{errors} of {invocations} invocations failed ({share:.1} %)")
    }
}

#[cfg(test)]
mod tests {
    use super::{Judgement, Seen, judge};
    use crate::lambda::traffic::decide::tests::traffic;
    use crate::manifest::WhenQuiet;

    #[test]
    fn errors_count_against_the_minimum_until_there_are_more() {
        let traffic = traffic(WhenQuiet::Wait);
        for (invocations, errors, wanted) in [
            (0, 0, Judgement::Inconclusive),
            (49, 0, Judgement::Inconclusive),
            (50, 0, Judgement::Good),
            (50, 5, Judgement::Good),
            (50, 6, Judgement::Bad),
            (10, 5, Judgement::Inconclusive),
            (6, 6, Judgement::Bad),
            (1000, 100, Judgement::Good),
            (1000, 101, Judgement::Bad),
        ] {
            let seen = Seen {
                invocations,
                errors,
            };
            assert_eq!(judge(&traffic, seen), wanted, "{seen:?}");
        }
    }

    #[test]
    fn no_errors_at_all_may_be_allowed() {
        let mut traffic = traffic(WhenQuiet::Wait);
        traffic.maximum_error_percent = 0;
        let seen = |errors| Seen {
            invocations: 5000,
            errors,
        };
        assert_eq!(judge(&traffic, seen(0)), Judgement::Good);
        assert_eq!(judge(&traffic, seen(1)), Judgement::Bad);
        assert_eq!(seen(1).words(), "1 of 5000 invocations failed (0.0 %)");
        traffic.maximum_error_percent = 100;
        assert_eq!(judge(&traffic, seen(5000)), Judgement::Good);
    }
}
