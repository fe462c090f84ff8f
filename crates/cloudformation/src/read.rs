//! From the SDK's types to ours.

use aws_sdk_cloudformation::types::{
    ResourceChange as SdkChange, ResourceChangeDetail, Stack, StackEvent as SdkEvent,
    StackResource as SdkResource,
};
use jiff::Timestamp;
use lockstep::stack::{
    LiveStack, PropertyChange, ResourceChange, StackEvent, StackResource, StackStatus,
};

pub(crate) fn live_stack(stack: &Stack) -> LiveStack {
    let rollback = stack.rollback_configuration();
    let parameters = stack.parameters().iter();
    LiveStack {
        id: text(stack.stack_id()),
        name: text(stack.stack_name()),
        status: StackStatus::new(text(
            stack
                .stack_status()
                .map(aws_sdk_cloudformation::types::StackStatus::as_str),
        )),
        reason: text(stack.stack_status_reason()),
        parameters: parameters
            .map(|it| (text(it.parameter_key()), text(it.parameter_value())))
            .collect(),
        tags: stack
            .tags()
            .iter()
            .map(|it| (text(it.key()), text(it.value())))
            .collect(),
        outputs: stack
            .outputs()
            .iter()
            .map(|it| (text(it.output_key()), text(it.output_value())))
            .collect(),
        capabilities: stack
            .capabilities()
            .iter()
            .map(|it| it.as_str().to_owned())
            .collect(),
        role: present(stack.role_arn()),
        alarms: rollback.map_or_else(Vec::new, |it| {
            it.rollback_triggers()
                .iter()
                .map(|trigger| text(trigger.arn()))
                .collect()
        }),
        monitoring_minutes: rollback
            .and_then(
                aws_sdk_cloudformation::types::RollbackConfiguration::monitoring_time_in_minutes,
            )
            .and_then(|minutes| u32::try_from(minutes).ok())
            .unwrap_or_default(),
        termination_protection: stack.enable_termination_protection().unwrap_or_default(),
        last_operation: None,
    }
}

/// An event of a stack that is nested so deep.
pub(crate) fn stack_event(event: &SdkEvent, nesting: &[String]) -> StackEvent {
    let at = event.timestamp().and_then(|at| {
        let nanoseconds = i32::try_from(at.subsec_nanos()).ok()?;
        Timestamp::new(at.secs(), nanoseconds).ok()
    });
    StackEvent {
        id: text(event.event_id()),
        stack: text(event.stack_id()),
        at: at.unwrap_or(Timestamp::UNIX_EPOCH),
        logical: text(event.logical_resource_id()),
        physical: present(event.physical_resource_id()),
        resource_type: text(event.resource_type()),
        status: text(
            event
                .resource_status()
                .map(aws_sdk_cloudformation::types::ResourceStatus::as_str),
        ),
        reason: text(event.resource_status_reason()),
        token: present(event.client_request_token()),
        nesting: nesting.to_vec(),
    }
}

pub(crate) fn stack_resource(resource: &SdkResource, nesting: &[String]) -> StackResource {
    StackResource {
        path: path(nesting, resource.logical_resource_id()),
        physical: present(resource.physical_resource_id()),
        resource_type: text(resource.resource_type()),
        status: text(
            resource
                .resource_status()
                .map(aws_sdk_cloudformation::types::ResourceStatus::as_str),
        ),
        reason: text(resource.resource_status_reason()),
    }
}

pub(crate) fn resource_change(change: &SdkChange, nesting: &[String]) -> ResourceChange {
    let mut properties: Vec<PropertyChange> = Vec::new();
    for property in change.details().iter().filter_map(property_change) {
        // A change by way of a parameter is told twice: once with its cause.
        match properties.iter_mut().find(|it| it.path == property.path) {
            Some(known) => merge(known, property),
            None => properties.push(property),
        }
    }
    ResourceChange {
        path: path(nesting, change.logical_resource_id()),
        physical: present(change.physical_resource_id()),
        resource_type: text(change.resource_type()),
        action: text(
            change
                .action()
                .map(aws_sdk_cloudformation::types::ChangeAction::as_str),
        ),
        replacement: present(
            change
                .replacement()
                .map(aws_sdk_cloudformation::types::Replacement::as_str),
        ),
        policy_action: present(
            change
                .policy_action()
                .map(aws_sdk_cloudformation::types::PolicyAction::as_str),
        ),
        properties,
    }
}

fn property_change(detail: &ResourceChangeDetail) -> Option<PropertyChange> {
    let target = detail.target()?;
    let attribute = target
        .attribute()
        .map(aws_sdk_cloudformation::types::ResourceAttribute::as_str);
    let place = present(target.path()).or_else(|| present(target.name()));
    Some(PropertyChange {
        path: place.or_else(|| present(attribute))?,
        before: target.before_value().map(str::to_owned),
        after: target.after_value().map(str::to_owned),
        requires_recreation: text(
            target
                .requires_recreation()
                .map(aws_sdk_cloudformation::types::RequiresRecreation::as_str),
        ),
    })
}

fn merge(known: &mut PropertyChange, other: PropertyChange) {
    known.before = known.before.take().or(other.before);
    known.after = known.after.take().or(other.after);
    let weight = |recreation: &str| match recreation {
        "Always" => 2,
        "Conditionally" => 1,
        _ => 0,
    };
    if weight(&other.requires_recreation) > weight(&known.requires_recreation) {
        known.requires_recreation = other.requires_recreation;
    }
}

/// The logical id with those of the stacks it is nested in.
pub(crate) fn path(nesting: &[String], logical: Option<&str>) -> String {
    let parts = nesting.iter().map(String::as_str);
    let parts: Vec<_> = parts.chain(logical).collect();
    parts.join("/")
}

pub(crate) fn text(value: Option<&str>) -> String {
    value.unwrap_or_default().to_owned()
}

/// A value that is there and says something.
pub(crate) fn present(value: Option<&str>) -> Option<String> {
    value.filter(|it| !it.is_empty()).map(str::to_owned)
}
