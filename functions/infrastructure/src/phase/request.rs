//! The change sets of a step: what the stack is to be, and what it was.

use std::collections::BTreeMap;

use lockstep::PhaseError;
use lockstep::stack::{ParameterValue, StackStep, identity};
use lockstep_cloudformation::{ChangeSetRequest, Kind};

use super::StackPhase;

impl StackPhase {
    /// What the stack is to be. Outputs of other stacks are read now: those that the deployment
    /// changes have been changed by the steps before this one.
    pub(super) async fn change(
        &self,
        step: &StackStep,
        create: bool,
    ) -> Result<ChangeSetRequest, PhaseError> {
        let mut outputs: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
        let mut parameters = BTreeMap::new();
        for (name, value) in &step.parameters {
            let value = match value {
                ParameterValue::Text(text) => Some(text.clone()),
                ParameterValue::Previous => None,
                ParameterValue::Output {
                    stack,
                    component,
                    output,
                } if stack.is_empty() => {
                    if !outputs.contains_key(component.as_str()) {
                        outputs.insert(component, self.applied(step, component).await?);
                    }
                    let found = outputs[component.as_str()].get(output).cloned();
                    Some(found.ok_or_else(|| not_given(step, name, component, output))?)
                }
                ParameterValue::Output { stack, output, .. } => {
                    if !outputs.contains_key(stack.as_str()) {
                        let live = self.cloudformation.stack(stack).await?;
                        outputs.insert(stack, live.map(|it| it.outputs).unwrap_or_default());
                    }
                    let found = outputs[stack.as_str()].get(output);
                    Some(
                        found
                            .cloned()
                            .ok_or_else(|| missing(step, name, stack, output))?,
                    )
                }
            };
            parameters.insert(name.clone(), value);
        }
        Ok(ChangeSetRequest {
            stack: step.stack.clone(),
            name: identity::change_set(&step.deployment, false),
            kind: if create { Kind::Create } else { Kind::Update },
            description: description(step, ""),
            template_url: step.template.url.clone(),
            parameters,
            capabilities: step.capabilities.clone(),
            tags: step.tags.clone(),
            role: step.role.clone(),
            alarms: step.alarms.clone(),
            monitoring_minutes: step.monitoring_minutes,
        })
    }
}

impl StackPhase {
    /// The outputs of infrastructure that CodeBuild builds. Its step came before this one.
    async fn applied(
        &self,
        step: &StackStep,
        component: &str,
    ) -> Result<BTreeMap<String, String>, PhaseError> {
        let (application, environment) = (&step.application, &step.environment);
        let applied = self.ledger.applied(application, environment, component);
        let applied = applied.await?;
        Ok(applied.map(|it| it.outputs).unwrap_or_default())
    }
}

/// What the stack was when the plan was made.
pub(super) fn back(step: &StackStep) -> Result<ChangeSetRequest, PhaseError> {
    let Some(before) = &step.before else {
        return Err(PhaseError::InvalidRequest {
            field: "before".to_owned(),
            reason: format!("{} was not there before", step.resource()),
        });
    };
    let told = before.parameters.iter();
    let told = told.map(|(name, value)| (name.clone(), Some(value.clone())));
    let hidden = before.hidden.iter().map(|name| (name.clone(), None));
    Ok(ChangeSetRequest {
        stack: step.stack.clone(),
        name: identity::change_set(&step.deployment, true),
        kind: Kind::Update,
        description: description(step, "undo of "),
        template_url: before.template.url.clone(),
        parameters: told.chain(hidden).collect(),
        capabilities: before.capabilities.clone(),
        tags: before.tags.clone(),
        // A stack cannot be without a role again, and the one it has may undo what it did.
        role: before.role.clone().or_else(|| step.role.clone()),
        alarms: before.alarms.clone(),
        monitoring_minutes: before.monitoring_minutes,
    })
}

fn description(step: &StackStep, what: &str) -> String {
    format!(
        "Lockstep: {what}deployment {} of {}/{}",
        step.deployment, step.application, step.environment
    )
}

fn not_given(step: &StackStep, parameter: &str, component: &str, output: &str) -> PhaseError {
    PhaseError::Rejected {
        resource: step.resource(),
        reason: format!(
            "parameter {parameter} is the output {output} of the infrastructure {component}, which was applied without \
             such an output; add it there, or correct lockstep.yaml, then deploy again"
        ),
    }
}

fn missing(step: &StackStep, parameter: &str, stack: &str, output: &str) -> PhaseError {
    PhaseError::Rejected {
        resource: step.resource(),
        reason: format!(
            "parameter {parameter} is the output {output} of stack {stack}, which has no such output; \
             add it to that stack's template, or correct lockstep.yaml, then deploy again"
        ),
    }
}
