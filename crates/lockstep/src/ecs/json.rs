//! Lenient reading of AWS JSON: a missing or oddly typed field is a default, never an error.
//!
//! Fields come and go as AWS grows; a deployment must not stop because one it does not
//! need looks different.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// The string under `key`, or an empty one.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The string under `key`, unless it is missing or empty.
pub(super) fn text_option(value: &Value, key: &str) -> Option<String> {
    Some(text(value, key))
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

/// The count under `key`, or 0.
pub(super) fn count(value: &Value, key: &str) -> u32 {
    count_option(value, key).unwrap_or_default()
}

/// The count under `key`, where there is one.
pub(super) fn count_option(value: &Value, key: &str) -> Option<u32> {
    value
        .get(key)
        .and_then(Value::as_u64)
        .and_then(|number| u32::try_from(number).ok())
}

/// The items of the array under `key`; none when it is missing.
pub(super) fn items<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// The point in time under `key`: seconds since 1970 with a fraction (the awsJson wire
/// shape), or RFC 3339 (as the AWS CLI prints it).
pub(super) fn time(value: &Value, key: &str) -> Option<Timestamp> {
    match value.get(key)? {
        Value::Number(seconds) => {
            let since = SignedDuration::try_from_secs_f64(seconds.as_f64()?).ok()?;
            Timestamp::from_duration(since).ok()
        }
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::{count, items, text, time};

    #[test]
    fn reads_times_of_the_wire_and_of_the_cli() {
        let value = json!({"wire": 1_700_000_000.5, "cli": "2023-11-14T22:13:20.5Z", "odd": true});
        assert_eq!(time(&value, "wire"), time(&value, "cli"));
        assert!(time(&value, "wire").is_some());
        assert_eq!(time(&value, "odd"), None);
    }

    #[test]
    fn what_is_missing_is_empty() {
        let value = json!({"count": -1});
        assert_eq!(text(&value, "name"), "");
        assert_eq!(count(&value, "count"), 0);
        assert!(items(&value, "list").is_empty());
    }
}
