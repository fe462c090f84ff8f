//! Matching image tags with the patterns of a trigger.

use globset::{Glob, GlobBuilder};
use thiserror::Error;

/// A tag pattern that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("tag pattern `{pattern}`: {reason}")]
pub struct InvalidPattern {
    /// The pattern as it was written.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Whether one of the patterns matches the whole tag. No patterns match nothing.
///
/// # Errors
/// For a pattern that cannot be read; `lockstep apply` never stores such a one.
pub fn tags_match<S: AsRef<str>>(patterns: &[S], tag: &str) -> Result<bool, InvalidPattern> {
    for pattern in patterns {
        if compile(pattern.as_ref())?.compile_matcher().is_match(tag) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Reads one pattern.
pub(super) fn compile(pattern: &str) -> Result<Glob, InvalidPattern> {
    // Backslashes are literal: a tag never holds one, and YAML already has its own escapes.
    GlobBuilder::new(pattern)
        .backslash_escape(false)
        .build()
        .map_err(|error| InvalidPattern {
            pattern: pattern.to_owned(),
            reason: error.kind().to_string(),
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::tags_match;

    #[test]
    fn one_match_is_enough_and_the_whole_tag_must_match() {
        assert!(tags_match(&["main-*", "v[0-9]*"], "v1.2.3").unwrap());
        assert!(tags_match(&["{dev,staging}-?"], "dev-7").unwrap());
        assert!(!tags_match(&["v1"], "v12").unwrap());
        assert!(!tags_match::<&str>(&[], "v1").unwrap());
    }

    #[test]
    fn an_unreadable_pattern_is_named() {
        let error = tags_match(&["v[1"], "v1").unwrap_err();
        assert!(
            error.to_string().starts_with("tag pattern `v[1`: "),
            "{error}"
        );
    }
}
