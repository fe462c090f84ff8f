//! The check of a function's new version before it serves.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One invocation of a function's new version, before it serves. Whatever the function does
/// when it is invoked, it does then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FunctionCheck {
    /// What the function is invoked with. No secrets: the manifest is stored as it is.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub payload: Map<String, Value>,
    /// How long the answer may take, in seconds, the start of the function included.
    #[serde(default = "FunctionCheck::default_timeout")]
    #[schemars(range(min = 1, max = 15))]
    pub timeout_seconds: u32,
    /// What the answer must have, at least. Default: any answer will do that is no error.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub expect: Map<String, Value>,
}

impl FunctionCheck {
    /// How large payload and expected answer may be together, as JSON: they are part of every
    /// plan, which is one item of the ledger.
    pub(super) const SIZE_LIMIT: usize = 4 * 1024;

    const fn default_timeout() -> u32 {
        10
    }

    /// The size of what is sent and expected, as JSON.
    pub(super) fn size(&self) -> usize {
        let size = |part| serde_json::to_vec(part).map_or(usize::MAX, |json| json.len());
        size(&self.payload).saturating_add(size(&self.expect))
    }

    /// Every text of the payload and of the expected answer, by its path.
    pub(super) fn texts(&self) -> Vec<(String, &str)> {
        let mut texts = Vec::new();
        for (name, part) in [("payload", &self.payload), ("expect", &self.expect)] {
            for (key, value) in part {
                texts_of(&format!("{name}.{key}"), value, &mut texts);
            }
        }
        texts
    }

    /// The same check with every text replaced.
    #[must_use]
    pub(super) fn replaced(mut self, replace: &impl Fn(String) -> String) -> Self {
        let parts = [&mut self.payload, &mut self.expect];
        for value in parts.into_iter().flat_map(Map::values_mut) {
            replace_in(value, replace);
        }
        self
    }
}

fn texts_of<'a>(path: &str, value: &'a Value, texts: &mut Vec<(String, &'a str)>) {
    match value {
        Value::String(text) => texts.push((path.to_owned(), text)),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                texts_of(&format!("{path}[{index}]"), item, texts);
            }
        }
        Value::Object(entries) => {
            for (key, value) in entries {
                texts_of(&format!("{path}.{key}"), value, texts);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn replace_in(value: &mut Value, replace: &impl Fn(String) -> String) {
    match value {
        Value::String(text) => *text = replace(std::mem::take(text)),
        Value::Array(items) => items.iter_mut().for_each(|it| replace_in(it, replace)),
        Value::Object(entries) => entries.values_mut().for_each(|it| replace_in(it, replace)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
