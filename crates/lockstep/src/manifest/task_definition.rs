//! Checks of a task definition file, as far as they need no AWS.
//!
//! Fields that AWS fills in by itself (`revision`, `status`, ...) may stay in the file:
//! they are dropped when a revision is registered.

use serde_json::Value;

use super::error::{ManifestError, Problem};
use super::names::nearest;
use super::source::SourceFile;
use super::wording::quoted;

/// What is wrong with a task definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) found: String,
    pub(super) expected: String,
    pub(super) help: Option<String>,
}

/// The file's JSON.
pub(super) fn read(path: &str, text: &str) -> Result<Value, Vec<ManifestError>> {
    serde_json::from_str(text).map_err(|error| {
        let file = SourceFile::new(path, text);
        let place = file.place(error.line(), error.column());
        // The place is shown beside it; serde_json repeats it at the end of its text.
        let message = error.to_string();
        let message = message
            .split(" at line ")
            .next()
            .unwrap_or(&message)
            .to_owned();
        let problem = Problem::new("", message, "a task definition in JSON");
        vec![ManifestError::new(&file, &place, problem)]
    })
}

/// What is wrong with the definition as a whole.
pub(super) fn faults(definition: &Value) -> Vec<Fault> {
    if definition.get("taskDefinition").is_some() {
        let help =
            "this is what describe-task-definition prints: keep what is inside `taskDefinition`";
        return vec![fault(
            "the key `taskDefinition`",
            "a task definition",
            Some(help.to_owned()),
        )];
    }
    let keys: Vec<_> = definition
        .as_object()
        .into_iter()
        .flat_map(|it| it.keys().map(String::as_str))
        .collect();
    let missing = |key: &str| {
        let meant = nearest(key, keys.iter().copied().filter(|it| *it != key));
        meant.map(|it| format!("`{it}` is not read; did you mean `{key}`?"))
    };
    let mut faults = Vec::new();
    if definition
        .get("family")
        .and_then(Value::as_str)
        .is_none_or(str::is_empty)
    {
        faults.push(fault("no `family`", "the family's name", missing("family")));
    }
    match containers(definition) {
        None => faults.push(fault(
            "no `containerDefinitions`",
            "a list of containers",
            missing("containerDefinitions"),
        )),
        Some(list) if list.iter().any(|it| name(it).is_none()) => {
            faults.push(fault(
                "a container without a `name`",
                "a name for every container",
                None,
            ));
        }
        Some(_) => {}
    }
    faults
}

/// The containers the manifest deploys that the definition does not have.
pub(super) fn missing_containers<'a>(
    definition: &Value,
    wanted: impl Iterator<Item = &'a String>,
) -> Vec<Fault> {
    let names: Vec<_> = containers(definition)
        .into_iter()
        .flatten()
        .filter_map(name)
        .collect();
    let missing = wanted.filter(|it| !names.contains(&it.as_str()));
    let fault = |container: &String| Fault {
        found: format!("no container {}", quoted(container)),
        expected: format!(
            "every container of the manifest; it has: {}",
            names.join(", ")
        ),
        help: nearest(container, names.iter().copied())
            .map(|meant| format!("did you mean `{meant}`?")),
    };
    missing.map(fault).collect()
}

fn containers(definition: &Value) -> Option<&Vec<Value>> {
    definition
        .get("containerDefinitions")
        .and_then(Value::as_array)
}

fn name(container: &Value) -> Option<&str> {
    container
        .get("name")
        .and_then(Value::as_str)
        .filter(|name| !name.is_empty())
}

fn fault(found: &str, expected: &str, help: Option<String>) -> Fault {
    Fault {
        found: found.to_owned(),
        expected: expected.to_owned(),
        help,
    }
}
