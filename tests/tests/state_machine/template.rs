//! The template as its file has it. Short tags such as `!Sub` are dropped, their text stays:
//! `!GetAtt LockFunction.Arn` reads as `LockFunction.Arn`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

pub struct Template(Value);

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

impl Template {
    pub fn load() -> Self {
        let text = fs::read_to_string(root().join("template.yaml")).unwrap();
        Self(serde_saphyr::from_str(&text).expect("template.yaml is YAML"))
    }

    pub fn parameter_default(&self, name: &str) -> &Value {
        &self.0["Parameters"][name]["Default"]
    }

    /// The properties of the resource, which must be of type `kind`.
    pub fn properties(&self, name: &str, kind: &str) -> &Value {
        let resource = &self.0["Resources"][name];
        assert_eq!(resource["Type"], kind, "resource {name}");
        &resource["Properties"]
    }

    /// Names and properties of all resources of one type.
    pub fn all<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let resources = self.0["Resources"].as_object().unwrap().iter();
        let wanted = resources.filter(move |(_, resource)| resource["Type"] == kind);
        wanted.map(|(name, resource)| (name.as_str(), &resource["Properties"]))
    }

    pub fn function_defaults(&self) -> &Value {
        &self.0["Globals"]["Function"]
    }

    pub fn substitutions(&self) -> &Map<String, Value> {
        let machine = self.properties("StateMachine", "AWS::Serverless::StateMachine");
        machine["DefinitionSubstitutions"].as_object().unwrap()
    }
}

/// A field that may be one text or a list of them.
pub fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(values) => values.iter().map(|value| value.as_str().unwrap()).collect(),
        Value::String(text) => vec![text],
        other => panic!("expected texts, found {other}"),
    }
}
