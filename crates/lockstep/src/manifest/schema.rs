//! The JSON Schema of the manifest, for editors, and for our own checks of its shape.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::transform_subschemas;
use serde_json::{Number, Value};

use super::ready;
use super::types::Manifest;

/// The JSON Schema of `lockstep.yaml` (draft 2020-12).
pub fn json_schema() -> Schema {
    schema_with(ready::FUNCTIONS)
}

/// The same, with the keys for functions or without them.
pub(super) fn schema_with(functions: bool) -> Schema {
    let settings = SchemaSettings::draft2020_12().with_transform(without_null);
    let schema = settings.into_generator().into_root_schema_for::<Manifest>();
    if functions {
        return schema;
    }
    let mut value = schema.to_value();
    ready::without_refused(&mut value);
    Schema::try_from(value).unwrap_or_default()
}

/// Optional fields are left out, never `null`: a key with nothing behind it is far more
/// often a mistake than a wish.
fn without_null(schema: &mut Schema) {
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|it| it != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|it| !it.is_null());
    }
    if let Some(Value::Array(choices)) = schema.remove("anyOf") {
        merge_choices(schema, choices);
    }
    transform_subschemas(&mut without_null, schema);
}

fn merge_choices(schema: &mut Schema, mut choices: Vec<Value>) {
    choices.retain(|choice| choice.get("type").is_none_or(|it| it != "null"));
    match choices.as_slice() {
        [Value::Object(only)] => {
            let object = schema.ensure_object();
            for (key, value) in only {
                object.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        _ => {
            schema.insert("anyOf".to_owned(), Value::Array(choices));
        }
    }
}

/// A part of a schema, to read documents by. Understands only what [`json_schema`] uses:
/// references, one type or one of several, keys, items, and limits.
#[derive(Clone, Copy)]
pub(super) struct SchemaPart<'a> {
    root: &'a Value,
    part: &'a Value,
}

impl<'a> SchemaPart<'a> {
    pub(super) fn root(root: &'a Value) -> Self {
        Self { root, part: root }
    }

    /// `object`, `array`, `string`, `integer` or `boolean`.
    pub(super) fn kind(self) -> &'a str {
        self.part
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// What may stand here, where that is one of several things.
    pub(super) fn alternatives(self) -> Vec<Self> {
        let choices = self.part.get("anyOf").and_then(Value::as_array);
        let choices = choices.into_iter().flatten();
        choices.map(|choice| self.resolve(choice)).collect()
    }

    /// Whether anything may stand here.
    pub(super) fn is_free(self) -> bool {
        *self.part == Value::Bool(true)
    }

    /// The only texts allowed; empty where any is.
    pub(super) fn choices(self) -> Vec<&'a str> {
        let choices = self.part.get("enum").and_then(Value::as_array);
        let choices = choices.into_iter().flatten();
        choices.filter_map(Value::as_str).collect()
    }

    /// The keys with a meaning of their own.
    pub(super) fn keys(self) -> impl Iterator<Item = &'a str> {
        let properties = self.part.get("properties").and_then(Value::as_object);
        properties
            .into_iter()
            .flat_map(|properties| properties.keys().map(String::as_str))
    }

    /// What a key's value must be; `None` for a key that is not allowed.
    pub(super) fn key(self, key: &str) -> Option<Self> {
        let known = self
            .part
            .get("properties")
            .and_then(|properties| properties.get(key));
        let other = || {
            self.part
                .get("additionalProperties")
                .filter(|it| it.is_object() || **it == Value::Bool(true))
        };
        known.or_else(other).map(|part| self.resolve(part))
    }

    /// The keys that must be there.
    pub(super) fn required(self) -> impl Iterator<Item = &'a str> {
        let required = self.part.get("required").and_then(Value::as_array);
        required.into_iter().flatten().filter_map(Value::as_str)
    }

    /// What a list's items must be.
    pub(super) fn item(self) -> Self {
        self.resolve(self.part.get("items").unwrap_or(&Value::Null))
    }

    /// How many keys or items there must be at least.
    pub(super) fn minimum_entries(self) -> u64 {
        self.number("minProperties")
            .or_else(|| self.number("minItems"))
            .unwrap_or(0)
    }

    /// The least and the greatest number allowed.
    pub(super) fn range(self) -> (u64, Option<u64>) {
        (self.number("minimum").unwrap_or(0), self.number("maximum"))
    }

    /// Whether the number is a whole one in the range.
    pub(super) fn allows(self, number: &Number) -> bool {
        let (minimum, maximum) = self.range();
        number
            .as_u64()
            .is_some_and(|it| it >= minimum && maximum.is_none_or(|maximum| it <= maximum))
    }

    /// Whether the text is one of those allowed.
    pub(super) fn permits(self, text: &str) -> bool {
        let choices = self.choices();
        choices.is_empty() || choices.contains(&text)
    }

    fn number(self, key: &str) -> Option<u64> {
        self.part.get(key).and_then(Value::as_u64)
    }

    fn resolve(self, part: &'a Value) -> Self {
        let reference = part.get("$ref").and_then(Value::as_str);
        let target = reference.and_then(|it| self.root.pointer(it.trim_start_matches('#')));
        Self {
            root: self.root,
            part: target.unwrap_or(part),
        }
    }
}
