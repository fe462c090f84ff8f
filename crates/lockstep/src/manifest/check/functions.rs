//! What a manifest's functions mean.

use std::collections::BTreeMap;

use super::{Check, unknown_placeholder};
use crate::manifest::error::Problem;
use crate::manifest::function_check::FunctionCheck;
use crate::manifest::functions::{Function, FunctionConfiguration};
use crate::manifest::placeholders;
use crate::manifest::places::join;
use crate::manifest::resolved::NamedEnvironment;
use crate::manifest::rules::{self, Refusal, Rule};
use crate::manifest::types::Manifest;
use crate::manifest::wording::quoted;
use crate::release_file::FUNCTION;

/// How many functions and groups an application may have.
const FUNCTIONS: usize = 100;

/// One function in one environment, to be checked.
struct At<'a> {
    named: &'a NamedEnvironment<'a>,
    name: &'a str,
}

impl Check<'_> {
    /// Names, and what names them.
    pub(super) fn function_names(&mut self, manifest: &Manifest) {
        self.keys("functions", manifest.functions.keys(), rules::name);
        // One that is there and empty, or no mapping, is told of where it stands.
        let keys = ["services", "functions", "stacks", "infrastructure"].map(str::to_owned);
        if self.functions && self.places.first(keys).is_none() {
            let problem = Problem::new(
                "",
                "neither `services` nor `functions` nor `stacks` nor `infrastructure`",
                "at least one of them",
            );
            self.report(&(0..0), problem);
        }
        if manifest.functions.len() > FUNCTIONS {
            let found = format!("{} functions", manifest.functions.len());
            let problem = Problem::new("functions", found, format!("at most {FUNCTIONS}"));
            let problem = problem
                .help("make a group of those that are alike, or split the application in two");
            self.report(&self.places.key("functions"), problem);
        }
        for name in manifest
            .functions
            .keys()
            .filter(|it| manifest.services.contains_key(*it))
        {
            let path = join("functions", name);
            let problem = Problem::new(
                &path,
                format!("the name {} of a service", quoted(name)),
                "a name of its own",
            )
            .help("artifacts and images are told apart by these names");
            self.report(&self.places.key(&path), problem);
        }
        for (environment, its) in &manifest.environments {
            for function in its.functions.keys() {
                let path = format!("environments.{environment}.functions.{function}");
                let known = manifest.functions.keys();
                self.known(known, &path, "function", function);
            }
        }
    }

    pub(super) fn functions(&mut self, named: &NamedEnvironment<'_>) {
        let mut owners: BTreeMap<String, &str> = BTreeMap::new();
        for (name, function) in named.functions() {
            let at = At { named, name };
            self.function(&at, &function);
            if function.is_group() {
                continue;
            }
            let target = function.function.unwrap_or_else(|| name.to_owned());
            match owners.get(&target) {
                Some(owner) => self.same_function(&at, owner, &target),
                None => drop(owners.insert(target, name)),
            }
        }
    }

    fn function(&mut self, at: &At<'_>, function: &Function) {
        let texts = [
            ("function", &function.function, rules::function_name as Rule),
            ("match", &function.pattern, rules::function_pattern),
            ("image", &function.image, rules::repository),
            ("alias", &function.alias, rules::alias),
            (
                "configuration.handler",
                &function.configuration.handler,
                rules::not_empty,
            ),
            (
                "configuration.runtime",
                &function.configuration.runtime,
                rules::not_empty,
            ),
        ];
        for (field, value, rule) in texts {
            self.field(at, field, value.as_ref(), rule);
        }
        self.contradictions(at, function);
        self.artifact(at, function);
        for (key, value) in &function.tags {
            self.field(at, &join("tags", key), Some(value), |_| Ok(()));
        }
        self.variables(at, &function.configuration);
        if let Some(check) = &function.check {
            self.invocation(at, check);
        }
    }

    fn invocation(&mut self, at: &At<'_>, check: &FunctionCheck) {
        for (path, text) in check.texts() {
            let path = self.places.first(at.written(&[&format!("check.{path}")]));
            if let Some(path) = path {
                self.value(&path, text, at.named, |_| Ok(()));
            }
        }
        if check.size() > FunctionCheck::SIZE_LIMIT {
            let path = self.places.first(at.written(&["check"]));
            let path = path.unwrap_or_else(|| join("functions", at.name));
            let found = format!("a check of {} bytes as JSON", check.size());
            let expected = format!(
                "at most {} in `payload` and `expect`",
                FunctionCheck::SIZE_LIMIT
            );
            self.report(
                &self.places.key(&path),
                Problem::new(&path, found, expected),
            );
        }
    }

    fn field(&mut self, at: &At<'_>, field: &str, value: Option<&String>, rule: Rule) {
        let Some(value) = value else { return };
        if let Some(path) = self.places.first(at.written(&[field])) {
            self.value(&path, value, at.named, rule);
        }
    }

    /// Keys that do not go together.
    fn contradictions(&mut self, at: &At<'_>, function: &Function) {
        let image = function.image.is_some();
        let configuration = &function.configuration;
        let pairs = [
            (
                function.is_group() && function.function.is_some(),
                "function",
                "`match` and `tags`",
                GROUP,
            ),
            (
                image && function.artifact.is_some(),
                "artifact",
                "`image`",
                CODE,
            ),
            (
                image && configuration.handler.is_some(),
                "configuration.handler",
                "`image`",
                IMAGE,
            ),
            (
                image && configuration.runtime.is_some(),
                "configuration.runtime",
                "`image`",
                IMAGE,
            ),
        ];
        for (_, field, other, help) in pairs.into_iter().filter(|(wrong, ..)| *wrong) {
            let Some(path) = self.places.first(at.written(&[field])) else {
                continue;
            };
            let found = format!(
                "`{}` beside {other}",
                field.rsplit('.').next().unwrap_or(field)
            );
            let problem = Problem::new(&path, found, "only one of them").help(help);
            self.report(&self.places.key(&path), problem);
        }
    }

    fn artifact(&mut self, at: &At<'_>, function: &Function) {
        let Some(artifact) = &function.artifact else {
            return;
        };
        let Some(path) = self.places.first(at.written(&["artifact"])) else {
            return;
        };
        let written = self.places.text(&path).unwrap_or(artifact);
        let problem = match (
            placeholders::first_unknown(&written.replace(FUNCTION, "")),
            artifact.matches(FUNCTION).count(),
        ) {
            (Some(unknown), _) => unknown_placeholder(&path, unknown),
            (None, 1..) if !function.is_group() => Problem::new(
                &path,
                quoted(FUNCTION),
                "a path without it: it is for groups",
            ),
            (None, 2..) => Problem::new(&path, format!("{} twice", quoted(FUNCTION)), "it once"),
            (None, _) => match rules::artifact(&artifact.replace(FUNCTION, "function")) {
                Ok(()) => return,
                Err(refusal) => refusal.problem(&path, quoted(written)),
            },
        };
        self.report(&self.places.value(&path), problem);
    }

    fn variables(&mut self, at: &At<'_>, configuration: &FunctionConfiguration) {
        for (name, value) in &configuration.environment {
            let field = format!("configuration.environment.{name}");
            let Some(path) = self.places.first(at.written(&[&field])) else {
                continue;
            };
            match rules::variable(name) {
                Ok(()) => self.value(&path, value, at.named, |_| Ok(())),
                Err(Refusal { expected, help }) => {
                    let found = format!("the variable {}", quoted(name));
                    let problem = Problem {
                        path: path.clone(),
                        found,
                        expected,
                        help,
                    };
                    self.report(&self.places.key(&path), problem);
                }
            }
        }
    }

    fn same_function(&mut self, at: &At<'_>, owner: &str, target: &str) {
        let path = self.places.first(at.written(&["function"]));
        let path = path.unwrap_or_else(|| join("functions", at.name));
        let environment = at.named.name();
        let found =
            format!("the function {target} that `{owner}` has too in environment {environment}");
        let problem = Problem::new(&path, found, "each function once in an environment");
        self.report(&self.places.value(&path), problem);
    }
}

impl At<'_> {
    fn written(&self, fields: &[&str]) -> Vec<String> {
        self.named.written_in("functions", self.name, fields)
    }
}

const GROUP: &str = "a group is all that matches; a function of its own needs neither";
const CODE: &str = "a function comes from a zip file or from a container image";
const IMAGE: &str = "the image says what runs";
