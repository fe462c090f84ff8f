//! What a manifest's migrations mean.

use super::Check;
use super::stacks::At;
use crate::manifest::error::Problem;
use crate::manifest::migrations::{Contract, Migration, Undo};
use crate::manifest::names::nearest;
use crate::manifest::places::{item_path, join};
use crate::manifest::resolved::NamedEnvironment;
use crate::manifest::rules;
use crate::manifest::types::Manifest;
use crate::manifest::wording::quoted;

/// How many migrations an application may have. They run one after the other.
const MIGRATIONS: usize = 10;

/// Where they stand in the manifest.
const KIND: &str = "migrations";

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
            name if manifest.infrastructure.contains_key(name) => "piece of infrastructure",
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
            let at = At {
                named,
                kind: KIND,
                name,
            };
            match (&migration.command, &migration.project) {
                (Some(_), None) => self.of_a_task(&at, &migration),
                (None, Some(project)) => self.of_a_build(&at, project, &migration),
                (command, _) => {
                    let found = if command.is_some() {
                        "`command` and `project`"
                    } else {
                        "neither `command` nor `project`"
                    };
                    let path = self.places.first(at.written(&["project"]));
                    let path = path.unwrap_or_else(|| join(KIND, name));
                    let problem = Problem::new(&path, found, "one of both");
                    let help = "`command` runs as a task with the new image, `project` is built by CodeBuild";
                    self.report(&self.places.key(&path), problem.help(help));
                }
            }
        }
    }

    fn of_a_task(&mut self, at: &At<'_>, migration: &Migration) {
        let commands = [
            ("command", migration.command.clone()),
            ("undo", migration.undo.clone().and_then(Undo::into_command)),
            (
                "contract.command",
                migration.contract.clone().and_then(Contract::into_command),
            ),
        ];
        for (field, command) in commands {
            if let Some(command) = command {
                self.command(at.named, at.name, field, &command);
            }
        }
        let help = "a task has a command for each; `true` is for a CodeBuild project";
        if let Some(Undo::Build(true)) = migration.undo {
            self.mixed(at, "undo", "`true` beside `command`", "a command", help);
        }
        if let Some(Contract::Build(true)) = migration.contract {
            let command = "`{command: [...]}`";
            self.mixed(at, "contract", "`true` beside `command`", command, help);
        }
        if !migration.environment.is_empty() {
            let help = "a task has the environment of the service's task definition";
            let found = "variables of a build beside `command`";
            self.mixed(at, "environment", found, "none", help);
        }
    }

    fn of_a_build(&mut self, at: &At<'_>, project: &String, migration: &Migration) {
        self.stack_field(at, "project", Some(project), rules::build_project);
        let help = "the buildspec reads LOCKSTEP_MIGRATION: `up`, `undo` or `contract`";
        if let Some(Undo::Command(_)) = migration.undo {
            self.mixed(at, "undo", "a command beside `project`", "`true`", help);
        }
        if let Some(Contract::Task(_)) = migration.contract {
            self.mixed(at, "contract", "a command beside `project`", "`true`", help);
        }
        for (name, value) in &migration.environment {
            let field = join("environment", name);
            self.stack_key(at, &field, name, rules::own_build_variable);
            self.stack_field(at, &field, Some(value), |_| Ok(()));
        }
        let length: usize = migration
            .environment
            .iter()
            .map(|(k, v)| k.len() + v.len())
            .sum();
        if length > COMMAND {
            let found = format!("variables of {length} characters");
            let most = format!("at most {COMMAND} characters");
            let help = "have the buildspec read what is large";
            self.mixed(at, "environment", &found, &most, help);
        }
    }

    /// Reports what does not belong to what runs.
    fn mixed(&mut self, at: &At<'_>, field: &str, found: &str, expected: &str, help: &str) {
        if let Some(path) = self.places.first(at.written(&[field])) {
            let problem = Problem::new(&path, found, expected).help(help);
            self.report(&self.places.key(&path), problem);
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
