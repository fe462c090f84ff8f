//! Checks a document's shape against the JSON Schema of the manifest: keys, types and
//! ranges. Every fault is reported; what is faulty is left out of the result, so that the
//! checks of meaning can still look at the rest.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::error::{ManifestError, Problem};
use super::names::nearest;
use super::places::{Places, item_path, join};
use super::schema::SchemaPart;
use super::source::{SourceFile, Span};
use super::tree::{Entry, Node, Yaml};
use super::wording::{describe, found, quoted};

/// A document as far as its shape is right.
pub(super) struct Shaped {
    /// The document without what is faulty, and with misspelled keys put right.
    pub(super) value: Option<Value>,
    pub(super) places: Places,
    pub(super) errors: Vec<ManifestError>,
}

/// Reads a document by a schema.
pub(super) fn shape(source: &SourceFile, document: &Node, schema: SchemaPart<'_>) -> Shaped {
    let mut reader = Reader {
        source,
        errors: Vec::new(),
        places: Places::default(),
    };
    let value = reader.value(
        document,
        schema,
        &At {
            path: "",
            key: &(0..0),
        },
    );
    Shaped {
        value,
        places: reader.places,
        errors: reader.errors,
    }
}

struct Reader<'a> {
    source: &'a SourceFile,
    errors: Vec<ManifestError>,
    places: Places,
}

/// Where a value stands: its path, and the place of its key.
struct At<'a> {
    path: &'a str,
    key: &'a Span,
}

impl Reader<'_> {
    fn value(&mut self, node: &Node, schema: SchemaPart<'_>, at: &At<'_>) -> Option<Value> {
        self.places.insert(at.path, at.key, node);
        if schema.is_free() {
            return Some(self.anything(node, at));
        }
        let alternatives = schema.alternatives();
        if !alternatives.is_empty() {
            return self.one_of(node, schema, &alternatives, at);
        }
        match (schema.kind(), &node.value) {
            ("object", Yaml::Map(entries)) => Some(self.object(entries, schema, at)),
            ("array", Yaml::List(items)) => Some(self.array(items, schema, at)),
            ("string", Yaml::Text(text)) if schema.permits(text) => {
                Some(Value::String(text.clone()))
            }
            ("boolean", Yaml::Bool(value)) => Some(Value::Bool(*value)),
            ("integer", Yaml::Number(number)) if schema.allows(number) => {
                Some(Value::Number(number.clone()))
            }
            _ => {
                self.wrong_value(node, schema, at);
                None
            }
        }
    }

    /// A value that may be one of several things, told apart by their kind. Where text may stand
    /// and a number or `true` or `false` as well, these are texts, too, as they are written: so
    /// that an account's number keeps its zeros.
    fn one_of(
        &mut self,
        node: &Node,
        schema: SchemaPart<'_>,
        alternatives: &[SchemaPart<'_>],
        at: &At<'_>,
    ) -> Option<Value> {
        let kind = match &node.value {
            Yaml::Map(_) => "object",
            Yaml::List(_) => "array",
            Yaml::Text(_) => "string",
            Yaml::Bool(_) => "boolean",
            Yaml::Number(_) => "number",
            Yaml::Null => "null",
        };
        let Some(meant) = alternatives.iter().find(|it| it.kind() == kind) else {
            self.wrong_value(node, schema, at);
            return None;
        };
        let is_text = alternatives.iter().any(|it| it.kind() == "string");
        if is_text && matches!(kind, "boolean" | "number") {
            let written = self.source.slice(&node.span).trim();
            return Some(Value::String(written.to_owned()));
        }
        self.value(node, *meant, at)
    }

    /// A value of which no schema says what it must be.
    fn anything(&mut self, node: &Node, at: &At<'_>) -> Value {
        self.places.insert(at.path, at.key, node);
        match &node.value {
            Yaml::Null => Value::Null,
            Yaml::Bool(value) => Value::Bool(*value),
            Yaml::Number(number) => Value::Number(number.clone()),
            Yaml::Text(text) => Value::String(text.clone()),
            Yaml::List(items) => {
                let items = items.iter().enumerate().map(|(index, item)| {
                    let path = item_path(at.path, index);
                    let key = &item.span;
                    self.anything(item, &At { path: &path, key })
                });
                Value::Array(items.collect())
            }
            Yaml::Map(entries) => {
                let entries = entries.iter().map(|entry| {
                    let path = join(at.path, &entry.key);
                    let key = &entry.key_span;
                    let value = self.anything(&entry.node, &At { path: &path, key });
                    (entry.key.clone(), value)
                });
                Value::Object(entries.collect())
            }
        }
    }

    fn object(&mut self, entries: &[Entry], schema: SchemaPart<'_>, at: &At<'_>) -> Value {
        self.too_few(entries.len(), schema, at);
        let mut seen: BTreeSet<_> = entries.iter().map(|entry| entry.key.as_str()).collect();
        let mut object = Map::new();
        for entry in entries {
            let key = match schema.key(&entry.key) {
                Some(_) => entry.key.as_str(),
                None => match self.unknown_key(entry, schema, at) {
                    Some(meant) if seen.insert(meant) => meant,
                    _ => continue,
                },
            };
            let Some(schema) = schema.key(key) else {
                continue;
            };
            let path = join(at.path, key);
            if let Some(value) = self.value(
                &entry.node,
                schema,
                &At {
                    path: &path,
                    key: &entry.key_span,
                },
            ) {
                object.insert(key.to_owned(), value);
            }
        }
        for key in schema.required().filter(|key| !seen.contains(key)) {
            let expected = schema.key(key).map(describe).unwrap_or_default();
            let problem = Problem::new(
                at.path,
                format!("no `{key}`"),
                format!("the key `{key}` with {expected}"),
            );
            self.report(at.key, problem);
        }
        Value::Object(object)
    }

    fn array(&mut self, items: &[Node], schema: SchemaPart<'_>, at: &At<'_>) -> Value {
        self.too_few(items.len(), schema, at);
        let mut values = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = item_path(at.path, index);
            let value = self.value(
                item,
                schema.item(),
                &At {
                    path: &path,
                    key: &item.span,
                },
            );
            // A faulty item keeps its place: the others' numbers must stay right.
            values.push(value.unwrap_or_default());
        }
        Value::Array(values)
    }

    fn too_few(&mut self, count: usize, schema: SchemaPart<'_>, at: &At<'_>) {
        if (count as u64) < schema.minimum_entries() {
            self.report(
                at.key,
                Problem::new(at.path, "nothing in it", "at least one entry"),
            );
        }
    }

    /// Reports the key, and returns the one that was probably meant.
    fn unknown_key<'s>(
        &mut self,
        entry: &Entry,
        schema: SchemaPart<'s>,
        at: &At<'_>,
    ) -> Option<&'s str> {
        let expected = format!("one of: {}", schema.keys().collect::<Vec<_>>().join(", "));
        let mut problem = Problem::new(
            at.path,
            format!("the unknown key {}", quoted(&entry.key)),
            expected,
        );
        let meant = nearest(&entry.key, schema.keys());
        if let Some(meant) = meant {
            problem = problem.help(format!("did you mean `{meant}`?"));
        }
        self.report(&entry.key_span, problem);
        meant
    }

    fn wrong_value(&mut self, node: &Node, schema: SchemaPart<'_>, at: &At<'_>) {
        let span = if node.is_scalar() { &node.span } else { at.key };
        let written = self.source.slice(&node.span).trim();
        let problem = Problem::new(at.path, found(&node.value, written), describe(schema));
        let help = match (schema.kind(), &node.value) {
            _ if at.path.is_empty() => {
                "a manifest begins with `application:` and the application's name".to_owned()
            }
            ("object", Yaml::Null) => "remove the key, or write {} for nothing in it".to_owned(),
            (_, Yaml::Null) => "remove the key, or give it a value".to_owned(),
            ("string", Yaml::Text(text)) => match nearest(text, schema.choices()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => return self.report(span, problem),
            },
            ("string", Yaml::Bool(_) | Yaml::Number(_)) => {
                format!("to have it read as text, write \"{written}\"")
            }
            ("array", Yaml::Text(_)) => format!("write it as a list: [{written}]"),
            ("integer", Yaml::Text(text)) if text.parse::<u64>().is_ok() => {
                "remove the quotes".to_owned()
            }
            ("boolean", Yaml::Text(text)) if matches!(text.as_str(), "yes" | "on") => {
                "write true".to_owned()
            }
            ("boolean", Yaml::Text(text)) if matches!(text.as_str(), "no" | "off") => {
                "write false".to_owned()
            }
            _ => return self.report(span, problem),
        };
        self.report(span, problem.help(help));
    }

    fn report(&mut self, span: &Span, problem: Problem) {
        self.errors
            .push(ManifestError::new(self.source, span, problem));
    }
}
