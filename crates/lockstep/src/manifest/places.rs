//! Where in the file each field stands.

use std::collections::BTreeMap;

use super::source::Span;
use super::tree::{Node, Yaml};

/// The place of every field of a document, by path.
#[derive(Debug, Clone, Default)]
pub(super) struct Places(BTreeMap<String, Place>);

#[derive(Debug, Clone)]
struct Place {
    key: Span,
    value: Span,
    text: Option<String>,
}

impl Places {
    /// The place of a field's key, or of a list's item.
    pub(super) fn key(&self, path: &str) -> Span {
        self.0
            .get(path)
            .map(|place| place.key.clone())
            .unwrap_or_default()
    }

    /// The place of a field's value where one word shows it, else of its key.
    pub(super) fn value(&self, path: &str) -> Span {
        self.0
            .get(path)
            .map(|place| place.value.clone())
            .unwrap_or_default()
    }

    /// A field's text as it was written, placeholders and all.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.0.get(path)?.text.as_deref()
    }

    /// The first of the paths that the file has.
    pub(super) fn first(&self, paths: impl IntoIterator<Item = String>) -> Option<String> {
        paths.into_iter().find(|path| self.0.contains_key(path))
    }

    /// Notes where a field stands: its key (or the item itself) and its value.
    pub(super) fn insert(&mut self, path: &str, key: &Span, node: &Node) {
        let value = if node.is_scalar() { &node.span } else { key };
        let text = match &node.value {
            Yaml::Text(text) => Some(text.clone()),
            _ => None,
        };
        self.0.insert(
            path.to_owned(),
            Place {
                key: key.clone(),
                value: value.clone(),
                text,
            },
        );
    }
}

/// The path of a key in a mapping.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// The path of an item in a list.
pub(super) fn item_path(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}
