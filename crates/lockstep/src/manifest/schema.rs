//! The JSON Schema of the manifest, for editors, and for our own checks of its shape.

use schemars::generate::SchemaSettings;
use schemars::transform::transform_subschemas;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use super::types::Manifest;

/// The JSON Schema of `lockstep.yaml` (draft 2020-12).
pub fn json_schema() -> Schema {
    schema_for::<Manifest>()
}

fn schema_for<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12().with_transform(without_null);
    settings.into_generator().into_root_schema_for::<T>()
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
