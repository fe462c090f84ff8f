//! What is told of a value that cannot be found.

use std::collections::BTreeMap;

use lockstep::Check;

/// What a value is for.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The stack, or the infrastructure, as messages name it.
    pub resource: &'a str,
    /// What it calls such values: `parameter` or `variable`.
    pub kind: &'static str,
    /// The value's name.
    pub name: &'a str,
}

impl About<'_> {
    fn check(&self, found: String, expected: &str, todo: String) -> Check {
        Check {
            what: format!("{} {}", self.kind, self.name),
            resource: self.resource.to_owned(),
            found,
            expected: expected.to_owned(),
            todo,
            curable: false,
        }
    }

    pub(crate) fn no_output(
        &self,
        is_stack: bool,
        component: &str,
        output: &str,
        outputs: &BTreeMap<String, String>,
    ) -> Check {
        let names: Vec<_> = outputs.keys().map(String::as_str).collect();
        let todo = match nearest(output, &names) {
            Some(nearest) => format!(
                "did you mean {component}.{nearest}? Correct it in lockstep.yaml and apply it"
            ),
            None if is_stack => format!(
                "add it to the outputs of the template of {component}, or correct it in lockstep.yaml"
            ),
            None => format!("add it to the outputs of {component}, or correct it in lockstep.yaml"),
        };
        let kind = if is_stack {
            "a stack"
        } else {
            "infrastructure"
        };
        let found = match names.as_slice() {
            [] => format!("{kind} {component} without outputs"),
            names => format!("{kind} {component} with the outputs {}", names.join(", ")),
        };
        self.check(found, &format!("its output {output}"), todo)
    }

    pub(crate) fn no_parameter(&self, name: &str) -> Check {
        let todo = format!("create it, or correct `ssm: {name}` in lockstep.yaml and apply it");
        self.check(format!("no SSM parameter {name}"), "its value", todo)
    }

    pub(crate) fn secret(&self, name: &str) -> Check {
        self.check(
            format!("the SSM parameter {name} of the type SecureString"),
            "a String or a StringList: these values are shown to everybody who may look at it",
            if self.kind == "parameter" {
                format!("leave it out of lockstep.yaml, and write {{{{resolve:ssm-secure:{name}}}}} in the template where the value is used")
            } else {
                "leave it out of lockstep.yaml, and have the tool read it itself".to_owned()
            },
        )
    }

    pub(crate) fn no_image(&self, component: &str) -> Check {
        self.check(
            format!("no image of {component}: none is asked for, none was deployed, and none runs"),
            "an image",
            format!("push one and deploy it (lockstep deploy ENVIRONMENT --image {component}=TAG), or name a `fallback` for the time until then"),
        )
    }

    pub(crate) fn no_code(&self, function: &str) -> Check {
        self.check(
            format!("no code of {function}: none is live, and none is asked for"),
            "a zip file",
            "upload a release with it; the first deployment of a function that a stack creates has to bring its code".to_owned(),
        )
    }
}

/// The name that was probably meant.
pub fn nearest<'a>(name: &str, names: &[&'a str]) -> Option<&'a str> {
    let close = names.iter().filter(|it| {
        strsim::damerau_levenshtein(&it.to_lowercase(), &name.to_lowercase()) <= name.len() / 3
    });
    close
        .min_by_key(|it| strsim::damerau_levenshtein(it, name))
        .copied()
}
