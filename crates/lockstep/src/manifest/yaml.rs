//! Reading YAML strictly, and saying in our words why it cannot be read.

use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{
    DefaultMessageFormatter, DuplicateKeyPolicy, Error, Location, MessageFormatter, Options,
};

use super::error::{ManifestError, Problem};
use super::source::{SourceFile, Span};
use super::tree::{Node, span_of};
use super::wording::quoted;

/// The largest manifest that is read, in bytes; real ones have a few hundred lines.
pub const SIZE_LIMIT: usize = 256 * 1024;

/// The document, and what is wrong with its keys. `Err` when there is no document to go on with.
pub(super) fn read(source: &SourceFile) -> Result<(Node, Vec<ManifestError>), Vec<ManifestError>> {
    if source.text.len() > SIZE_LIMIT {
        return Err(vec![too_large(source)]);
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
                    .map_err(|error| vec![twice.clone(), unreadable(source, &error)])?;
                Ok((node, vec![twice]))
            }
            error => Err(vec![unreadable(source, error)]),
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
    let found = key.map_or_else(
        || "a key a second time".to_owned(),
        |key| format!("the key {} a second time", quoted(key)),
    );
    let problem = Problem::new("", found, "every key once").help("merge the two, or remove one");
    ManifestError::new(source, &place(source, location), problem)
}

fn unreadable(source: &SourceFile, error: &Error) -> ManifestError {
    let span = error
        .location()
        .map_or_else(Span::default, |location| place(source, location));
    ManifestError::new(source, &span, problem(error.without_snippet()))
}

/// The parser's words where they are plain, ours where they are not.
fn problem(error: &Error) -> Problem {
    match error {
        Error::AliasError { error, .. } => problem(error),
        Error::Budget {
            breach: BudgetBreach::Documents { .. },
            ..
        }
        | Error::MultipleDocuments { .. } => {
            Problem::new("", "a second document", "one manifest in the file")
                .help("remove what comes after `---`")
        }
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            let expected = "a manifest of reasonable size";
            Problem::new(
                "",
                "nesting or aliases that grow beyond all limits",
                expected,
            )
        }
        Error::RecursiveReferencesRequireWeakTypes { .. } => Problem::new(
            "",
            "an alias inside of what it stands for",
            "an alias of something else",
        ),
        Error::UnsupportedTag { tag, .. } => {
            Problem::new("", format!("the tag `{tag}`"), "a plain value")
                .help("put the text in quotes if it is meant to begin with `!`")
        }
        error => {
            let message = DefaultMessageFormatter.format_message(error).into_owned();
            Problem::new("", message, "a YAML document")
        }
    }
}

/// The place of a location; faults of syntax come with line and column only.
fn place(source: &SourceFile, location: Location) -> Span {
    if location.span().byte_offset().is_some() {
        return span_of(location);
    }
    let number = |it| usize::try_from(it).unwrap_or(usize::MAX);
    source.place(number(location.line()), number(location.column()))
}
