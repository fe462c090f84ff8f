//! One stack in one environment, with nothing left to look up in the manifest.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::resolved::ResolveError;
use super::stacks::{ParameterFrom, ParameterSource, Stack, TemplateSource};
use super::stored::StoredManifest;
use super::types::Environment;
use crate::stack::{APPLICATION_TAG, ENVIRONMENT_TAG, Template};

/// How long a change may take where the manifest does not say, in minutes.
const TIMEOUT_MINUTES: u32 = 60;

/// One CloudFormation stack in one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedStack {
    /// Its name in CloudFormation.
    pub stack: String,
    /// Its template.
    pub template: StackTemplate,
    /// The parameters that the manifest sets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, StackParameter>,
    /// The capabilities that are acknowledged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
    /// All its tags, Lockstep's own included.
    pub tags: BTreeMap<String, String>,
    /// The ARN of CloudFormation's role; `None` is the controller's own default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Alarms, by name or ARN.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<String>,
    /// How long they are watched after a change, in minutes.
    pub monitoring_minutes: u32,
    /// Whether it is protected from being deleted.
    pub termination_protection: bool,
    /// Resources that may be replaced or deleted although they hold data.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub replaceable: BTreeSet<String>,
    /// The stacks that it depends on, by the manifest's name for them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub after: BTreeSet<String>,
    /// The time budget of a change, in seconds.
    pub timeout_seconds: u64,
}

/// Where a stack's template comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StackTemplate {
    /// `lockstep apply` stored it.
    Stored(Template),
    /// It comes with uploaded releases, by this path.
    Released(String),
}

/// Where the value of a parameter comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StackParameter {
    /// This text.
    Text(String),
    /// An output of another stack of the manifest.
    Output {
        /// The manifest's name of the other stack.
        component: String,
        /// The output's name.
        output: String,
    },
    /// An SSM parameter of this name.
    Ssm(String),
    /// The image of a component, by digest.
    Image {
        /// The component, as releases name it: `service/container`, or a function.
        component: String,
        /// The image while there is no other.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fallback: Option<String>,
    },
    /// The key of the code that a function runs, in the releases bucket.
    Code(String),
}

impl ParameterSource {
    /// What it means; `None` where it names nothing, or more than one thing, which the check of
    /// the manifest refuses.
    pub(super) fn resolve(&self) -> Option<StackParameter> {
        match self {
            Self::Text(text) => Some(StackParameter::Text(text.clone())),
            Self::From(from) => from.resolve(),
        }
    }
}

impl ParameterFrom {
    fn resolve(&self) -> Option<StackParameter> {
        let Self {
            output,
            ssm,
            image,
            code,
            fallback,
        } = self;
        match (output, ssm, image, code) {
            (Some(output), None, None, None) => {
                let (component, output) = output.split_once('.')?;
                Some(StackParameter::Output {
                    component: component.to_owned(),
                    output: output.to_owned(),
                })
            }
            (None, Some(name), None, None) => Some(StackParameter::Ssm(name.clone())),
            (None, None, Some(component), None) => Some(StackParameter::Image {
                component: component.clone(),
                fallback: fallback.clone(),
            }),
            (None, None, None, Some(function)) => Some(StackParameter::Code(function.clone())),
            _ => None,
        }
    }
}

impl Stack {
    /// The stacks that it depends on: those it names, and those whose outputs it uses.
    pub(super) fn dependencies(&self) -> BTreeSet<String> {
        let outputs = self
            .parameters
            .values()
            .filter_map(|it| match it.resolve()? {
                StackParameter::Output { component, .. } => Some(component),
                _ => None,
            });
        outputs.chain(self.after.iter().cloned()).collect()
    }

    /// Its name in CloudFormation.
    pub(super) fn name(&self, application: &str, environment: &str, name: &str) -> String {
        let default = || format!("{application}-{environment}-{name}");
        self.stack.clone().unwrap_or_else(default)
    }
}

impl StoredManifest {
    /// One stack with its defaults, under the name that the manifest has for it.
    pub(super) fn resolve_stack(
        &self,
        (environment, settings): (&str, &Environment),
        name: &str,
        stack: Stack,
    ) -> Result<ResolvedStack, ResolveError> {
        let application = &self.manifest.application;
        let after = stack.dependencies();
        let parameters = stack.parameters.iter();
        let parameters = parameters.filter_map(|(key, it)| Some((key.clone(), it.resolve()?)));
        let own = [
            (APPLICATION_TAG, application.as_str()),
            (ENVIRONMENT_TAG, environment),
        ];
        let own = own.map(|(key, value)| (key.to_owned(), value.to_owned()));
        Ok(ResolvedStack {
            stack: stack.name(application, environment, name),
            parameters: parameters.collect(),
            after,
            template: self.template(stack.template)?,
            capabilities: stack.capabilities,
            tags: stack.tags.into_iter().chain(own).collect(),
            role: stack.role,
            alarms: stack.alarms,
            monitoring_minutes: stack.monitoring_minutes.unwrap_or(0),
            termination_protection: stack.termination_protection.unwrap_or(settings.protected),
            replaceable: stack.replaceable,
            timeout_seconds: u64::from(stack.timeout_minutes.unwrap_or(TIMEOUT_MINUTES)) * 60,
        })
    }

    fn template(&self, source: TemplateSource) -> Result<StackTemplate, ResolveError> {
        match source {
            TemplateSource::Released(released) => Ok(StackTemplate::Released(released.artifact)),
            TemplateSource::File(path) => match self.templates.get(&path) {
                Some(template) => Ok(StackTemplate::Stored(template.clone())),
                None => Err(ResolveError::MissingTemplate {
                    application: self.manifest.application.clone(),
                    path,
                }),
            },
        }
    }
}

/// The stacks in the order in which they are changed: each after those it depends on, else by
/// name. Names that are no stacks count for nothing. `Err` names a circle: each of them depends
/// on the next one, and the last one on the first.
pub(super) fn in_order(
    stacks: &BTreeMap<String, BTreeSet<String>>,
) -> Result<Vec<&str>, Vec<&str>> {
    let mut order = Vec::new();
    for name in stacks.keys() {
        visit(stacks, name, &mut Vec::new(), &mut order)?;
    }
    Ok(order)
}

fn visit<'a>(
    stacks: &'a BTreeMap<String, BTreeSet<String>>,
    name: &'a str,
    path: &mut Vec<&'a str>,
    order: &mut Vec<&'a str>,
) -> Result<(), Vec<&'a str>> {
    if order.contains(&name) {
        return Ok(());
    }
    if let Some(start) = path.iter().position(|it| *it == name) {
        return Err(path.split_off(start));
    }
    path.push(name);
    let known = stacks.get(name).into_iter().flatten();
    for other in known.filter(|it| stacks.contains_key(*it)) {
        visit(stacks, other, path, order)?;
    }
    path.pop();
    order.push(name);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::in_order;

    fn stacks(all: &[(&str, &[&str])]) -> BTreeMap<String, BTreeSet<String>> {
        let own = |it: &&str| (*it).to_owned();
        let stack = |(name, after): &(&str, &[&str])| (own(name), after.iter().map(own).collect());
        all.iter().map(stack).collect()
    }

    #[test]
    fn each_stack_comes_after_those_it_depends_on() {
        let all = stacks(&[
            ("app", &["network", "data"]),
            ("data", &["network"]),
            ("network", &[]),
            ("x", &["y"]),
        ]);
        assert_eq!(in_order(&all), Ok(vec!["network", "data", "app", "x"]));
    }

    #[test]
    fn a_circle_is_named() {
        let all = stacks(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])]);
        assert_eq!(in_order(&all), Err(vec!["b", "c"]));
        assert_eq!(in_order(&stacks(&[("a", &["a"])])), Err(vec!["a"]));
    }
}
