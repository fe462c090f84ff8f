//! What a manifest's gates mean.

use super::Check;
use crate::manifest::error::Problem;
use crate::manifest::places::join;
use crate::manifest::resolved::NamedEnvironment;
use crate::manifest::rules::{self, Rule};
use crate::manifest::types::Manifest;

/// How many gates an application may have. All of one moment are asked at the same time.
const GATES: usize = 10;

/// Where they stand in the manifest.
const KIND: &str = "gates";

impl Check<'_> {
    /// Names, and what names them.
    pub(super) fn gate_names(&mut self, manifest: &Manifest) {
        self.keys(KIND, manifest.gates.keys(), rules::name);
        if manifest.gates.len() > GATES {
            let found = format!("{} gates", manifest.gates.len());
            let problem = Problem::new(KIND, found, format!("at most {GATES}"));
            let problem = problem.help("let one buildspec run several suites");
            self.report(&self.places.key(KIND), problem);
        }
        for (name, gate) in &manifest.gates {
            let path = format!("{KIND}.{name}.environment");
            self.keys(&path, gate.environment.keys(), rules::own_build_variable);
        }
        for (environment, its) in &manifest.environments {
            for (gate, changes) in &its.gates {
                let path = format!("environments.{environment}.{KIND}.{gate}");
                self.known(manifest.gates.keys(), &path, "gate", gate);
                let variables = changes.environment.keys();
                self.keys(
                    &join(&path, "environment"),
                    variables,
                    rules::own_build_variable,
                );
            }
        }
    }

    pub(super) fn gates(&mut self, named: &NamedEnvironment<'_>) {
        for (name, gate) in named.gates() {
            let variables = gate.environment.iter().map(|(variable, text)| {
                (
                    join("environment", variable),
                    Some(text),
                    (|_| Ok(())) as Rule,
                )
            });
            let fields = [
                (
                    "project".to_owned(),
                    Some(&gate.project),
                    rules::build_project as Rule,
                ),
                (
                    "source_version".to_owned(),
                    gate.source_version.as_ref(),
                    rules::source_version,
                ),
            ];
            for (field, value, rule) in fields.into_iter().chain(variables) {
                let Some(value) = value else { continue };
                let written = named.written_in(KIND, name, &[&field]);
                if let Some(path) = self.places.first(written) {
                    self.value(&path, value, named, rule);
                }
            }
        }
    }
}
