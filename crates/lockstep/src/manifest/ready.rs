//! What the manifest's types know already and a deployment cannot do yet.

use serde_json::Value;

use super::error::{ManifestError, Problem};
use super::places::join;
use super::source::SourceFile;
use super::tree::{Entry, Node, Yaml};

/// Whether functions and uploaded releases are deployed. While they are not, a manifest
/// that asks for them is refused, and the published schema does not have their keys.
pub(super) const FUNCTIONS: bool = true;

/// The keys that are refused, `*` being any name.
const REFUSED: [&[&str]; 8] = [
    &["functions"],
    &["stacks"],
    &["infrastructure"],
    &["environments", "*", "infrastructure"],
    &["environments", "*", "stacks"],
    &["environments", "*", "traffic"],
    &["environments", "*", "functions"],
    &["environments", "*", "trigger", "releases"],
];

/// Takes what cannot be deployed out of a document, and refuses it.
pub(super) fn refuse(source: &SourceFile, document: &mut Node) -> Vec<ManifestError> {
    let mut errors = Vec::new();
    for path in REFUSED {
        take(document, path, "", &mut |at, entry| {
            let problem = Problem::new(at, "a key for Lambda functions", "services alone")
                .help("this version of Lockstep does not deploy Lambda functions from uploaded releases yet");
            errors.push(ManifestError::new(source, &entry.key_span, problem));
        });
    }
    errors
}

fn take(node: &mut Node, path: &[&str], at: &str, taken: &mut impl FnMut(&str, &Entry)) {
    let (Yaml::Map(entries), Some((key, rest))) = (&mut node.value, path.split_first()) else {
        return;
    };
    let is_meant = |entry: &Entry| *key == "*" || entry.key == *key;
    if rest.is_empty() {
        entries.retain(|entry| {
            if is_meant(entry) {
                taken(&join(at, &entry.key), entry);
            }
            !is_meant(entry)
        });
        return;
    }
    for entry in entries.iter_mut().filter(|entry| is_meant(entry)) {
        take(&mut entry.node, rest, &join(at, &entry.key), taken);
    }
}

/// The schema as it is without the refused keys.
pub(super) fn without_refused(schema: &mut Value) {
    let remove = |schema: &mut Value, object: &str, key: &str| {
        if let Some(Value::Object(keys)) = schema.pointer_mut(object) {
            keys.retain(|name, _| name != key);
        }
    };
    remove(schema, "/properties", "functions");
    remove(schema, "/$defs/Environment/properties", "functions");
    remove(schema, "/$defs/Environment/properties", "traffic");
    remove(schema, "/properties", "stacks");
    remove(schema, "/$defs/Environment/properties", "stacks");
    remove(schema, "/properties", "infrastructure");
    remove(schema, "/$defs/Environment/properties", "infrastructure");
    remove(schema, "/$defs/Trigger/properties", "releases");
    for definition in [
        "Function",
        "FunctionOverride",
        "FunctionConfiguration",
        "FunctionCheck",
        "Traffic",
        "Stack",
        "StackOverride",
        "ReleasedTemplate",
        "ParameterFrom",
        "Infrastructure",
        "InfrastructureOverride",
        "EachProject",
    ] {
        remove(schema, "/$defs", definition);
    }
    let insert = |schema: &mut Value, object: &str, key: &str, value: Value| {
        let keys = schema.pointer_mut(object).and_then(Value::as_object_mut);
        drop(keys.and_then(|keys| keys.insert(key.to_owned(), value)));
    };
    insert(
        schema,
        "",
        "required",
        ["application", "services", "environments"]
            .as_slice()
            .into(),
    );
    insert(
        schema,
        "/$defs/Trigger",
        "required",
        ["tags"].as_slice().into(),
    );
}

#[cfg(test)]
mod tests;
