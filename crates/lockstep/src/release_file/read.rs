//! Reading release.json strictly.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{ARTIFACTS_LIMIT, RELEASE_FILE_LIMIT, ReleaseFile, ReleaseFileError, ReleasedArtifact};
use crate::manifest::names::{is_name, is_release_version, is_sha256_hex, nearest};
use crate::migration::is_floor;

/// The longest path, in characters.
const PATH_LIMIT: usize = 512;

/// The longest of the texts for people, in characters.
const TEXT_LIMIT: usize = 256;

impl ReleaseFile {
    /// Reads a release.json.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(text: &[u8]) -> Result<Self, ReleaseFileError> {
        let fault = |fault: String| ReleaseFileError {
            faults: vec![fault],
        };
        if text.len() > RELEASE_FILE_LIMIT {
            let limit = RELEASE_FILE_LIMIT / 1024;
            let size = text.len().div_ceil(1024);
            return Err(fault(format!(
                "release.json has {size} KiB, expected at most {limit} KiB"
            )));
        }
        let value: Value = serde_json::from_slice(text)
            .map_err(|error| fault(format!("release.json is not JSON: {error}")))?;
        let mut reader = Reader::default();
        let file = reader.file(&value);
        match file {
            Some(file) if reader.faults.is_empty() => Ok(file),
            _ => Err(ReleaseFileError {
                faults: reader.faults,
            }),
        }
    }
}

/// Why a path cannot be that of an artifact: what was expected. Whatever leads out of the
/// release, or means something else to another system, is refused.
pub fn path_fault(path: &str) -> Option<&'static str> {
    let bad_part = |part: &str| part.is_empty() || part == "." || part == "..";
    match path {
        "release.json" | "release.zip" => Some("a file of its own beside release.json"),
        _ if path.chars().count() > PATH_LIMIT => Some("at most 512 characters"),
        _ if path.contains('\\') => Some("`/` between folders, and no `\\`"),
        _ if path.contains(|c: char| c.is_control()) => Some("no control characters"),
        _ if path.starts_with('/') || path.get(1..2) == Some(":") => {
            Some("a path relative to release.json")
        }
        _ if path.split('/').any(bad_part) => Some("a path without empty parts, `.` and `..`"),
        _ => None,
    }
}

#[derive(Default)]
struct Reader {
    faults: Vec<String>,
}

impl Reader {
    fn file(&mut self, value: &Value) -> Option<ReleaseFile> {
        let known = [
            "application",
            "version",
            "branch",
            "commit",
            "author",
            "rollback_floor",
            "artifacts",
        ];
        let object = self.object("release.json", value, &known)?;
        let application = self.text(object, "", "application");
        let version = self.text(object, "", "version");
        let application =
            self.checked("application", application, is_name, "an application's name");
        let version = self.checked("version", version, is_release_version, VERSION);
        let file = ReleaseFile {
            application: application?,
            version: version?,
            branch: self.note(object, "branch"),
            commit: self.note(object, "commit"),
            author: self.note(object, "author"),
            rollback_floor: self.floor(object),
            artifacts: self.artifacts(object.get("artifacts")),
        };
        Some(file)
    }

    fn floor(&mut self, object: &Map<String, Value>) -> Option<String> {
        object.get("rollback_floor")?;
        let text = self.text(object, "", "rollback_floor");
        let expected =
            "a semantic version such as `1.3.0`, since no other versions can be compared";
        self.checked("rollback_floor", text, is_floor, expected)
    }

    fn artifacts(&mut self, value: Option<&Value>) -> Vec<ReleasedArtifact> {
        let Some(Value::Array(items)) = value else {
            self.fault(
                "artifacts",
                &value.map_or_else(|| "nothing".to_owned(), kind),
                "a list",
            );
            return Vec::new();
        };
        if items.is_empty() || items.len() > ARTIFACTS_LIMIT {
            let expected = format!("1 to {ARTIFACTS_LIMIT}");
            self.fault("artifacts", &format!("{} of them", items.len()), &expected);
            return Vec::new();
        }
        let mut seen = BTreeSet::new();
        let mut artifacts = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let at = format!("artifacts[{index}]");
            let Some(artifact) = self.artifact(&at, item) else {
                continue;
            };
            if seen.insert(artifact.path.clone()) {
                artifacts.push(artifact);
            } else {
                let found = format!("`{}` a second time", artifact.path);
                self.fault(&format!("{at}.path"), &found, "every path once");
            }
        }
        artifacts
    }

    fn artifact(&mut self, at: &str, value: &Value) -> Option<ReleasedArtifact> {
        let object = self.object(at, value, &["path", "sha256"])?;
        let (path, sha256) = (
            self.text(object, at, "path"),
            self.text(object, at, "sha256"),
        );
        let field = format!("{at}.sha256");
        let sha256 = self.checked(&field, sha256, is_sha256_hex, "64 lower-case hex digits");
        let path = path?;
        if let Some(expected) = path_fault(&path) {
            self.fault(&format!("{at}.path"), &shown(&path), expected);
            return None;
        }
        Some(ReleasedArtifact {
            path,
            sha256: sha256?,
        })
    }

    fn object<'v>(
        &mut self,
        at: &str,
        value: &'v Value,
        known: &[&str],
    ) -> Option<&'v Map<String, Value>> {
        let Value::Object(object) = value else {
            self.fault(at, &kind(value), "an object");
            return None;
        };
        for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
            let meant = nearest(key, known.iter().copied());
            let meant = meant
                .map(|it| format!("; did you mean `{it}`?"))
                .unwrap_or_default();
            let expected = format!("one of: {}{meant}", known.join(", "));
            self.fault(at, &format!("the unknown key {}", shown(key)), &expected);
        }
        Some(object)
    }

    fn text(&mut self, object: &Map<String, Value>, at: &str, key: &str) -> Option<String> {
        let field = if at.is_empty() {
            key.to_owned()
        } else {
            format!("{at}.{key}")
        };
        match object.get(key) {
            Some(Value::String(text)) => Some(text.clone()),
            other => {
                self.fault(
                    &field,
                    &other.map_or_else(|| "nothing".to_owned(), kind),
                    "text",
                );
                None
            }
        }
    }

    fn note(&mut self, object: &Map<String, Value>, key: &str) -> Option<String> {
        object.get(key)?;
        let text = self.text(object, "", key)?;
        let plain = text.chars().count() <= TEXT_LIMIT && !text.contains(char::is_control);
        if !plain {
            self.fault(key, &shown(&text), "one line of at most 256 characters");
        }
        Some(text)
    }

    fn checked(
        &mut self,
        field: &str,
        text: Option<String>,
        is_right: fn(&str) -> bool,
        expected: &str,
    ) -> Option<String> {
        let text = text?;
        if is_right(&text) {
            return Some(text);
        }
        self.fault(field, &shown(&text), expected);
        None
    }

    fn fault(&mut self, field: &str, found: &str, expected: &str) {
        self.faults
            .push(format!("{field}: found {found}, expected {expected}"));
    }
}

const VERSION: &str =
    "up to 128 letters, digits, `.`, `_`, `+` and `-`, beginning with a letter or a digit";

/// A text as it stands in a message: not too long, without characters a terminal would obey.
fn shown(text: &str) -> String {
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let short: String = text.chars().take(120).map(plain).collect();
    let more = if text.chars().nth(120).is_some() {
        "…"
    } else {
        ""
    };
    format!("`{short}{more}`")
}

fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => format!("`{value}`"),
        Value::String(text) => format!("the text {}", shown(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
