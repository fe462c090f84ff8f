//! Checks a document's shape against the JSON Schema of the manifest: keys, types and
//! ranges. Every fault is reported; what is faulty is left out of the result, so that the
//! checks of meaning can still look at the rest.

use serde_json::{Map, Value};

use super::error::{ManifestError, Problem};
use super::names::nearest;
use super::places::{item_path, join};
use super::source::{SourceFile, Span};
use super::tree::{Entry, Node, Yaml};

/// Reads documents by a schema.
pub(super) struct Shape<'a> {
    source: &'a SourceFile,
    root: &'a Value,
    pub(super) errors: Vec<ManifestError>,
}

/// Where a value stands: its path, and the place of its key.
struct At<'a> {
    path: &'a str,
    key: &'a Span,
}

impl<'a> Shape<'a> {
    pub(super) fn new(source: &'a SourceFile, root: &'a Value) -> Self {
        Self {
            source,
            root,
            errors: Vec::new(),
        }
    }

    /// The document as JSON, without what is faulty.
    pub(super) fn read(&mut self, document: &Node) -> Option<Value> {
        self.value(
            document,
            self.root,
            &At {
                path: "",
                key: &(0..0),
            },
        )
    }

    fn value(&mut self, node: &Node, schema: &Value, at: &At<'_>) -> Option<Value> {
        let schema = self.resolve(schema);
        match (schema.get("type").and_then(Value::as_str), &node.value) {
            (Some("object"), Yaml::Map(entries)) => Some(self.object(entries, schema, at)),
            (Some("array"), Yaml::List(items)) => Some(self.array(items, schema, at)),
            (Some("string"), Yaml::Text(text)) => Some(Value::String(text.clone())),
            (Some("boolean"), Yaml::Bool(value)) => Some(Value::Bool(*value)),
            (Some("integer"), Yaml::Number(number)) if in_range(number, schema) => {
                Some(Value::Number(number.clone()))
            }
            _ => {
                self.wrong_value(node, schema, at);
                None
            }
        }
    }

    fn object(&mut self, entries: &[Entry], schema: &Value, at: &At<'_>) -> Value {
        let properties = schema.get("properties").and_then(Value::as_object);
        self.missing_keys(entries, schema, at);
        self.too_few(entries.len(), schema.get("minProperties"), at);
        let mut object = Map::new();
        for entry in entries {
            let known = properties.and_then(|properties| properties.get(&entry.key));
            let further = schema
                .get("additionalProperties")
                .filter(|it| it.is_object());
            let Some(schema) = known.or(further) else {
                self.unknown_key(entry, properties, at);
                continue;
            };
            let path = join(at.path, &entry.key);
            let at = At {
                path: &path,
                key: &entry.key_span,
            };
            if let Some(value) = self.value(&entry.node, schema, &at) {
                object.insert(entry.key.clone(), value);
            }
        }
        Value::Object(object)
    }

    fn array(&mut self, items: &[Node], schema: &Value, at: &At<'_>) -> Value {
        self.too_few(items.len(), schema.get("minItems"), at);
        let schema = schema.get("items").unwrap_or(&Value::Null);
        let values = items.iter().enumerate().filter_map(|(index, item)| {
            let path = item_path(at.path, index);
            self.value(
                item,
                schema,
                &At {
                    path: &path,
                    key: &item.span,
                },
            )
        });
        Value::Array(values.collect())
    }

    fn missing_keys(&mut self, entries: &[Entry], schema: &Value, at: &At<'_>) {
        let properties = schema.get("properties").and_then(Value::as_object);
        let unknown = |entry: &&Entry| properties.is_none_or(|it| !it.contains_key(&entry.key));
        // A key that is only misspelled is not reported twice.
        let meant: Vec<_> = entries
            .iter()
            .filter(unknown)
            .filter_map(|entry| nearest(&entry.key, properties?.keys().map(String::as_str)))
            .collect();
        let required = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        for key in required.filter_map(Value::as_str) {
            if meant.contains(&key) || entries.iter().any(|entry| entry.key == key) {
                continue;
            }
            let expected = properties
                .and_then(|it| it.get(key))
                .map(|it| self.describe(it));
            let expected = format!("`{key}`, {}", expected.unwrap_or_default());
            self.report(
                at.key,
                Problem::new(at.path, format!("no `{key}`"), expected),
            );
        }
    }

    fn too_few(&mut self, count: usize, minimum: Option<&Value>, at: &At<'_>) {
        if minimum
            .and_then(Value::as_u64)
            .is_some_and(|minimum| (count as u64) < minimum)
        {
            self.report(
                at.key,
                Problem::new(at.path, "nothing in it", "at least one entry"),
            );
        }
    }

    fn unknown_key(&mut self, entry: &Entry, known: Option<&Map<String, Value>>, at: &At<'_>) {
        let known = || {
            known
                .into_iter()
                .flat_map(|it| it.keys().map(String::as_str))
        };
        let expected = format!("one of: {}", known().collect::<Vec<_>>().join(", "));
        let mut problem = Problem::new(
            at.path,
            format!("the unknown key `{}`", entry.key),
            expected,
        );
        if let Some(meant) = nearest(&entry.key, known()) {
            problem = problem.help(format!("did you mean `{meant}`?"));
        }
        self.report(&entry.key_span, problem);
    }

    fn wrong_value(&mut self, node: &Node, schema: &Value, at: &At<'_>) {
        let span = if node.is_scalar() { &node.span } else { at.key };
        let written = self.source.slice(&node.span).trim();
        let mut problem = Problem::new(at.path, found(&node.value), self.describe(schema));
        let kind = schema.get("type").and_then(Value::as_str);
        problem = match (kind, &node.value) {
            (Some("object"), Yaml::Null) => {
                problem.help("remove the key, or write {} for nothing in it")
            }
            (_, Yaml::Null) => problem.help("remove the key, or give it a value"),
            (Some("string"), Yaml::Bool(_) | Yaml::Number(_)) => problem.help(format!(
                "put it in quotes to have it read as text: \"{written}\""
            )),
            (Some("array"), Yaml::Text(_)) => {
                problem.help(format!("write it as a list: [{written}]"))
            }
            _ => problem,
        };
        self.report(span, problem);
    }

    fn report(&mut self, span: &Span, problem: Problem) {
        self.errors
            .push(ManifestError::new(self.source, span, problem));
    }

    fn resolve(&self, schema: &'a Value) -> &'a Value {
        let reference = schema.get("$ref").and_then(Value::as_str);
        let target = reference.and_then(|it| self.root.pointer(it.trim_start_matches('#')));
        target.unwrap_or(schema)
    }

    /// What a schema asks for, in words.
    fn describe(&self, schema: &'a Value) -> String {
        let schema = self.resolve(schema);
        let limit = |name| schema.get(name).and_then(Value::as_u64);
        match schema.get("type").and_then(Value::as_str) {
            Some("string") => "text".to_owned(),
            Some("boolean") => "true or false".to_owned(),
            Some("array") => "a list".to_owned(),
            Some("integer") => match (limit("minimum"), limit("maximum")) {
                (Some(minimum), Some(maximum)) => {
                    format!("a whole number from {minimum} to {maximum}")
                }
                _ => "a whole number".to_owned(),
            },
            _ => "keys with values".to_owned(),
        }
    }
}

fn in_range(number: &serde_json::Number, schema: &Value) -> bool {
    let limit = |name| schema.get(name).and_then(Value::as_u64);
    number.as_u64().is_some_and(|it| {
        it >= limit("minimum").unwrap_or(0) && it <= limit("maximum").unwrap_or(u64::MAX)
    })
}

fn found(value: &Yaml) -> String {
    match value {
        Yaml::Null => "nothing".to_owned(),
        Yaml::Bool(value) => format!("`{value}`"),
        Yaml::Number(number) => format!("the number {number}"),
        Yaml::Text(text) => format!("the text {}", quoted(text)),
        Yaml::List(_) => "a list".to_owned(),
        Yaml::Map(_) => "keys with values".to_owned(),
    }
}

/// A text as it stands in a message: between backticks, and not too long.
pub(super) fn quoted(text: &str) -> String {
    let short: String = text.chars().take(80).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("`{short}{more}`")
}
