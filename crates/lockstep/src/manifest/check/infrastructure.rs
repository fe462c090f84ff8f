//! Checks of infrastructure that CodeBuild builds.

use std::collections::BTreeMap;

use super::Check;
use super::stacks::{At, Sources, unknown};
use crate::manifest::error::Problem;
use crate::manifest::infrastructure::{Infrastructure, ProjectSource, SourceFrom};
use crate::manifest::places::{item_path, join};
use crate::manifest::resolved::NamedEnvironment;
use crate::manifest::resolved_stack::{StackParameter, in_order};
use crate::manifest::rules::{self, Rule};
use crate::manifest::types::Manifest;
use crate::manifest::wording::quoted;

/// How many pieces of infrastructure an application may have. They are changed one after the
/// other, and their plan is one item of the ledger.
const COMPONENTS: usize = 10;

/// How many bytes the variables of one may have, as JSON.
const VARIABLES: usize = 64 * 1024;

/// Where it stands in the manifest.
const KIND: &str = "infrastructure";

impl Check<'_> {
    /// Names, and what names them.
    pub(super) fn infrastructure_names(&mut self, manifest: &Manifest) {
        let names = || manifest.infrastructure.keys();
        self.keys(KIND, names(), rules::name);
        if manifest.infrastructure.len() > COMPONENTS {
            let found = format!("{} pieces of infrastructure", manifest.infrastructure.len());
            let problem = Problem::new(KIND, found, format!("at most {COMPONENTS}"));
            let problem = problem.help("split the application in two");
            self.report(&self.places.key(KIND), problem);
        }
        for name in names() {
            let owner = match name {
                name if manifest.services.contains_key(name) => "service",
                name if manifest.functions.contains_key(name) => "function",
                name if manifest.stacks.contains_key(name) => "stack",
                _ => continue,
            };
            let path = join(KIND, name);
            let found = format!("the name {} of a {owner}", quoted(name));
            let problem = Problem::new(&path, found, "a name of its own")
                .help("artifacts, outputs and approvals are told apart by these names");
            self.report(&self.places.key(&path), problem);
        }
        let known: Vec<_> = names().cloned().collect();
        for (environment, its) in &manifest.environments {
            for name in its.infrastructure.keys().filter(|it| !known.contains(it)) {
                let path = format!("environments.{environment}.{KIND}.{name}");
                let problem = unknown(&path, name, &known, "infrastructure of this manifest");
                self.report(&self.places.key(&path), problem);
            }
        }
    }

    pub(super) fn infrastructure(&mut self, named: &NamedEnvironment<'_>) {
        let all: Vec<_> = named.infrastructure().collect();
        if all.is_empty() {
            return;
        }
        let sources = Sources::of(named);
        let stacks: Vec<_> = named.stacks().map(|(name, _)| name.to_owned()).collect();
        let mut after = BTreeMap::new();
        for (name, infrastructure) in &all {
            let at = At {
                named,
                kind: KIND,
                name,
            };
            after.insert((*name).to_owned(), infrastructure.dependencies());
            self.piece(&at, infrastructure, &sources, &stacks);
        }
        if let Err(circle) = in_order(&after) {
            self.circle(named, KIND, &circle, &["after", "variables"]);
        }
    }

    fn piece(
        &mut self,
        at: &At<'_>,
        infrastructure: &Infrastructure,
        sources: &Sources,
        stacks: &[String],
    ) {
        match &infrastructure.project {
            ProjectSource::One(name) => {
                self.stack_field(at, "project", Some(name), rules::build_project);
            }
            ProjectSource::Each(each) => {
                self.stack_field(at, "project.plan", Some(&each.plan), rules::build_project);
                self.stack_field(at, "project.apply", Some(&each.apply), rules::build_project);
            }
        }
        let (field, source, rule) = match &infrastructure.source {
            SourceFrom::Folder(path) => ("source", path, rules::source_folder as Rule),
            SourceFrom::Released(it) => ("source.artifact", &it.artifact, rules::artifact as Rule),
        };
        self.stack_field(at, field, Some(source), rule);
        let own = sources.of_infrastructure();
        for (name, from) in &infrastructure.variables {
            let field = join("variables", name);
            self.stack_key(at, &field, name, rules::build_variable);
            let stack = match from.resolve() {
                Some(StackParameter::Output { component, .. }) if stacks.contains(&component) => {
                    component
                }
                _ => {
                    self.parameter(at, &field, from, &own);
                    continue;
                }
            };
            let field = join(&field, "output");
            if let Some(path) = self.places.first(at.written(&[&field])) {
                let found = format!("an output of the stack {}", quoted(&stack));
                let problem = Problem::new(&path, found, "an output of other infrastructure");
                let help = "infrastructure is changed before the stacks, so that it cannot wait for one of them";
                self.report(&self.places.value(&path), problem.help(help));
            }
        }
        self.variables_size(at, infrastructure);
        for resource in &infrastructure.replaceable {
            if let Err(refusal) = rules::resource_address(resource) {
                self.item(
                    at,
                    "replaceable",
                    resource,
                    refusal.problem("", quoted(resource)),
                );
            }
        }
        for other in &infrastructure.after {
            if stacks.contains(other) {
                let problem = Problem::new("", quoted(other), "other infrastructure, not a stack");
                let problem = problem.help("infrastructure is changed before the stacks");
                self.item(at, "after", other, problem);
            } else {
                self.other(at, other, &own.outputs, "infrastructure of this manifest");
            }
        }
    }

    fn variables_size(&mut self, at: &At<'_>, infrastructure: &Infrastructure) {
        let json = serde_json::to_vec(&infrastructure.variables);
        let size = json.map_or(usize::MAX, |json| json.len());
        let path = self.places.first(at.written(&["variables"]));
        if let (true, Some(path)) = (size > VARIABLES, path) {
            let found = format!("{} KiB of variables", size.div_ceil(1024));
            let problem = Problem::new(&path, found, format!("at most {} KiB", VARIABLES / 1024));
            let problem = problem.help("put what is large into a file of the source");
            self.report(&self.places.key(&path), problem);
        }
    }

    /// Reports an order in which nothing can be changed.
    pub(super) fn circle(
        &mut self,
        named: &NamedEnvironment<'_>,
        kind: &'static str,
        circle: &[&str],
        fields: &[&str],
    ) {
        let first = circle.first().copied().unwrap_or_default();
        let at = At {
            named,
            kind,
            name: first,
        };
        let path = self.places.first(at.written(fields));
        let path = path.unwrap_or_else(|| join(kind, first));
        let found = match circle {
            [only] => format!("{only} after itself"),
            all => format!("a circle: {} after {first}", all.join(" after ")),
        };
        let problem = Problem::new(&path, found, "an order in which they can be changed");
        let other = if kind == KIND { "one" } else { "stack" };
        let help = format!("`after` and `output` both mean that the other {other} comes first");
        self.report(&self.places.key(&path), problem.help(help));
    }

    /// Something of the same kind that comes first.
    pub(super) fn other(&mut self, at: &At<'_>, other: &str, all: &[String], what: &str) {
        let known: Vec<_> = all.iter().filter(|it| *it != at.name).cloned().collect();
        // One after itself is told with the circles.
        if other != at.name && !known.iter().any(|it| it == other) {
            let problem = unknown("", other, &known, what);
            self.item(at, "after", other, problem);
        }
    }

    /// Reports an item of a list, wherever it stands there.
    pub(super) fn item(&mut self, at: &At<'_>, field: &str, value: &str, problem: Problem) {
        for base in at.written(&[field]) {
            let items = (0..).map(|index| item_path(&base, index));
            let mut there = items.take_while(|it| self.places.first([it.clone()]).is_some());
            if let Some(path) = there.find(|it| self.places.text(it) == Some(value)) {
                let span = self.places.value(&path);
                return self.report(&span, Problem { path, ..problem });
            }
        }
    }
}
