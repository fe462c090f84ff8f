//! Variables are there before they are read. Step Functions itself finds out only when it runs:
//! an unknown variable ends the state with `States.QueryEvaluationError`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::machine::{Machine, text};

#[test]
fn trigger_sets_the_same_variables_whether_it_succeeds_or_fails() {
    let machine = Machine::load();
    let trigger = machine.state("Trigger");
    assert_eq!(
        names(&trigger.body["Assign"]),
        names(&trigger.catchers()[0]["Assign"])
    );
}

#[test]
fn every_variable_is_set_before_it_is_read() {
    let machine = Machine::load();
    let mut known: BTreeSet<String> = names(&machine.state("Trigger").body["Assign"]);
    known.extend(names(&machine.state("Conclude").body["Assign"]));
    let unknown: BTreeSet<String> = read(&text()).difference(&known).cloned().collect();
    assert!(unknown.is_empty(), "{unknown:?} are read and never set");
    let unread: BTreeSet<String> = known.difference(&read(&text())).cloned().collect();
    assert!(unread.is_empty(), "{unread:?} are set and never read");
}

#[test]
fn nothing_reads_the_conclusion_before_there_is_one() {
    let machine = Machine::load();
    let after = machine.reach("Notify", &[], crate::machine::Edges::All);
    for state in &machine.states {
        let reads = state.body.to_string().contains("$conclusion");
        assert!(
            !reads || after.contains(&state.name.as_str()),
            "{}",
            state.name
        );
    }
}

/// An item of a Map can read the variables around it, and not set them.
#[test]
fn no_state_inside_a_map_sets_a_variable() {
    for state in Machine::load()
        .states
        .iter()
        .filter(|state| state.inside.is_some())
    {
        assert!(
            !state.body.to_string().contains("\"Assign\""),
            "{}",
            state.name
        );
    }
}

fn names(assign: &Value) -> BTreeSet<String> {
    assign.as_object().unwrap().keys().cloned().collect()
}

/// Every `$name` in the text that is neither a function, nor `$states`, nor local to its expression.
fn read(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for rest in text.split('$').skip(1) {
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let local = text.contains(&format!("${name} :="));
        if !name.is_empty() && name != "states" && !after.starts_with('(') && !local {
            found.insert(name.to_owned());
        }
    }
    found
}
