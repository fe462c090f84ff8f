//! What a state sends is what its function reads.

use std::collections::BTreeMap;

use lockstep::record::Execution;
use lockstep_handler::{Invocation, Verb};
use serde_json::{Value, json};

use crate::machine::Machine;

#[test]
fn every_function_gets_the_fields_it_knows() {
    let known = BTreeMap::from([
        (
            "ImageBuild",
            vec![
                "deployment execution fence step task_token verb",
                "deployment execution fence verb",
            ],
        ),
        (
            "Conclude",
            vec!["deployment execution failure fence restored steps undo"],
        ),
        (
            "Function",
            vec![
                "deployment execution fence step task_token verb",
                "deployment verb",
            ],
        ),
        (
            "Gate",
            vec!["deployment execution fence step task_token verb"],
        ),
        (
            "Infrastructure",
            vec!["deployment execution fence step task_token verb"],
        ),
        (
            "InfrastructureBuild",
            vec![
                "deployment execution fence step task_token verb",
                "deployment execution fence progress verb",
            ],
        ),
        (
            "Lock",
            vec!["deployment execution fence step task_token verb"],
        ),
        (
            "Migrate",
            vec!["deployment execution fence step task_token verb"],
        ),
        (
            "Notify",
            vec![
                "deployment failure moment",
                "deployment moment question",
                "conclusion deployment execution failure moment",
            ],
        ),
        ("Plan", vec!["deployment execution fence stage"]),
        ("PlanFunctions", vec!["deployment execution fence stage"]),
        ("PlanStacks", vec!["deployment execution fence progress"]),
        ("PublishLive", vec!["deployment execution fence verb"]),
        ("Release", vec!["deployment execution progress"]),
        (
            "Service",
            vec!["deployment execution fence step task_token verb"],
        ),
        (
            "Site",
            vec!["deployment execution fence step task_token verb"],
        ),
        ("Traffic", vec!["deployment execution fence progress"]),
        ("Trigger", vec!["execution input"]),
        ("Verify", vec!["deployment execution fence progress target"]),
        ("Wake", vec!["keys"]),
    ]);
    for task in Machine::load().tasks() {
        let mut fields: Vec<_> = task
            .payload()
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        fields.sort_unstable();
        let fields = fields.join(" ");
        assert!(
            known[task.function()].contains(&fields.as_str()),
            "{} sends {fields}",
            task.name
        );
    }
}

#[test]
fn a_phase_reads_what_its_state_sends() {
    for task in Machine::load().token_tasks() {
        let invocation = Invocation::parse(&example(task.payload()))
            .unwrap_or_else(|error| panic!("{}: {error}", task.name));
        let verb = if task.name.starts_with("Undo") {
            Verb::Undo
        } else {
            Verb::Do
        };
        assert_eq!(invocation.verb, verb, "{}", task.name);
        assert_eq!(
            invocation.step.is_some(),
            task.inside.is_some(),
            "{}",
            task.name
        );
        assert!(!invocation.woken, "only an event wakes");
    }
}

#[test]
fn an_execution_is_always_told_in_the_same_way() {
    for task in Machine::load().tasks() {
        if let Some(execution) = task.payload().get("execution") {
            let execution = serde_json::from_value::<Execution>(example(execution));
            assert!(execution.is_ok(), "{}: {execution:?}", task.name);
        }
    }
}

/// The payload as it may look when the expressions in it are evaluated.
fn example(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), example(value)))
            .collect(),
        Value::String(text) => evaluated(text),
        other => other.clone(),
    }
}

fn evaluated(text: &str) -> Value {
    match text {
        "{% $deployment %}" => json!({
            "id": "01JD5Q6Z8G0000000000000000", "application": "live-quiz", "environment": "production",
        }),
        "{% $states.context.Execution.StartTime %}" => json!("2026-11-20T10:00:00.123Z"),
        "{% $states.input.step %}" => json!(3),
        "{% $fence %}" => json!(7),
        other => json!(other),
    }
}
