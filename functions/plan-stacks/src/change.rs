//! What CloudFormation says that would change: a change set, made and read, never executed.

use lockstep::stack::{
    ChangeSetStatus, LiveChangeSet, ParameterValue, ResourceChange, StackStep, identity,
};
use lockstep::{Check, PhaseError};
use lockstep_cloudformation::{ChangeSetRequest, CloudFormation, Kind};

/// What became of a change set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Compared {
    /// These are the changes.
    Changes(Vec<ResourceChange>),
    /// Nothing would change. The change set is deleted.
    Nothing,
    /// CloudFormation is still at it.
    NotYet,
    /// CloudFormation cannot do it. The change set is deleted.
    Impossible(Check),
}

/// Has CloudFormation compare the stack with what is wanted. Only for stacks that are there, and
/// whose parameters are all known.
pub(crate) async fn compare(
    cloudformation: &CloudFormation,
    step: &StackStep,
) -> Result<Compared, PhaseError> {
    let name = identity::change_set(&step.deployment, false);
    let mut found = cloudformation.change_set(&step.stack, &name).await?;
    if found.is_none() {
        cloudformation
            .create_change_set(&request(step, &name))
            .await?;
        found = cloudformation.change_set(&step.stack, &name).await?;
    }
    let Some(found) = found else {
        return Ok(Compared::NotYet);
    };
    let compared = compared(step, found);
    let is_of_no_use = !matches!(compared, Some(Compared::Changes(_) | Compared::NotYet));
    if is_of_no_use {
        cloudformation.delete_change_set(&step.stack, &name).await?;
    }
    Ok(compared.unwrap_or(Compared::NotYet))
}

/// What a change set came to; `None` where it is to be made again.
fn compared(step: &StackStep, found: LiveChangeSet) -> Option<Compared> {
    Some(match found.status {
        ChangeSetStatus::Pending => Compared::NotYet,
        // One that was executed is shown by a copy of this invocation that came late.
        ChangeSetStatus::Ready | ChangeSetStatus::Executed => Compared::Changes(found.changes),
        ChangeSetStatus::Empty => Compared::Nothing,
        ChangeSetStatus::Failed => Compared::Impossible(impossible(step, &found.reason)),
        ChangeSetStatus::Obsolete => return None,
    })
}

fn impossible(step: &StackStep, reason: &str) -> Check {
    let reason = reason.trim_end_matches('.');
    Check {
        what: "change set".into(),
        resource: step.resource(),
        found: format!("that CloudFormation cannot make it: {reason}"),
        expected: "one that can be executed".into(),
        todo: "correct the template or the stack's parameters, apply or release them, then deploy again"
            .into(),
        curable: false,
    }
}

fn request(step: &StackStep, name: &str) -> ChangeSetRequest {
    let value = |value: &ParameterValue| match value {
        ParameterValue::Text(text) => Some(text.clone()),
        ParameterValue::Output { .. } | ParameterValue::Previous => None,
    };
    let parameters = step.parameters.iter();
    ChangeSetRequest {
        stack: step.stack.clone(),
        name: name.to_owned(),
        kind: Kind::Update,
        description: format!(
            "Deployment {} of {} in {}",
            step.deployment, step.application, step.environment
        ),
        template_url: step.template.url.clone(),
        parameters: parameters
            .map(|(name, it)| (name.clone(), value(it)))
            .collect(),
        capabilities: step.capabilities.clone(),
        tags: step.tags.clone(),
        role: step.role.clone(),
        alarms: step.alarms.clone(),
        monitoring_minutes: step.monitoring_minutes,
    }
}
