//! What a stack is before and after, in a few words.

use lockstep::stack::{Heal, ResourceChange, StackStep, Template};

use crate::stack::Planned;

/// How many resources are named.
const NAMED: usize = 4;

/// What the stack is before.
pub(crate) fn before(step: &StackStep) -> String {
    match (&step.before, &step.heal) {
        (Some(before), _) => template(&before.template),
        (None, Some(Heal::DeleteAndCreate)) => "what is left of its failed creation".to_owned(),
        (None, _) => "nothing".to_owned(),
    }
}

/// What it is to be afterwards, and what is done first where it is stuck.
pub(crate) fn after(planned: &Planned) -> String {
    let step = &planned.step;
    let template = template(&step.template);
    let after = match (&step.preview, &step.before) {
        (Some(preview), _) if !preview.changes.is_empty() => {
            format!("{template}: {}", listed(&preview.changes))
        }
        (_, None) => format!("{template}, a new stack"),
        (_, Some(_)) if planned.waits_for.is_empty() => template,
        (_, Some(_)) => {
            let stacks = planned.waits_for.join(" and ");
            format!("{template}, with what {stacks} will give")
        }
    };
    match &planned.cure {
        Some(cure) => format!("{after} ({cure})"),
        None => after,
    }
}

fn template(template: &Template) -> String {
    let hash = &template.sha256;
    format!("template {}", hash.get(..8).unwrap_or(hash))
}

/// The resources that change, the first of them by name.
fn listed(changes: &[ResourceChange]) -> String {
    let named = changes.iter().take(NAMED).map(|change| {
        let path = &change.path;
        match (change.action.as_str(), change.replacement.as_deref()) {
            ("Add", _) => format!("{path} added"),
            ("Remove", _) => format!("{path} removed"),
            ("Import", _) => format!("{path} imported"),
            (_, Some("True")) => format!("{path} replaced"),
            (_, Some("Conditional")) => format!("{path} changed, perhaps replaced"),
            _ => format!("{path} changed"),
        }
    });
    let mut named: Vec<_> = named.collect();
    if changes.len() > NAMED {
        named.push(format!("{} more", changes.len() - NAMED));
    }
    named.join(", ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use serde_json::json;

    use lockstep::stack::StackStep;

    use super::{after, before};
    use crate::stack::Planned;

    fn planned(more: serde_json::Value) -> Planned {
        let mut step = json!({
            "deployment": "01JD5Q6Z8G0000000000000000", "application": "shop", "environment": "test", "component": "data",
            "stack": "shop-test-data", "template": {"url": "u", "sha256": "0123456789", "size": 1}, "deadline_seconds": 60,
        });
        for (name, value) in more.as_object().unwrap() {
            step[name] = value.clone();
        }
        let step: StackStep = serde_json::from_value(step).unwrap();
        Planned {
            step,
            waits_for: Vec::new(),
            cure: None,
        }
    }

    fn change(path: &str, action: &str) -> serde_json::Value {
        json!({"path": path, "resource_type": "AWS::SNS::Topic", "action": action})
    }

    #[test]
    fn a_new_stack_was_nothing_before() {
        let planned = planned(json!({}));
        assert_eq!(before(&planned.step), "nothing");
        assert_eq!(after(&planned), "template 01234567, a new stack");
    }

    #[test]
    fn changes_are_named_as_far_as_they_can_be_read() {
        let changes = [
            change("A", "Add"),
            change("B", "Modify"),
            change("C", "Remove"),
            change("D", "Modify"),
            change("E", "Modify"),
        ];
        let was = json!({"id": "arn", "template": {"url": "u", "sha256": "9876543210", "size": 1}});
        let preview = json!({"change_set": "c", "changes": changes});
        let planned = planned(json!({"before": was, "preview": preview}));
        assert_eq!(before(&planned.step), "template 98765432");
        assert_eq!(
            after(&planned),
            "template 01234567: A added, B changed, C removed, D changed, 1 more"
        );
    }

    #[test]
    fn what_waits_for_another_stack_or_for_a_cure_says_so() {
        let was = json!({"id": "arn", "template": {"url": "u", "sha256": "0123456789", "size": 1}});
        let mut planned = planned(json!({"before": was}));
        planned.waits_for.push("network".to_owned());
        assert_eq!(
            after(&planned),
            "template 01234567, with what network will give"
        );
        planned.waits_for.clear();
        planned.cure = Some("UPDATE_FAILED: it is rolled back first".to_owned());
        assert_eq!(
            after(&planned),
            "template 01234567 (UPDATE_FAILED: it is rolled back first)"
        );
    }
}
