//! Which artifact of a release is for which function or stack.

use std::collections::{BTreeMap, BTreeSet};

use super::{ReleaseFile, ReleasedArtifact};
use crate::manifest::names::{is_function_name, nearest};
use crate::manifest::{
    CodeSource, FunctionTarget, ResolvedEnvironment, ResolvedFunction, tags_match,
};
use crate::release::Component;

/// What stands for the name of each function in a group's path.
pub(crate) const FUNCTION: &str = "${function}";

/// A release's artifacts by what they are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assigned<'a> {
    /// By component. A component that the release has nothing for stays as it is.
    pub components: BTreeMap<Component, &'a ReleasedArtifact>,
    /// What no function, no stack and no infrastructure takes: with each, what the manifest may have meant.
    pub unused: Vec<String>,
}

impl ReleaseFile {
    /// Says which artifact is for which component of an environment.
    ///
    /// A path is for every function that names it. In a group, `${function}` stands for the
    /// name of each: `workers/shop-a` gets the artifact that the path of `shop-a` names,
    /// whether there is such a function is seen when the functions are looked at. A stack takes the
    /// template of its path, infrastructure the source.
    pub fn assign(&self, environment: &ResolvedEnvironment) -> Assigned<'_> {
        let zips = || environment.functions.iter().filter_map(zip);
        let templates = || {
            let sources = environment.released_sources();
            environment.released_templates().chain(sources)
        };
        let named: BTreeSet<&str> = environment.functions.values().filter_map(one).collect();
        let mut components = BTreeMap::new();
        let mut unused = Vec::new();
        for artifact in &self.artifacts {
            let functions = zips().filter_map(|taker| component(taker, &artifact.path, &named));
            let stacks = templates().filter(|(_, path)| *path == artifact.path);
            let stacks = stacks.map(|(name, _)| name.to_owned());
            let takers: Vec<_> = functions.chain(stacks).collect();
            if takers.is_empty() {
                let paths = zips().map(|(_, _, path)| path);
                let paths = paths.chain(templates().map(|(_, path)| path));
                let meant = nearest(&artifact.path, paths);
                let meant = meant.map(|it| format!(" (did you mean `{it}`?)"));
                unused.push(format!("{}{}", artifact.path, meant.unwrap_or_default()));
            }
            components.extend(takers.into_iter().map(|component| (component, artifact)));
        }
        Assigned { components, unused }
    }
}

type Taker<'a> = (&'a str, &'a ResolvedFunction, &'a str);

fn zip<'a>((name, function): (&'a String, &'a ResolvedFunction)) -> Option<Taker<'a>> {
    match &function.code {
        CodeSource::Zip(path) => Some((name, function, path)),
        CodeSource::Image(_) => None,
    }
}

fn one(function: &ResolvedFunction) -> Option<&str> {
    match &function.target {
        FunctionTarget::One(name) => Some(name),
        FunctionTarget::Group { .. } => None,
    }
}

/// The component that gets the artifact of this path.
fn component(
    (name, function, path): Taker<'_>,
    found: &str,
    named: &BTreeSet<&str>,
) -> Option<Component> {
    let Some((before, after)) = path.split_once(FUNCTION) else {
        return (path == found).then(|| name.to_owned());
    };
    let member = found.strip_prefix(before)?.strip_suffix(after)?;
    let FunctionTarget::Group { pattern, .. } = &function.target else {
        return None;
    };
    let matches = pattern
        .as_ref()
        .is_none_or(|pattern| tags_match(&[pattern], member));
    (is_function_name(member) && matches && !named.contains(member))
        .then(|| format!("{name}/{member}"))
}
