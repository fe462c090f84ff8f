//! Reading YAML strictly, and saying in our words why it cannot be read.

use serde_saphyr::{DuplicateKeyPolicy, Error, Location, Options, UserMessageFormatter};

use super::error::{ManifestError, Problem};
use super::source::{SourceFile, Span};
use super::tree::{Node, span_of};

/// The largest manifest that is read, in bytes. A manifest is stored as one DynamoDB item,
/// which can hold 400 KB; real ones have a few hundred lines.
pub const SIZE_LIMIT: usize = 256 * 1024;

/// The document, and what is wrong with its keys. `Err` when there is no document to go on with.
pub(super) fn read(source: &SourceFile) -> Result<(Node, Vec<ManifestError>), ManifestError> {
    if source.text.len() > SIZE_LIMIT {
        return Err(too_large(source));
    }
    match serde_saphyr::from_str_with_options(&source.text, options(DuplicateKeyPolicy::Error)) {
        Ok(node) => Ok((node, Vec::new())),
        Err(error) => match error.without_snippet() {
            // The first of the two counts for the rest of the checks, so that they can
            // say what else is wrong.
            Error::DuplicateMappingKey { key, location } => {
                let twice = duplicate(source, key.as_deref(), *location);
                let options = options(DuplicateKeyPolicy::FirstWins);
                let node = serde_saphyr::from_str_with_options(&source.text, options)
                    .map_err(|error| unreadable(source, &error))?;
                Ok((node, vec![twice]))
            }
            error => Err(unreadable(source, error)),
        },
    }
}

/// No guessing of types, no tags, and limits that no honest manifest comes near.
fn options(duplicate_keys: DuplicateKeyPolicy) -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 32,
            max_nodes: 50_000,
            max_aliases: 1_000,
            max_anchors: 100,
            max_documents: 1,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 50_000,
            max_replay_stack_depth: 8,
            max_alias_expansions_per_anchor: 500,
        },
        duplicate_keys: duplicate_keys,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    }
}

fn too_large(source: &SourceFile) -> ManifestError {
    let found = format!("a file of {} KiB", source.text.len().div_ceil(1024));
    let problem = Problem::new("", found, format!("at most {} KiB", SIZE_LIMIT / 1024));
    ManifestError::new(source, &(0..0), problem.help("is this the right file?"))
}

fn duplicate(source: &SourceFile, key: Option<&str>, location: Location) -> ManifestError {
    let key = key.unwrap_or("?");
    let problem = Problem::new(
        "",
        format!("the key `{key}` a second time"),
        "every key once",
    );
    ManifestError::new(
        source,
        &span_of(location),
        problem.help("merge the two, or remove one"),
    )
}

fn unreadable(source: &SourceFile, error: &Error) -> ManifestError {
    let span = error.location().map_or_else(Span::default, span_of);
    let message = error.render_with_formatter(&UserMessageFormatter);
    ManifestError::new(source, &span, Problem::new("", message, "a YAML document"))
}
