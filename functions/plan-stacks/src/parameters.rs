//! Parameters: what the manifest sets against what the template declares.

use std::collections::BTreeMap;

use lockstep::Check;
use lockstep::stack::{LiveStack, ParameterValue};
use lockstep_cloudformation::TemplateParameter;
use lockstep_sources::nearest;

/// The parameters of a change: those the manifest sets, and those that the stack keeps. Those
/// that are left out get the template's default.
///
/// # Errors
/// Every parameter that is not right.
pub(crate) fn parameters(
    resource: &str,
    declared: &[TemplateParameter],
    mut named: BTreeMap<String, ParameterValue>,
    live: Option<&LiveStack>,
) -> Result<BTreeMap<String, ParameterValue>, Vec<Check>> {
    let check = Wrong { resource };
    let find = |name: &str| declared.iter().find(|it| it.name == name);
    let mut failed = Vec::new();
    for (name, value) in &named {
        failed.extend(match find(name) {
            None => Some(check.unknown(name, declared)),
            Some(parameter) if parameter.no_echo => Some(check.hidden(name)),
            Some(parameter) => check.not_allowed(parameter, value),
        });
    }
    for parameter in declared {
        let name = &parameter.name;
        if named.contains_key(name) {
            continue;
        }
        if live.is_some_and(|live| live.parameters.contains_key(name)) {
            named.insert(name.clone(), ParameterValue::Previous);
        } else if parameter.default.is_none() {
            failed.push(check.missing(parameter));
        }
    }
    if failed.is_empty() {
        Ok(named)
    } else {
        Err(failed)
    }
}

/// Failed checks about parameters of one stack.
struct Wrong<'a> {
    resource: &'a str,
}

impl Wrong<'_> {
    fn check(&self, name: &str, found: &str, expected: &str, todo: &str) -> Check {
        Check {
            what: format!("parameter {name}"),
            resource: self.resource.to_owned(),
            found: found.to_owned(),
            expected: expected.to_owned(),
            todo: todo.to_owned(),
            curable: false,
        }
    }

    fn unknown(&self, name: &str, declared: &[TemplateParameter]) -> Check {
        let names: Vec<_> = declared.iter().map(|it| it.name.as_str()).collect();
        let expected = match nearest(name, &names) {
            Some(nearest) => format!("one that the template declares; did you mean {nearest}?"),
            None if names.is_empty() => "none: the template declares no parameters".to_owned(),
            None => format!("one that the template declares: {}", names.join(", ")),
        };
        let todo = "correct it in lockstep.yaml and apply it, or declare it in the template";
        self.check(name, "a value for it in the manifest", &expected, todo)
    }

    fn hidden(&self, name: &str) -> Check {
        self.check(
            name,
            "a value in the manifest for a parameter with NoEcho",
            "none: CloudFormation never shows it again, so it could not be put back",
            "use a dynamic reference to a secret in the template ({{resolve:secretsmanager:...}}) in its place",
        )
    }

    fn not_allowed(&self, parameter: &TemplateParameter, value: &ParameterValue) -> Option<Check> {
        let ParameterValue::Text(text) = value else {
            return None;
        };
        let allowed = &parameter.allowed;
        if allowed.is_empty() || allowed.contains(text) {
            return None;
        }
        let expected = format!("one of {}", allowed.join(", "));
        let todo = "correct it in lockstep.yaml and apply it";
        Some(self.check(&parameter.name, &format!("`{text}`"), &expected, todo))
    }

    fn missing(&self, parameter: &TemplateParameter) -> Check {
        let name = &parameter.name;
        self.check(
            name,
            "none, and the template has no default",
            &format!("a value of type {}", parameter.parameter_type),
            &format!("add it to the stack's `parameters` in lockstep.yaml as {name}, and apply it"),
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use std::collections::BTreeMap;

    use lockstep::stack::{LiveStack, ParameterValue};
    use lockstep_cloudformation::TemplateParameter;

    use super::parameters;

    fn declared(name: &str) -> TemplateParameter {
        TemplateParameter {
            name: name.into(),
            parameter_type: "String".into(),
            ..TemplateParameter::default()
        }
    }

    fn named(values: &[(&str, &str)]) -> BTreeMap<String, ParameterValue> {
        let value = |(name, value): &(&str, &str)| {
            (
                (*name).to_owned(),
                ParameterValue::Text((*value).to_owned()),
            )
        };
        values.iter().map(value).collect()
    }

    fn failed(
        all: &[TemplateParameter],
        values: &[(&str, &str)],
        live: Option<&LiveStack>,
    ) -> Vec<String> {
        let failed = parameters("stack s", all, named(values), live).unwrap_err();
        failed.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_not_named_keeps_its_value_or_gets_the_default() {
        let defaulted = TemplateParameter {
            default: Some("x".into()),
            ..declared("New")
        };
        let all = [declared("Size"), declared("Old"), defaulted];
        let live = LiveStack {
            parameters: [("Old".to_owned(), "1".to_owned())].into(),
            ..LiveStack::default()
        };
        let found = parameters("stack s", &all, named(&[("Size", "2")]), Some(&live)).unwrap();
        let expected = [
            ("Old".to_owned(), ParameterValue::Previous),
            ("Size".to_owned(), ParameterValue::Text("2".to_owned())),
        ];
        assert_eq!(found, expected.into());
    }

    #[test]
    fn a_name_that_was_mistyped_is_told_with_what_was_meant() {
        let found = failed(&[declared("VpcCidr")], &[("VpcCird", "1")], None);
        assert_eq!(
            found,
            [
                "stack s: parameter VpcCird: found a value for it in the manifest, expected one that the template declares; \
                 did you mean VpcCidr?; correct it in lockstep.yaml and apply it, or declare it in the template",
                "stack s: parameter VpcCidr: found none, and the template has no default, expected a value of type String; add \
                 it to the stack's `parameters` in lockstep.yaml as VpcCidr, and apply it",
            ]
        );
    }

    #[test]
    fn a_secret_is_not_taken_because_it_could_not_be_put_back() {
        let secret = TemplateParameter {
            no_echo: true,
            ..declared("Password")
        };
        let live = LiveStack {
            parameters: [("Password".to_owned(), "****".to_owned())].into(),
            ..LiveStack::default()
        };
        let all = [secret];
        let found = failed(&all, &[("Password", "x")], Some(&live));
        assert!(found[0].contains("could not be put back"), "{found:?}");
        let kept = parameters("stack s", &all, named(&[]), Some(&live)).unwrap();
        assert_eq!(kept["Password"], ParameterValue::Previous);
    }

    #[test]
    fn only_values_that_are_allowed_are_taken() {
        let size = TemplateParameter {
            allowed: vec!["small".into(), "large".into()],
            ..declared("Size")
        };
        let found = failed(&[size], &[("Size", "huge")], None);
        assert_eq!(
            found,
            [
                "stack s: parameter Size: found `huge`, expected one of small, large; correct it in lockstep.yaml and apply it"
            ]
        );
    }
}
