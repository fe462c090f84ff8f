//! What a manifest's migrations mean.

use super::Check;
use crate::manifest::error::Problem;
use crate::manifest::migrations::Migration;
use crate::manifest::names::nearest;
use crate::manifest::places::{item_path, join};
use crate::manifest::resolved::NamedEnvironment;
use crate::manifest::rules;
use crate::manifest::types::Manifest;
use crate::manifest::wording::quoted;

/// How many migrations an application may have. They run one after the other.
const MIGRATIONS: usize = 10;

/// How long all words of a command may be together: ECS takes 8192 characters of overrides.
const COMMAND: usize = 6000;

impl Check<'_> {
    /// Names, and what names them.
    pub(super) fn migration_names(&mut self, manifest: &Manifest) {
        self.keys("migrations", manifest.migrations.keys(), rules::name);
        if manifest.migrations.len() > MIGRATIONS {
            let found = format!("{} migrations", manifest.migrations.len());
            let problem = Problem::new("migrations", found, format!("at most {MIGRATIONS}"));
            let problem = problem.help("let one command run them all");
            self.report(&self.places.key("migrations"), problem);
        }
        for (name, migration) in &manifest.migrations {
            let path = join("migrations", name);
            self.own_name(manifest, name, &path);
            let services = manifest.services.keys().map(String::as_str);
            if !manifest.services.contains_key(&migration.service) {
                let path = join(&path, "service");
                let known: Vec<_> = services.collect();
                let found = format!("the unknown service {}", quoted(&migration.service));
                let expected = format!("one of `services`: {}", known.join(", "));
                let mut problem = Problem::new(&path, found, expected);
                if let Some(meant) = nearest(&migration.service, known) {
                    problem = problem.help(format!("did you mean `{meant}`?"));
                }
                self.report(&self.places.value(&path), problem);
            }
        }
        for (environment, its) in &manifest.environments {
            for migration in its.migrations.keys() {
                let path = format!("environments.{environment}.migrations.{migration}");
                self.known(manifest.migrations.keys(), &path, "migration", migration);
            }
        }
    }

    fn own_name(&mut self, manifest: &Manifest, name: &String, path: &str) {
        let owner = match name {
            name if manifest.services.contains_key(name) => "service",
            name if manifest.functions.contains_key(name) => "function",
            name if manifest.stacks.contains_key(name) => "stack",
            _ => return,
        };
        let found = format!("the name {} of a {owner}", quoted(name));
        let problem = Problem::new(path, found, "a name of its own")
            .help("what is deployed is told apart by these names");
        self.report(&self.places.key(path), problem);
    }

    pub(super) fn migrations(&mut self, named: &NamedEnvironment<'_>) {
        for (name, migration) in named.migrations() {
            self.container(named, name, &migration);
            let contract = migration.contract.as_ref().map(|it| &it.command);
            let commands = [
                ("command", Some(&migration.command)),
                ("undo", migration.undo.as_ref()),
                ("contract.command", contract),
            ];
            for (field, command) in commands {
                if let Some(command) = command {
                    self.command(named, name, field, command);
                }
            }
        }
    }

    fn command(&mut self, named: &NamedEnvironment<'_>, name: &str, field: &str, words: &[String]) {
        let written = named.written_in("migrations", name, &[field]);
        let Some(path) = self.places.first(written) else {
            return;
        };
        for (index, word) in words.iter().enumerate() {
            let path = item_path(&path, index);
            self.value(&path, word, named, |_| Ok(()));
        }
        let length: usize = words.iter().map(String::len).sum();
        let first = words.first().is_none_or(|word| word.trim().is_empty());
        if length > COMMAND || first {
            let found = if first {
                "a command without a first word".to_owned()
            } else {
                format!("a command of {length} characters")
            };
            let problem = Problem::new(
                &path,
                found,
                format!("a command of at most {COMMAND} characters, word by word"),
            );
            self.report(&self.places.key(&path), problem);
        }
    }

    /// The container is one that Lockstep deploys: only of these an image is new.
    fn container(&mut self, named: &NamedEnvironment<'_>, name: &str, migration: &Migration) {
        let services = named.services();
        let service = services
            .into_iter()
            .find(|(it, _)| *it == migration.service);
        let Some((_, service)) = service else {
            return;
        };
        let known: Vec<_> = service.containers.keys().map(String::as_str).collect();
        let found = match &migration.container {
            Some(container) if service.containers.contains_key(container) => return,
            None if known.len() == 1 => return,
            Some(container) => format!("the unknown container {}", quoted(container)),
            None => format!("no `container`, and a service with {}", known.len()),
        };
        let written = named.written_in("migrations", name, &["container"]);
        let path = self.places.first(written);
        let path = path.unwrap_or_else(|| join("migrations", name));
        let expected = format!("one of: {}", known.join(", "));
        let mut problem = Problem::new(&path, found, expected);
        let meant = migration.container.as_deref();
        if let Some(meant) = meant.and_then(|it| nearest(it, known)) {
            problem = problem.help(format!("did you mean `{meant}`?"));
        }
        let place = if migration.container.is_some() {
            self.places.value(&path)
        } else {
            self.places.key(&path)
        };
        self.report(&place, problem);
    }
}
