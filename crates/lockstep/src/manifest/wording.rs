//! What stands in a file, and what a schema asks for, in words.

use super::schema::SchemaPart;
use super::tree::Yaml;

/// What a schema asks for.
pub(super) fn describe(schema: SchemaPart<'_>) -> String {
    let alternatives = schema.alternatives();
    if let Some((last, others)) = alternatives.split_last() {
        let others: Vec<_> = others.iter().map(|it| describe(*it)).collect();
        return format!("{} or {}", others.join(", "), describe(*last));
    }
    match (schema.kind(), schema.range()) {
        ("string", _) => match schema.choices().as_slice() {
            [] => "text".to_owned(),
            choices => format!("one of: {}", choices.join(", ")),
        },
        ("number", _) => "a number".to_owned(),
        ("boolean", _) => "true or false".to_owned(),
        ("array", _) => "a list".to_owned(),
        ("integer", (minimum, Some(maximum))) => {
            format!("a whole number from {minimum} to {maximum}")
        }
        ("integer", _) => "a whole number".to_owned(),
        _ => "keys with values".to_owned(),
    }
}

/// A value as it was written.
pub(super) fn found(value: &Yaml, written: &str) -> String {
    match value {
        Yaml::Null => "nothing".to_owned(),
        Yaml::Bool(_) => quoted(written),
        Yaml::Number(_) => format!("the number {written}"),
        Yaml::Text(text) if text.is_empty() => quoted(text),
        Yaml::Text(text) => format!("the text {}", quoted(text)),
        Yaml::List(_) => "a list".to_owned(),
        Yaml::Map(_) => "keys with values".to_owned(),
    }
}

/// A text as it stands in a message: between backticks, not too long, and without
/// characters that a terminal would obey.
pub(super) fn quoted(text: &str) -> String {
    if text.is_empty() {
        return "an empty text".to_owned();
    }
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let short: String = text.chars().take(120).map(shown).collect();
    let more = if text.chars().nth(120).is_some() {
        "…"
    } else {
        ""
    };
    format!("`{short}{more}`")
}
