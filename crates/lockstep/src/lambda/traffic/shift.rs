//! From the weights of an alias to those of a stage.

use std::collections::BTreeMap;

use crate::PhaseError;
use crate::lambda::live::{LiveAlias, version_label};
use crate::lambda::step::FunctionChange;

/// What is left to do for an alias to be where a stage wants it.
#[derive(Debug, Clone, PartialEq)]
pub enum Shift {
    /// Nothing: it is there, or already further.
    There {
        /// The alias's `RevisionId`, which the next stage's call must still find.
        revision_id: String,
    },
    /// One `UpdateAlias`.
    Point {
        /// The version that gets what the weights leave.
        version: String,
        /// The shares of other versions, 0.0 to 1.0; empty in the end.
        weights: BTreeMap<String, f64>,
        /// The `RevisionId` that the alias must still have.
        revision_id: String,
    },
}

/// The version and the weights of a stage: a share of `percent` for the new version beside
/// the one that served, or everything for the new version.
pub fn wanted(
    change: &FunctionChange,
    new: &str,
    percent: Option<u32>,
) -> (String, BTreeMap<String, f64>) {
    match (&change.before.version, percent) {
        (Some(before), Some(percent)) if before != new => {
            let share = f64::from(percent.clamp(1, 99)) / 100.0;
            (before.clone(), BTreeMap::from([(new.to_owned(), share)]))
        }
        _ => (new.to_owned(), BTreeMap::new()),
    }
}

/// Decides what is left to do for an alias, from a look at it: `percent` of its traffic to the
/// version `new`, or all of it. An alias that is further already, from an invocation whose
/// answer was lost, is left as it is.
///
/// # Errors
/// [`PhaseError::Diverged`] when the alias is neither as it was before the deployment nor as
/// any of its stages leaves it: that is another tool's, and nothing of it is touched.
pub fn shift(
    change: &FunctionChange,
    new: &str,
    percent: Option<u32>,
    alias: &LiveAlias,
) -> Result<Shift, PhaseError> {
    let (version, weights) = wanted(change, new, percent);
    let revision_id = alias.revision_id.clone();
    let untouched = change.before.version.as_ref() == Some(&alias.version)
        && change.before.weights == alias.weights;
    let is = (&alias.version, &alias.weights);
    if is == (&version, &weights) || further(change, new, percent, alias) {
        return Ok(Shift::There { revision_id });
    }
    if untouched || ours(change, new, alias) {
        return Ok(Shift::Point {
            version,
            weights,
            revision_id,
        });
    }
    Err(PhaseError::Diverged {
        resource: change.resource(),
        expected: format!(
            "{} with a share of its traffic for version {new}",
            change
                .before
                .version
                .as_deref()
                .map_or_else(|| "an alias".to_owned(), version_label)
        ),
        found: found(alias),
    })
}

/// Whether a stage of this deployment left the alias like this: on the version that served,
/// with a share for `new` alone, or on `new` alone.
pub fn ours(change: &FunctionChange, new: &str, alias: &LiveAlias) -> bool {
    share(change, new, alias).is_some()
}

/// The new version's share as one of our stages made it, in 0.0 to 1.0.
fn share(change: &FunctionChange, new: &str, alias: &LiveAlias) -> Option<f64> {
    let mut weights = alias.weights.iter();
    match (weights.next(), weights.next()) {
        (None, _) if alias.version == new => Some(1.0),
        (Some((version, weight)), None)
            if change.before.version.as_ref() == Some(&alias.version) && version == new =>
        {
            Some(*weight)
        }
        _ => None,
    }
}

/// Whether the new version has more already than the stage gives it.
fn further(change: &FunctionChange, new: &str, percent: Option<u32>, alias: &LiveAlias) -> bool {
    // A share that was there before the deployment is none of its stages.
    let before = &change.before;
    if before.version.as_ref() == Some(&alias.version) && before.weights == alias.weights {
        return false;
    }
    let wanted = percent.map_or(1.0, |percent| f64::from(percent) / 100.0);
    share(change, new, alias).is_some_and(|share| share >= wanted)
}

fn found(alias: &LiveAlias) -> String {
    let shares = alias.weights.iter();
    let shares: Vec<_> = shares
        .map(|(version, weight)| format!("{} % for version {version}", (weight * 100.0).round()))
        .collect();
    match shares.as_slice() {
        [] => version_label(&alias.version),
        shares => format!(
            "{} with {}",
            version_label(&alias.version),
            shares.join(" and ")
        ),
    }
}

#[cfg(test)]
mod tests;
