//! Which functions the manifest means, and which artifact is whose.

use std::collections::BTreeMap;

use crate::manifest::{FunctionTarget, ResolvedEnvironment, ResolvedFunction, tags_match};
use crate::release::{Artifact, Artifacts, Component};
use crate::{Check, Only};

/// Functions of the account, with their tags where those are known.
pub type Known = BTreeMap<String, BTreeMap<String, String>>;

/// One function that the manifest means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Member<'a> {
    /// The function's name.
    pub function: &'a str,
    /// What the manifest says of it, or of its group.
    pub resolved: &'a ResolvedFunction,
}

/// Whether the account's functions must be listed, and whether with their tags.
pub fn needs_listing(environment: &ResolvedEnvironment) -> (bool, bool) {
    let groups = || environment.functions.values().filter_map(group);
    (
        groups().next().is_some(),
        groups().any(|(_, tags)| !tags.is_empty()),
    )
}

/// Every function that the manifest means and the deployment is about, by component. `known` are the account's functions;
/// it may be empty where there are no groups.
///
/// A function that is named itself belongs to no group.
///
/// Besides, a failed check for each group that nothing matches, and for each function that
/// several groups match.
pub fn members<'a>(
    environment: &'a ResolvedEnvironment,
    only: &Only,
    known: &'a Known,
) -> (BTreeMap<Component, Member<'a>>, Vec<Check>) {
    let mut members = BTreeMap::new();
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    let mut failed = Vec::new();
    for (name, resolved) in &environment.functions {
        if let FunctionTarget::One(function) = &resolved.target {
            owners.insert(function, name);
            if only.has(name) {
                members.insert(name.clone(), Member { function, resolved });
            }
        }
    }
    let named = owners.clone();
    for (name, resolved) in &environment.functions {
        let Some(target) = group(resolved) else {
            continue;
        };
        let matching = known
            .iter()
            .filter(|(function, tags)| is_meant(target, function, tags));
        let mut functions = matching
            .map(|(function, _)| function.as_str())
            .filter(|function| !named.contains_key(function))
            .peekable();
        if functions.peek().is_none() && only.has(name) {
            failed.push(empty(name, target));
        }
        for function in functions {
            match owners.insert(function, name) {
                Some(other) if only.has(name) || only.has(other) => {
                    failed.push(twice(function, other, name));
                }
                Some(_) => {}
                None if !only.has(name) => {}
                None => drop(
                    members.insert(format!("{name}/{function}"), Member { function, resolved }),
                ),
            }
        }
    }
    (members, failed)
}

/// The artifact of a component: its own, or the one that its whole group gets.
pub fn artifact_of<'a>(artifacts: &'a Artifacts, component: &str) -> Option<&'a Artifact> {
    let group = || artifacts.get(component.split_once('/')?.0);
    artifacts.get(component).or_else(group)
}

type Group<'a> = (Option<&'a String>, &'a BTreeMap<String, String>);

fn group(resolved: &ResolvedFunction) -> Option<Group<'_>> {
    match &resolved.target {
        FunctionTarget::One(_) => None,
        FunctionTarget::Group { pattern, tags } => Some((pattern.as_ref(), tags)),
    }
}

fn is_meant((pattern, wanted): Group<'_>, function: &str, tags: &BTreeMap<String, String>) -> bool {
    pattern.is_none_or(|pattern| tags_match(&[pattern], function))
        && wanted
            .iter()
            .all(|(key, value)| tags.get(key) == Some(value))
}

fn empty(name: &str, (pattern, tags): Group<'_>) -> Check {
    let pattern = pattern.map(|pattern| format!("the name {pattern}"));
    let tags = tags
        .iter()
        .map(|(key, value)| format!("the tag {key}={value}"));
    let wanted: Vec<_> = pattern.into_iter().chain(tags).collect();
    Check {
        what: "group".into(),
        resource: format!("functions {name}"),
        found: "no function that matches".into(),
        expected: format!("functions with {}", wanted.join(" and ")),
        todo: "correct the group in lockstep.yaml and apply it, or create the functions".into(),
        curable: true,
    }
}

fn twice(function: &str, one: &str, other: &str) -> Check {
    Check {
        what: "groups".into(),
        resource: format!("function {function}"),
        found: format!("{one} and {other}"),
        expected: "one group".into(),
        todo: "make the groups in lockstep.yaml tell them apart and apply it, or name the function by itself".into(),
        curable: false,
    }
}

#[cfg(test)]
mod tests;
