//! What a stack is before and after, in a few words.

use lockstep::stack::{Heal, ParameterValue, StackStep, Template};

/// How many parameters are named.
const NAMED: usize = 3;

/// What the stack is before.
pub(crate) fn before(step: &StackStep) -> String {
    match (&step.before, &step.heal) {
        (Some(before), _) => template(&before.template),
        (None, Some(Heal::DeleteAndCreate)) => "what is left of its failed creation".to_owned(),
        (None, _) => "nothing".to_owned(),
    }
}

/// What it is to be afterwards, and what is done first where it is stuck. What changes in detail
/// is in the step.
pub(crate) fn after(step: &StackStep, cure: Option<&str>) -> String {
    let mut after = template(&step.template);
    let before = step.before.as_ref();
    if let Some(before) = before.filter(|it| it.template.sha256 == step.template.sha256) {
        let changed = step
            .parameters
            .iter()
            .filter_map(|(name, value)| match value {
                ParameterValue::Text(text) if before.parameters.get(name) != Some(text) => {
                    Some(format!("{name} {text}"))
                }
                _ => None,
            });
        let changed: Vec<_> = changed.collect();
        for named in changed.iter().take(NAMED) {
            after = format!("{after}, {named}");
        }
        if changed.len() > NAMED {
            after = format!("{after} and {} more", changed.len() - NAMED);
        }
    }
    match cure {
        Some(cure) => format!("{after} ({cure})"),
        None => after,
    }
}

fn template(template: &Template) -> String {
    let hash = &template.sha256;
    format!("template {}", hash.get(..8).unwrap_or(hash))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use serde_json::json;

    use lockstep::stack::StackStep;

    use super::{after, before};

    fn step(more: &serde_json::Value) -> StackStep {
        let mut step = json!({
            "deployment": "01JD5Q6Z8G0000000000000000", "application": "shop", "environment": "test", "component": "data",
            "stack": "shop-test-data", "template": {"url": "u", "sha256": "0123456789", "size": 1}, "deadline_seconds": 60,
        });
        for (name, value) in more.as_object().unwrap() {
            step[name] = value.clone();
        }
        serde_json::from_value(step).unwrap()
    }

    #[test]
    fn a_new_stack_was_nothing_before() {
        let step = step(&json!({}));
        assert_eq!(before(&step), "nothing");
        assert_eq!(after(&step, None), "template 01234567");
    }

    #[test]
    fn the_same_template_is_told_by_what_else_changes() {
        let was = |sha256: &str| json!({"id": "arn", "template": {"url": "u", "sha256": sha256, "size": 1}, "parameters": {"A": "1", "B": "2"}});
        let values = json!({"A": {"text": "1"}, "B": {"text": "3"}, "C": "previous"});
        let same = step(&json!({"before": was("0123456789"), "parameters": values}));
        assert_eq!(before(&same), "template 01234567");
        assert_eq!(after(&same, None), "template 01234567, B 3");
        let other = step(&json!({"before": was("9876543210"), "parameters": values}));
        assert_eq!(before(&other), "template 98765432");
        assert_eq!(
            after(&other, Some("UPDATE_FAILED: it is rolled back first")),
            "template 01234567 (UPDATE_FAILED: it is rolled back first)"
        );
    }
}
