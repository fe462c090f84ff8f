//! The manifest as the ledger keeps it.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::{ManifestError, Problem};
use super::parse::ManifestFile;
use super::resolved::NamedEnvironment;
use super::task_definition::{self, Fault};
use super::types::Manifest;
use super::wording::quoted;
use crate::stack::Template;

/// The largest manifest that is stored, as JSON with everything it names: a DynamoDB item
/// holds 400 KB, names and keys included.
const STORED_LIMIT: usize = 380 * 1024;

/// A checked manifest with the content of every file it names. The ledger keeps it as
/// JSON, one version each time it is applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredManifest {
    /// What the file said.
    pub manifest: Manifest,
    /// Task definitions by the path that the manifest names them by, placeholders replaced.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub task_definitions: BTreeMap<String, Value>,
    /// Where the templates of stacks are stored, by the path that the manifest names them by,
    /// placeholders replaced.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub templates: BTreeMap<String, Template>,
    /// The file's text with its comments, for people.
    pub source: String,
}

impl ManifestFile {
    /// Reads and checks the files that the manifest names. `load` gets each path once, as
    /// it is written: relative to the manifest.
    ///
    /// # Errors
    /// Everything that is wrong with the files.
    pub fn embed(
        &self,
        mut load: impl FnMut(&str) -> io::Result<String>,
    ) -> Result<StoredManifest, Vec<ManifestError>> {
        let mut read = BTreeMap::new();
        let mut errors = Vec::new();
        for user in self.users() {
            let content = read.entry(user.file.clone()).or_insert_with(|| {
                self.load(&user, &mut load)
                    .map_err(|found| errors.extend(found))
                    .ok()
            });
            let Some(definition) = content else { continue };
            let missing = task_definition::missing_containers(definition, user.containers.iter());
            errors.extend(missing.into_iter().map(|fault| self.fault(&user, fault)));
        }
        errors.dedup();
        if !errors.is_empty() {
            return Err(errors);
        }
        let embedded = |(file, content): (String, Option<Value>)| Some((file, content?));
        let stored = StoredManifest {
            task_definitions: read.into_iter().filter_map(embedded).collect(),
            templates: BTreeMap::new(),
            manifest: self.manifest.clone(),
            source: self.source.text.clone(),
        };
        match serde_json::to_vec(&stored).map_or(usize::MAX, |json| json.len()) {
            size if size > STORED_LIMIT => Err(vec![self.too_large(size)]),
            _ => Ok(stored),
        }
    }

    fn too_large(&self, size: usize) -> ManifestError {
        let found = format!("{} KiB with the files it names", size.div_ceil(1024));
        let expected = format!("at most {} KiB", STORED_LIMIT / 1024);
        self.error(Problem::new("", found, expected).help("split the application in two"))
    }

    /// Every use of a file, by environment and service.
    fn users(&self) -> Vec<User> {
        let in_environment = |named: NamedEnvironment<'_>| {
            let user = |(name, service): (&str, super::types::Service)| {
                let fields = named.written(name, &["task_definition"]);
                let field = self.places.first(fields).unwrap_or_default();
                let containers = service.containers.into_keys().collect();
                Some(User {
                    field,
                    file: service.task_definition?,
                    containers,
                })
            };
            named.services().filter_map(user).collect::<Vec<_>>()
        };
        NamedEnvironment::all(&self.manifest)
            .flat_map(in_environment)
            .collect()
    }

    fn load(
        &self,
        user: &User,
        load: &mut impl FnMut(&str) -> io::Result<String>,
    ) -> Result<Value, Vec<ManifestError>> {
        let text = load(&user.file).map_err(|error| {
            let found = format!("{}: {error}", quoted(&user.file));
            let problem = Problem::new(&user.field, found, "a file that can be read");
            vec![self.error(problem.help("the path is relative to the manifest"))]
        })?;
        let definition = task_definition::read(&user.file, &text)?;
        let faults: Vec<_> = task_definition::faults(&definition);
        if faults.is_empty() {
            Ok(definition)
        } else {
            Err(faults
                .into_iter()
                .map(|fault| self.fault(user, fault))
                .collect())
        }
    }

    fn fault(&self, user: &User, fault: Fault) -> ManifestError {
        let found = format!("{} in {}", fault.found, quoted(&user.file));
        let path = user.field.clone();
        self.error(Problem {
            path,
            found,
            expected: fault.expected,
            help: fault.help,
        })
    }

    fn error(&self, problem: Problem) -> ManifestError {
        ManifestError::new(&self.source, &self.places.value(&problem.path), problem)
    }
}

/// One service in one environment that has its own task definition.
struct User {
    field: String,
    file: String,
    containers: Vec<String>,
}
