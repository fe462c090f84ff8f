//! What came of invoking a new version before it serves.

use serde_json::Value;

use super::live::LATEST;
use super::step::FunctionChange;
use crate::PhaseError;
use crate::manifest::FunctionCheck;

/// How much of an error's text people are told: the log has the rest.
const TOLD: usize = 200;

/// Texts of the payload that are at least as long are kept out of what people are told.
const SECRET: usize = 4;

/// What came of one invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invoked {
    /// The function answered.
    Answered(Vec<u8>),
    /// The function did not start, ended, or answered with an error: Lambda's description.
    Failed(Vec<u8>),
    /// There was no answer in the check's time.
    Late,
    /// Lambda, or the connection to it, failed: in words. It may have been invoked or not.
    Unknown(String),
}

/// Whether the version may serve, from what it answered. `logs` is where a person looks next.
///
/// # Errors
/// [`PhaseError::Unhealthy`], with the function's own words, but with nothing of the payload
/// in them: functions like to repeat what they were given.
pub fn checked(
    change: &FunctionChange,
    check: &FunctionCheck,
    (version, logs): (&str, &str),
    invoked: &Invoked,
) -> Result<(), PhaseError> {
    let what = match invoked {
        Invoked::Answered(answer) => match fault(check, answer) {
            None => return Ok(()),
            Some(fault) => format!("gave its check another answer than expected: {fault}"),
        },
        Invoked::Failed(error) => format!("failed its check: {}", reason(check, error)),
        Invoked::Late => {
            let seconds = check.timeout_seconds;
            format!("did not answer its check within {seconds} s")
        }
        Invoked::Unknown(why) => format!("could not be checked: {why}"),
    };
    let version = match version {
        LATEST => "the new code".to_owned(),
        number => format!("version {number}"),
    };
    Err(PhaseError::Unhealthy {
        signal: format!("{}: {version} {what}; see {logs}", change.resource()),
    })
}

/// The error as the function's runtime describes it, in one line.
fn reason(check: &FunctionCheck, error: &[u8]) -> String {
    let error: Value = serde_json::from_slice(error).unwrap_or_default();
    let text = |key| error.get(key).and_then(Value::as_str).unwrap_or_default();
    let message = text("errorMessage");
    let mut message = message.lines().next().unwrap_or_default().trim().to_owned();
    let mut secrets: Vec<_> = texts(check);
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    for secret in secrets.into_iter().filter(|it| it.len() >= SECRET) {
        message = message.replace(secret, "…");
    }
    if message.chars().count() > TOLD {
        message = message.chars().take(TOLD).chain(['…']).collect();
    }
    match (text("errorType"), message.as_str()) {
        ("", "") => "it gives no reason".to_owned(),
        ("", message) => message.to_owned(),
        (kind, "") => kind.to_owned(),
        (kind, message) => format!("{kind}: {message}"),
    }
}

fn texts(check: &FunctionCheck) -> Vec<&str> {
    fn of<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
        match value {
            Value::String(text) => texts.push(text),
            Value::Array(items) => items.iter().for_each(|it| of(it, texts)),
            Value::Object(entries) => entries.values().for_each(|it| of(it, texts)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let mut texts = Vec::new();
    check.payload.values().for_each(|it| of(it, &mut texts));
    texts
}

/// The first thing that an answer does not have as it is expected.
fn fault(check: &FunctionCheck, answer: &[u8]) -> Option<String> {
    if check.expect.is_empty() {
        return None;
    }
    let Ok(answer @ Value::Object(_)) = serde_json::from_slice(answer) else {
        return Some("it is no JSON object".to_owned());
    };
    let mut entries = check.expect.iter();
    entries.find_map(|(key, expected)| differing(key, expected, answer.get(key)))
}

/// Where a value is not what is expected. Texts are not repeated: they may be anything.
fn differing(path: &str, expected: &Value, found: Option<&Value>) -> Option<String> {
    let Some(found) = found else {
        return Some(format!("there is no `{path}`"));
    };
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => expected
            .iter()
            .find_map(|(key, value)| differing(&format!("{path}.{key}"), value, found.get(key))),
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            let pairs = expected.iter().zip(found).enumerate();
            let mut pairs = pairs.map(|(at, (expected, found))| {
                differing(&format!("{path}[{at}]"), expected, Some(found))
            });
            pairs.find_map(|it| it)
        }
        (Value::Number(expected), Value::Number(found)) if expected.as_f64() == found.as_f64() => {
            None
        }
        _ if expected == found => None,
        (Value::String(_), Value::String(_)) => Some(format!("`{path}` is another text")),
        _ => Some(format!(
            "`{path}` is {}, expected {}",
            shown(found),
            shown(expected)
        )),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(_) => "a text".to_owned(),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(_) => "an object".to_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests;
