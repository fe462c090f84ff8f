//! What a manifest's stacks mean.

use std::collections::{BTreeMap, BTreeSet};

use super::Check;
use crate::manifest::error::Problem;
use crate::manifest::functions::{CodeSource, FunctionTarget, ResolvedFunction};
use crate::manifest::names::nearest;
use crate::manifest::places::{item_path, join};
use crate::manifest::resolved::NamedEnvironment;
use crate::manifest::resolved_stack::in_order;
use crate::manifest::rules::{self, Refusal, Rule};
use crate::manifest::stacks::{ParameterFrom, ParameterSource, Stack, TemplateSource};
use crate::manifest::types::Manifest;
use crate::manifest::wording::quoted;

/// How many stacks an application may have. They are changed one after the other, and their
/// plan is one item of the ledger.
const STACKS: usize = 20;

/// How many alarms CloudFormation watches for one stack.
const ALARMS: usize = 5;

/// How many tags a stack may have: CloudFormation's 50, without Lockstep's own.
const TAGS: usize = 48;

/// Where stacks stand in the manifest.
const KIND: &str = "stacks";

/// One stack, or one piece of infrastructure, in one environment, to be checked.
pub(super) struct At<'a> {
    pub(super) named: &'a NamedEnvironment<'a>,
    /// Where its kind stands in the manifest.
    pub(super) kind: &'static str,
    pub(super) name: &'a str,
}

impl At<'_> {
    pub(super) fn written(&self, fields: &[&str]) -> Vec<String> {
        self.named.written_in(self.kind, self.name, fields)
    }
}

/// What the values of parameters can come from in one environment.
pub(super) struct Sources {
    stacks: Vec<String>,
    infrastructure: Vec<String>,
    /// What outputs can be taken from.
    pub(super) outputs: Vec<String>,
    /// What that is, in words.
    outputs_of: &'static str,
    images: Vec<String>,
    codes: Vec<String>,
}

impl Sources {
    /// The same for infrastructure, which comes before the stacks.
    pub(super) fn of_infrastructure(&self) -> Self {
        Self {
            stacks: Vec::new(),
            infrastructure: self.infrastructure.clone(),
            outputs: self.infrastructure.clone(),
            outputs_of: "infrastructure of this manifest",
            images: self.images.clone(),
            codes: self.codes.clone(),
        }
    }

    pub(super) fn of(named: &NamedEnvironment<'_>) -> Self {
        let functions: Vec<(&str, ResolvedFunction)> = named
            .functions()
            .map(|(name, function)| (name, function.resolve(name)))
            .collect();
        let one = |of_image: bool| {
            let meant = functions.iter().filter(move |(_, it)| {
                let alone = matches!(it.target, FunctionTarget::One(_));
                alone && matches!(it.code, CodeSource::Image(_)) == of_image
            });
            meant.map(|(name, _)| (*name).to_owned())
        };
        let containers = named.services().flat_map(|(name, service)| {
            let containers = service.containers.into_keys();
            containers.map(move |container| format!("{name}/{container}"))
        });
        let stacks: Vec<_> = named.stacks().map(|(name, _)| name.to_owned()).collect();
        let infrastructure = named.infrastructure();
        let infrastructure: Vec<_> = infrastructure.map(|(name, _)| name.to_owned()).collect();
        let outputs_of = if infrastructure.is_empty() {
            "a stack of this manifest"
        } else {
            "a stack or infrastructure of this manifest"
        };
        Self {
            outputs: stacks.iter().chain(&infrastructure).cloned().collect(),
            outputs_of,
            stacks,
            infrastructure,
            images: containers.chain(one(true)).collect(),
            codes: one(false).collect(),
        }
    }
}

impl Check<'_> {
    /// Names, and what names them.
    pub(super) fn stack_names(&mut self, manifest: &Manifest) {
        self.keys("stacks", manifest.stacks.keys(), rules::name);
        if manifest.stacks.len() > STACKS {
            let found = format!("{} stacks", manifest.stacks.len());
            let problem = Problem::new("stacks", found, format!("at most {STACKS}"));
            let problem = problem.help("split the application in two");
            self.report(&self.places.key("stacks"), problem);
        }
        for name in manifest.stacks.keys() {
            let owner = match name {
                name if manifest.services.contains_key(name) => "service",
                name if manifest.functions.contains_key(name) => "function",
                _ => continue,
            };
            let path = join("stacks", name);
            let found = format!("the name {} of a {owner}", quoted(name));
            let problem = Problem::new(&path, found, "a name of its own")
                .help("artifacts and approvals are told apart by these names");
            self.report(&self.places.key(&path), problem);
        }
        for (environment, its) in &manifest.environments {
            for stack in its.stacks.keys() {
                let path = format!("environments.{environment}.stacks.{stack}");
                self.known(manifest.stacks.keys(), &path, "stack", stack);
            }
        }
        self.stacks_twice(manifest);
    }

    /// Two owners of one stack would change it back and forth.
    fn stacks_twice(&mut self, manifest: &Manifest) {
        let mut owners: BTreeMap<String, (String, String)> = BTreeMap::new();
        for named in NamedEnvironment::all(manifest) {
            for (name, stack) in named.stacks() {
                let target = stack.name(&manifest.application, named.name(), name);
                let owner = (name.to_owned(), named.name().to_owned());
                let Some((other, environment)) = owners.insert(target.clone(), owner) else {
                    continue;
                };
                let at = At {
                    named: &named,
                    kind: KIND,
                    name,
                };
                let path = self.places.first(at.written(&["stack"]));
                let path = path.unwrap_or_else(|| join("stacks", name));
                let found =
                    format!("the stack {target} that `{other}` is in environment {environment}");
                let problem = Problem::new(&path, found, "each stack once")
                    .help("put `${environment}` into its name");
                self.report(&self.places.value(&path), problem);
            }
        }
    }

    pub(super) fn stacks(&mut self, named: &NamedEnvironment<'_>) {
        let sources = Sources::of(named);
        let mut after = BTreeMap::new();
        for (name, stack) in named.stacks() {
            let at = At {
                named,
                kind: KIND,
                name,
            };
            after.insert(name.to_owned(), stack.dependencies());
            self.stack(&at, &stack, &sources);
        }
        if let Err(circle) = in_order(&after) {
            self.circle(named, KIND, &circle, &["after", "parameters"]);
        }
    }

    fn stack(&mut self, at: &At<'_>, stack: &Stack, sources: &Sources) {
        let (template, field, rule) = match &stack.template {
            TemplateSource::File(path) => (path, "template", rules::template_file as Rule),
            TemplateSource::Released(it) => {
                (&it.artifact, "template.artifact", rules::artifact as Rule)
            }
        };
        let fields = [
            ("stack", stack.stack.as_ref(), rules::stack_name as Rule),
            (field, Some(template), rule),
            ("role", stack.role.as_ref(), rules::role_arn),
        ];
        for (field, value, rule) in fields {
            self.stack_field(at, field, value, rule);
        }
        for (name, source) in &stack.parameters {
            let field = join("parameters", name);
            self.stack_key(at, &field, name, rules::parameter_name);
            self.parameter(at, &field, source, sources);
        }
        for (key, value) in &stack.tags {
            self.stack_key(at, &format!("tags.{key}"), key, rules::tag_key);
            self.stack_field(at, &format!("tags.{key}"), Some(value), |_| Ok(()));
        }
        self.at_most(at, "tags", stack.tags.len(), TAGS);
        for resource in &stack.replaceable {
            if let Err(refusal) = rules::logical_id(resource) {
                self.item(
                    at,
                    "replaceable",
                    resource,
                    refusal.problem("", quoted(resource)),
                );
            }
        }
        for other in &stack.after {
            self.other(at, other, &sources.stacks, "a stack of this manifest");
        }
        self.stack_alarms(at, stack);
    }

    fn stack_alarms(&mut self, at: &At<'_>, stack: &Stack) {
        for (index, alarm) in stack.alarms.iter().enumerate() {
            let field = item_path("alarms", index);
            self.stack_field(at, &field, Some(alarm), rules::alarm_or_arn);
        }
        self.at_most(at, "alarms", stack.alarms.len(), ALARMS);
        let watched = stack.monitoring_minutes.is_some_and(|minutes| minutes > 0);
        if let (true, true, Some(path)) = (
            watched,
            stack.alarms.is_empty(),
            self.places.first(at.written(&["monitoring_minutes"])),
        ) {
            let problem = Problem::new(&path, "`monitoring_minutes` without `alarms`", "both");
            let help = "name the alarms that are watched";
            self.report(&self.places.key(&path), problem.help(help));
        }
    }

    /// Where the value of a parameter, or of a variable, comes from.
    pub(super) fn parameter(
        &mut self,
        at: &At<'_>,
        field: &str,
        source: &ParameterSource,
        sources: &Sources,
    ) {
        let from = match source {
            ParameterSource::Text(text) => {
                return self.stack_field(at, field, Some(text), |_| Ok(()));
            }
            ParameterSource::From(from) => from,
        };
        let named = [&from.output, &from.ssm, &from.image, &from.code];
        let named = named.into_iter().flatten().count();
        let problem = match (named, &from.fallback, &from.image) {
            (1, Some(_), None) => ("`fallback` without `image`", "it beside `image` alone"),
            (1, ..) => return self.source(at, field, from, sources),
            (0, ..) => ("nothing to take the value from", ONE_OF),
            _ => ("more than one thing to take the value from", ONE_OF),
        };
        if let Some(path) = self.places.first(at.written(&[field])) {
            let problem = Problem::new(&path, problem.0, problem.1);
            self.report(&self.places.key(&path), problem);
        }
    }

    fn source(&mut self, at: &At<'_>, field: &str, from: &ParameterFrom, sources: &Sources) {
        let ssm = join(field, "ssm");
        self.stack_field(at, &ssm, from.ssm.as_ref(), rules::ssm_parameter);
        let fallback = join(field, "fallback");
        self.stack_field(at, &fallback, from.fallback.as_ref(), rules::image);
        let known = [
            (
                &from.image,
                "image",
                &sources.images,
                "a component with images",
            ),
            (
                &from.code,
                "code",
                &sources.codes,
                "a function from a zip file, not a group",
            ),
        ];
        for (value, key, known, what) in known {
            if let Some(value) = value {
                self.one_of(at, &join(field, key), value, known, what);
            }
        }
        let Some(output) = &from.output else { return };
        let field = join(field, "output");
        let Some(path) = self.places.first(at.written(&[&field])) else {
            return;
        };
        let of_stack = |name: &str| sources.stacks.iter().any(|it| it == name);
        match output.split_once('.') {
            Some((other, output))
                if rules::parameter_name(output).is_ok()
                    || (!of_stack(other) && rules::build_output(output).is_ok()) =>
            {
                self.one_of(at, &field, other, &sources.outputs, sources.outputs_of);
            }
            _ => {
                let expected = if sources.infrastructure.is_empty() {
                    "STACK.OUTPUT, with the name that the stack has in this manifest"
                } else {
                    "NAME.OUTPUT, with the name that the stack or the infrastructure has in this manifest"
                };
                let problem = Problem::new(&path, quoted(output), expected);
                self.report(&self.places.value(&path), problem);
            }
        }
    }

    /// A value that names something else of the manifest.
    fn one_of(&mut self, at: &At<'_>, field: &str, value: &str, known: &[String], what: &str) {
        if known.iter().any(|it| it == value) {
            return;
        }
        if let Some(path) = self.places.first(at.written(&[field])) {
            let problem = unknown(&path, value, known, what);
            self.report(&self.places.value(&path), problem);
        }
    }

    pub(super) fn stack_field(
        &mut self,
        at: &At<'_>,
        field: &str,
        value: Option<&String>,
        rule: Rule,
    ) {
        let Some(value) = value else { return };
        if let Some(path) = self.places.first(at.written(&[field])) {
            self.value(&path, value, at.named, rule);
        }
    }

    /// A name that the manifest gives to something of CloudFormation's.
    pub(super) fn stack_key(&mut self, at: &At<'_>, field: &str, key: &str, rule: Rule) {
        let (Err(Refusal { expected, help }), Some(path)) =
            (rule(key), self.places.first(at.written(&[field])))
        else {
            return;
        };
        let found = format!("the name {}", quoted(key));
        let span = self.places.key(&path);
        self.report(
            &span,
            Problem {
                path,
                found,
                expected,
                help,
            },
        );
    }

    fn at_most(&mut self, at: &At<'_>, field: &str, count: usize, limit: usize) {
        if count <= limit {
            return;
        }
        if let Some(path) = self.places.first(at.written(&[field])) {
            let found = format!("{count} {field}");
            let problem = Problem::new(&path, found, format!("at most {limit}"));
            self.report(&self.places.key(&path), problem);
        }
    }
}

pub(super) fn unknown(path: &str, value: &str, known: &[String], what: &str) -> Problem {
    let known: BTreeSet<_> = known.iter().map(String::as_str).collect();
    let names: Vec<_> = known.iter().copied().collect();
    let expected = match names.as_slice() {
        [] => format!("{what}, and there is none"),
        names => format!("{what}: {}", names.join(", ")),
    };
    let problem = Problem::new(path, quoted(value), expected);
    match nearest(value, known) {
        Some(meant) => problem.help(format!("did you mean `{meant}`?")),
        None => problem,
    }
}

const ONE_OF: &str = "one of `output`, `ssm`, `image` and `code`";
