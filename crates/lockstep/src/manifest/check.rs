//! Checks what a manifest means, after its shape was checked.
//!
//! Values are checked as each environment will use them, with overrides and placeholders
//! applied, and reported once at the place they were written.

mod builds;
mod functions;
mod gates;
mod infrastructure;
mod migrations;
mod order;
mod sites;
mod stacks;
mod traffic;

use std::collections::{BTreeMap, BTreeSet};

use super::error::{ManifestError, Problem};
use super::names::nearest;
use super::placeholders;
use super::places::{Places, item_path, join};
use super::resolved::NamedEnvironment;
use super::rules::{self, Rule};
use super::source::{SourceFile, Span};
use super::types::{Manifest, Service};
use super::wording::quoted;

/// How many services an application may have.
const SERVICES: usize = 30;

/// How many containers all its services may have together.
const CONTAINERS: usize = 60;

/// All that is wrong with what the manifest means; `functions` says whether they can be
/// deployed.
pub(super) fn check(
    manifest: &Manifest,
    places: &Places,
    source: &SourceFile,
    functions: bool,
) -> Vec<ManifestError> {
    let mut check = Check {
        places,
        source,
        functions,
        reported: BTreeSet::new(),
        errors: Vec::new(),
    };
    check.names(manifest);
    for named in NamedEnvironment::all(manifest) {
        check.environment(&named);
    }
    check.errors
}

struct Check<'a> {
    places: &'a Places,
    source: &'a SourceFile,
    /// Whether functions can be deployed; else the schema alone says what must be there.
    functions: bool,
    /// Fields that were reported already, so that a value is not refused once for each
    /// environment that uses it.
    reported: BTreeSet<String>,
    errors: Vec<ManifestError>,
}

impl Check<'_> {
    fn names(&mut self, manifest: &Manifest) {
        if let Err(refusal) = rules::name(&manifest.application) {
            let problem = refusal.problem("application", quoted(&manifest.application));
            self.report(&self.places.value("application"), problem);
        }
        self.keys("services", manifest.services.keys(), rules::name);
        self.function_names(manifest);
        self.stack_names(manifest);
        self.infrastructure_names(manifest);
        self.migration_names(manifest);
        self.site_names(manifest);
        self.gate_names(manifest);
        self.build_names(manifest);
        self.size(manifest);
        for (name, service) in &manifest.services {
            self.keys(
                &format!("services.{name}.containers"),
                service.containers.keys(),
                rules::ecs_name,
            );
        }
        self.keys("environments", manifest.environments.keys(), rules::name);
        for (name, environment) in &manifest.environments {
            let services = format!("environments.{name}.services");
            for (service, changes) in &environment.services {
                let known = manifest.services.keys();
                self.known(known, &join(&services, service), "service", service);
                let containers = format!("{services}.{service}.containers");
                self.keys(&containers, changes.containers.keys(), rules::ecs_name);
            }
        }
    }

    /// A plan is one item of the ledger (400 KB) and one transaction (100 writes).
    fn size(&mut self, manifest: &Manifest) {
        let services = manifest.services.len();
        let containers: usize = manifest
            .services
            .values()
            .map(|it| it.containers.len())
            .sum();
        let limits = [
            (services, SERVICES, "services"),
            (containers, CONTAINERS, "containers in all services"),
        ];
        for (found, limit, what) in limits {
            if found > limit {
                let problem = Problem::new(
                    "services",
                    format!("{found} {what}"),
                    format!("at most {limit}, which one deployment can change as one unit"),
                );
                let problem = problem.help("split the application in two");
                self.report(&self.places.key("services"), problem);
            }
        }
    }

    fn keys<'k>(&mut self, path: &str, keys: impl Iterator<Item = &'k String>, rule: Rule) {
        for key in keys {
            if let Err(refusal) = rule(key) {
                let path = join(path, key);
                let problem = refusal.problem(&path, format!("the name {}", quoted(key)));
                self.report(&self.places.key(&path), problem);
            }
        }
    }

    /// An override is one of something that there is.
    fn known<'k>(
        &mut self,
        known: impl Iterator<Item = &'k String>,
        path: &str,
        what: &str,
        name: &str,
    ) {
        let known: Vec<_> = known.map(String::as_str).collect();
        if known.contains(&name) {
            return;
        }
        let expected = format!("a {what} that is named in `{what}s`: {}", known.join(", "));
        let found = format!("the unknown {what} {}", quoted(name));
        let mut problem = Problem::new(path, found, expected);
        if let Some(meant) = nearest(name, known) {
            problem = problem.help(format!("did you mean `{meant}`?"));
        }
        self.report(&self.places.key(path), problem);
    }

    fn environment(&mut self, named: &NamedEnvironment<'_>) {
        let environment = format!("environments.{}", named.name());
        if let Some(topic) = named.topic() {
            self.value("notifications.topic", &topic, named, rules::topic);
        }
        for (index, check) in named.verify().http.iter().enumerate() {
            let item = item_path(&format!("{environment}.verify.http"), index);
            self.value(&join(&item, "url"), &check.url, named, rules::url);
        }
        self.trigger(named);
        self.functions(named);
        self.order(named);
        self.stacks(named);
        self.infrastructure(named);
        self.migrations(named);
        self.sites(named);
        self.gates(named);
        self.builds(named);
        self.traffic(named);
        let mut owners: BTreeMap<(String, String), &str> = BTreeMap::new();
        for (name, service) in named.services() {
            self.service(named, name, &service);
            let target = (
                service.cluster,
                service.service.unwrap_or_else(|| name.to_owned()),
            );
            match owners.get(&target) {
                Some(owner) => self.same_target(named, name, owner, &target),
                None => _ = owners.insert(target, name),
            }
        }
    }

    fn trigger(&mut self, named: &NamedEnvironment<'_>) {
        let path = format!("environments.{}.trigger", named.name());
        let Some(trigger) = named.trigger() else {
            return;
        };
        for (index, tag) in trigger.tags.iter().enumerate() {
            let path = item_path(&join(&path, "tags"), index);
            self.value(&path, tag, named, rules::tag_pattern);
        }
        let written = self.places.first([join(&path, "tags")]).is_some();
        if self.functions && !written && !trigger.releases {
            let problem = Problem::new(
                &path,
                "nothing that deploys by itself",
                "`tags`, or `releases: true`",
            )
            .help("leave `trigger` out where only people deploy");
            self.report(&self.places.key(&path), problem);
        }
    }

    fn service(&mut self, named: &NamedEnvironment<'_>, name: &str, service: &Service) {
        let containers = service.containers.iter().map(|(container, repository)| {
            (
                format!("containers.{container}"),
                Some(repository),
                rules::repository as Rule,
            )
        });
        let fields = [
            (
                "cluster".to_owned(),
                Some(&service.cluster),
                rules::ecs_name as Rule,
            ),
            (
                "service".to_owned(),
                service.service.as_ref(),
                rules::ecs_name,
            ),
            (
                "task_definition".to_owned(),
                service.task_definition.as_ref(),
                rules::file,
            ),
        ];
        for (field, value, rule) in fields.into_iter().chain(containers) {
            let Some(value) = value else { continue };
            if let Some(path) = self.places.first(named.written(name, &[&field])) {
                self.value(&path, value, named, rule);
            }
        }
        self.percentages(named, name, service);
    }

    /// Refuses a value that breaks its rule once its placeholders are replaced.
    fn value(&mut self, path: &str, value: &str, named: &NamedEnvironment<'_>, rule: Rule) {
        let place = self.places.value(path);
        let written = self.places.text(path).unwrap_or(value);
        let problem = match (placeholders::first_unknown(written), rule(value)) {
            (Some(unknown), _) => unknown_placeholder(path, unknown),
            (None, Err(refusal)) if written == value => refusal.problem(path, quoted(value)),
            (None, Err(refusal)) => {
                let environment = named.name();
                let found = format!(
                    "{} in environment {environment}: {}",
                    quoted(written),
                    quoted(value)
                );
                refusal.problem(path, found)
            }
            (None, Ok(())) => return,
        };
        self.report(&place, problem);
    }

    fn percentages(&mut self, named: &NamedEnvironment<'_>, name: &str, service: &Service) {
        let (minimum, maximum) = (
            service.rollout.minimum_healthy_percent,
            service.rollout.maximum_percent,
        );
        if minimum < maximum {
            return;
        }
        let fields = ["rollout.minimum_healthy_percent", "rollout.maximum_percent"];
        let path = self
            .places
            .first(named.written(name, &fields))
            .unwrap_or_default();
        let found = format!("minimum_healthy_percent {minimum} with maximum_percent {maximum}");
        let problem = Problem::new(&path, found, "a minimum that is less than the maximum")
            .help("with these, ECS may neither stop an old task nor start a new one");
        self.report(&self.places.value(&path), problem);
    }

    fn same_target(
        &mut self,
        named: &NamedEnvironment<'_>,
        name: &str,
        owner: &str,
        (cluster, service): &(String, String),
    ) {
        let path = self
            .places
            .first(named.written(name, &["service", "cluster"]))
            .unwrap_or_default();
        let environment = named.name();
        let found = format!(
            "the ECS service {cluster}/{service} that `{owner}` has too in environment {environment}"
        );
        let problem = Problem::new(&path, found, "each ECS service once in an environment").help(
            format!("list both containers under `{owner}`, or name another ECS service"),
        );
        self.report(&self.places.value(&path), problem);
    }

    fn report(&mut self, span: &Span, problem: Problem) {
        if self.reported.insert(problem.path.clone()) {
            self.errors
                .push(ManifestError::new(self.source, span, problem));
        }
    }
}

fn unknown_placeholder(path: &str, found: &str) -> Problem {
    let problem = Problem::new(
        path,
        quoted(found),
        "`${environment}` or `${application}`, no others",
    );
    if !found.ends_with('}') {
        return problem.help("close it with `}`");
    }
    match nearest(found, ["${environment}", "${application}"]) {
        Some(meant) => problem.help(format!("did you mean `{meant}`?")),
        None => problem,
    }
}
