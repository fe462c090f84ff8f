//! Checks of a CloudFormation template, as far as they need no AWS.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_saphyr::{DefaultMessageFormatter, MessageFormatter as _};

use super::error::{ManifestError, Problem};
use super::names::nearest;
use super::source::SourceFile;
use super::task_definition::Fault;
use super::wording::quoted;

/// The largest template that CloudFormation reads from a bucket, in bytes.
pub(super) const SIZE_LIMIT: usize = 1_048_576;

/// The keys that a template can have.
const SECTIONS: [&str; 10] = [
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Globals",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Rules",
];

/// A template that can be read. Tags such as `!Ref` and `!Sub` are dropped: what is checked here
/// is what has a name.
pub(super) struct Template(Value);

impl Template {
    /// Reads a template, YAML or JSON.
    pub(super) fn read(path: &str, text: &str) -> Result<Self, Vec<ManifestError>> {
        let file = SourceFile::new(path, text);
        let refused = |line, column, message: String, expected: &str| {
            let place = file.place(line, column);
            vec![ManifestError::new(
                &file,
                &place,
                Problem::new("", message, expected),
            )]
        };
        let number = |it: u64| usize::try_from(it).unwrap_or(usize::MAX);
        if text.trim_start().starts_with('{') {
            return serde_json::from_str(text).map(Self).map_err(|error| {
                let message = error.to_string();
                let message = message
                    .split(" at line ")
                    .next()
                    .unwrap_or(&message)
                    .to_owned();
                refused(error.line(), error.column(), message, "a template in JSON")
            });
        }
        let read = serde_saphyr::from_str_with_options(text, options());
        read.map(Self).map_err(|error: serde_saphyr::Error| {
            let at = error.location();
            let (line, column) = at.map_or((1, 1), |at| (number(at.line()), number(at.column())));
            let error = error.without_snippet();
            let message = DefaultMessageFormatter.format_message(error).into_owned();
            refused(line, column, message, "a template in YAML")
        })
    }

    /// What is wrong with it as a whole.
    pub(super) fn faults(&self) -> Vec<Fault> {
        let Some(sections) = self.0.as_object() else {
            return vec![fault("no keys", "a template with `Resources`", None)];
        };
        let mut faults = Vec::new();
        let resources = self.section("Resources");
        let unknown = sections
            .keys()
            .filter(|key| !SECTIONS.contains(&key.as_str()) && *key != "Transform");
        for key in unknown {
            let help = nearest(key, SECTIONS).map(|meant| format!("did you mean `{meant}`?"));
            let expected = format!("one of: {}, Transform", SECTIONS.join(", "));
            faults.push(fault(
                &format!("the unknown key {}", quoted(key)),
                &expected,
                help,
            ));
        }
        if resources.is_empty() && faults.is_empty() {
            faults.push(fault(
                "no `Resources`",
                "a template with at least one resource",
                None,
            ));
        }
        // `Fn::ForEach` is a list, and makes resources of its own.
        let untyped = resources.iter().filter(|(name, it)| {
            !name.starts_with("Fn::") && it.get("Type").and_then(Value::as_str).is_none()
        });
        for (name, _) in untyped {
            let found = format!("the resource {} without a `Type`", quoted(name));
            faults.push(fault(&found, "a type such as `AWS::S3::Bucket`", None));
        }
        faults
    }

    /// What is wrong with setting one of its parameters.
    pub(super) fn parameter_fault(&self, name: &str) -> Option<Fault> {
        let parameters = self.section("Parameters");
        match parameters.get(name) {
            Some(parameter) if is_true(parameter.get("NoEcho")) => Some(fault(
                &format!("the NoEcho parameter {}", quoted(name)),
                "a parameter whose value can be read back, so that it can be put back",
                Some(
                    "write a dynamic reference into the template: {{resolve:secretsmanager:...}}"
                        .to_owned(),
                ),
            )),
            Some(_) => None,
            None => Some(missing("parameter", name, parameters.into_keys())),
        }
    }

    /// What is wrong with taking one of its outputs. A transform may add some, so that with one
    /// only CloudFormation knows.
    pub(super) fn output_fault(&self, name: &str) -> Option<Fault> {
        let outputs = self.section("Outputs");
        let unsure = self.0.get("Transform").is_some();
        let there = outputs.contains_key(name);
        (!unsure && !there).then(|| missing("output", name, outputs.into_keys()))
    }

    fn section(&self, name: &str) -> BTreeMap<&str, &Value> {
        let section = self.0.get(name).and_then(Value::as_object);
        let section = section.into_iter().flatten();
        section
            .map(|(name, value)| (name.as_str(), value))
            .collect()
    }
}

fn is_true(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(value)) => *value,
        Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
        _ => false,
    }
}

fn missing<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Fault {
    let known: Vec<_> = known.collect();
    let expected = match known.as_slice() {
        [] => format!("one of its {what}s, and it has none"),
        known => format!("one of its {what}s: {}", known.join(", ")),
    };
    let help = nearest(name, known).map(|meant| format!("did you mean `{meant}`?"));
    fault(&format!("no {what} {}", quoted(name)), &expected, help)
}

fn fault(found: &str, expected: &str, help: Option<String>) -> Fault {
    Fault {
        found: found.to_owned(),
        expected: expected.to_owned(),
        help,
    }
}

/// Tags are CloudFormation's own, and limits are beyond what fits into a megabyte of honest
/// template.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 128,
            max_nodes: 500_000,
            max_events: 1_500_000,
            max_aliases: 1_000,
            max_anchors: 100,
            max_documents: 1,
        },
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::Error,
        reject_unsupported_tags: false,
        with_snippet: false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::Template;

    const YAML: &str = r#"
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Cidr: { Type: String, Default: 10.0.0.0/16 }
  Secret: { Type: String, NoEcho: true }
Resources:
  Vpc:
    Type: AWS::EC2::VPC
    Properties:
      CidrBlock: !Ref Cidr
      Tags: !If [Named, [{ Key: Name, Value: !Sub "${AWS::StackName}-vpc" }], !Ref AWS::NoValue]
      Other: !GetAtt Other.Arn
      Text: !Join
        - ","
        - !Split [",", !ImportValue x]
Outputs:
  VpcId: { Value: !Ref Vpc }
"#;

    fn told(text: &str) -> Vec<String> {
        Template::read("t.yaml", text).map_or_else(
            |errors| errors.iter().map(super::ManifestError::headline).collect(),
            |it| {
                it.faults()
                    .into_iter()
                    .map(|it| it.found)
                    .collect::<Vec<_>>()
            },
        )
    }

    #[test]
    fn a_template_is_read_in_spite_of_its_tags() {
        assert_eq!(told(YAML), [""; 0]);
        let template = Template::read("t.yaml", YAML).unwrap();
        assert!(template.parameter_fault("Cidr").is_none());
        assert!(
            template
                .parameter_fault("Secret")
                .unwrap()
                .found
                .contains("NoEcho")
        );
        let fault = template.parameter_fault("Cdir").unwrap();
        assert_eq!(fault.help.unwrap(), "did you mean `Cidr`?");
        assert!(template.output_fault("VpcId").is_none());
        assert_eq!(
            template.output_fault("VpcIds").unwrap().help.unwrap(),
            "did you mean `VpcId`?"
        );
        let json = r#"{"Resources": {"A": {"Type": "AWS::SNS::Topic"}}}"#;
        assert_eq!(told(json), [""; 0]);
    }

    #[test]
    fn what_is_no_template_is_told() {
        assert_eq!(told("- a\n"), ["no keys"]);
        assert_eq!(told("Description: x\n"), ["no `Resources`"]);
        assert_eq!(told("Resorces: {}\n"), ["the unknown key `Resorces`"]);
        assert_eq!(
            told("Resources: { A: { Properties: {} } }\n"),
            ["the resource `A` without a `Type`"]
        );
        assert_eq!(told("Resources:\n  A: {\n").len(), 1);
        assert!(told("{\"Resources\": }")[0].contains("expected a template in JSON"));
    }
}
