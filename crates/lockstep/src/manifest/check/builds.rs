//! What a manifest's builds of images mean.

use std::collections::{BTreeMap, BTreeSet};

use super::Check;
use crate::manifest::error::Problem;
use crate::manifest::names::nearest;
use crate::manifest::places::join;
use crate::manifest::resolved::NamedEnvironment;
use crate::manifest::rules::{self, Rule};
use crate::manifest::types::Manifest;
use crate::manifest::wording::quoted;

/// How many builds an application may have. All of one deployment run at the same time.
const BUILDS: usize = 10;

/// Where they stand in the manifest.
const KIND: &str = "builds";

impl Check<'_> {
    /// Names, and what names them.
    pub(super) fn build_names(&mut self, manifest: &Manifest) {
        self.keys(KIND, manifest.builds.keys(), rules::name);
        if manifest.builds.len() > BUILDS {
            let found = format!("{} builds", manifest.builds.len());
            let problem = Problem::new(KIND, found, format!("at most {BUILDS}"));
            let problem = problem.help("split the application in two");
            self.report(&self.places.key(KIND), problem);
        }
        for (name, build) in &manifest.builds {
            let path = format!("{KIND}.{name}.environment");
            self.keys(&path, build.environment.keys(), rules::image_build_variable);
        }
        for (environment, its) in &manifest.environments {
            for (build, changes) in &its.builds {
                let path = format!("environments.{environment}.{KIND}.{build}");
                self.known(manifest.builds.keys(), &path, "build", build);
                let variables = changes.environment.keys();
                self.keys(
                    &join(&path, "environment"),
                    variables,
                    rules::image_build_variable,
                );
            }
        }
    }

    pub(super) fn builds(&mut self, named: &NamedEnvironment<'_>) {
        let used = repositories(named);
        let mut makers: BTreeMap<String, &str> = BTreeMap::new();
        for (name, build) in named.builds() {
            let variables = build.environment.iter().map(|(variable, text)| {
                let field = join("environment", variable);
                (field, text, (|_| Ok(())) as Rule)
            });
            let fields = [
                (
                    "project".to_owned(),
                    &build.project,
                    rules::build_project as Rule,
                ),
                ("image".to_owned(), &build.image, rules::repository),
            ];
            for (field, value, rule) in fields.into_iter().chain(variables) {
                let written = named.written_in(KIND, name, &[&field]);
                if let Some(path) = self.places.first(written) {
                    self.value(&path, value, named, rule);
                }
            }
            let written = named.written_in(KIND, name, &["image"]);
            let Some(path) = self.places.first(written) else {
                continue;
            };
            if rules::repository(&build.image).is_err() {
                continue;
            }
            let environment = named.name();
            if !used.contains(&build.image) {
                self.unused(&path, &build.image, environment, &used);
            } else if let Some(other) = makers.get(&build.image) {
                let found = format!(
                    "{}, which `{other}` makes too in environment {environment}",
                    quoted(&build.image)
                );
                let problem = Problem::new(&path, found, "each repository by one build")
                    .help("let one project push it, or name another repository");
                self.report(&self.places.value(&path), problem);
            } else {
                makers.insert(build.image, name);
            }
        }
    }

    /// An image that nothing runs would be built for nothing.
    fn unused(&mut self, path: &str, image: &str, environment: &str, used: &BTreeSet<String>) {
        let known: Vec<_> = used.iter().map(String::as_str).collect();
        let found = format!(
            "{}, which no container and no function of environment {environment} names",
            quoted(image)
        );
        let expected = match known.as_slice() {
            [] => "the repository of a container or of a function".to_owned(),
            known => format!("one of: {}", known.join(", ")),
        };
        let mut problem = Problem::new(path, found, expected);
        if let Some(meant) = nearest(image, known) {
            problem = problem.help(format!("did you mean `{meant}`?"));
        }
        self.report(&self.places.value(path), problem);
    }
}

/// The repositories whose images an environment runs.
fn repositories(named: &NamedEnvironment<'_>) -> BTreeSet<String> {
    let of_services = named
        .services()
        .flat_map(|(_, service)| service.containers.into_values());
    let of_functions = named.functions().filter_map(|(_, function)| function.image);
    of_services.chain(of_functions).collect()
}
