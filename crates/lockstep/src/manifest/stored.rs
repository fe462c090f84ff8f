//! The manifest as the ledger keeps it.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::{ManifestError, Problem};
use super::parse::ManifestFile;
use super::resolved::NamedEnvironment;
use super::sources::{PackedSource, SourceFolder};
use super::task_definition::{self, Fault};
use super::templates::{Embedded, TemplateFile};
use super::types::Manifest;
use super::wording::quoted;
use crate::build::Source;
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
    /// Where the sources of infrastructure are stored, by the path that the manifest names them by,
    /// placeholders replaced.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sources: BTreeMap<String, Source>,
    /// The file's text with its comments, for people.
    pub source: String,
}

impl ManifestFile {
    /// Reads and checks the files that the manifest names. `load` gets each path once, as
    /// it is written: relative to the manifest. Templates have no address yet.
    ///
    /// # Errors
    /// Everything that is wrong with the files.
    pub fn embed(
        &self,
        load: impl FnMut(&str) -> io::Result<String>,
    ) -> Result<StoredManifest, Vec<ManifestError>> {
        self.embed_all(load).map(|embedded| embedded.manifest)
    }

    /// The same, with the templates' texts, which are not part of what the ledger keeps.
    ///
    /// # Errors
    /// Everything that is wrong with the files, and every source of infrastructure: for a manifest
    /// with such there is [`ManifestFile::embed_with_sources`].
    pub fn embed_all(
        &self,
        load: impl FnMut(&str) -> io::Result<String>,
    ) -> Result<Embedded, Vec<ManifestError>> {
        let pack = |_: &str| Err(io::Error::other("folders are not read here"));
        self.embed_with_sources(load, pack)
    }

    /// The same, with the sources of infrastructure. `pack` gets the path of each folder once.
    ///
    /// # Errors
    /// Everything that is wrong with the files.
    pub fn embed_with_sources(
        &self,
        mut load: impl FnMut(&str) -> io::Result<String>,
        mut pack: impl FnMut(&str) -> io::Result<PackedSource>,
    ) -> Result<Embedded, Vec<ManifestError>> {
        let mut errors = Vec::new();
        let task_definitions = self.task_definitions(&mut load, &mut errors);
        let templates = self.templates(&mut load, &mut errors);
        let sources = self.sources(&mut pack, &mut errors);
        errors.dedup();
        if !errors.is_empty() {
            return Err(errors);
        }
        let application = &self.manifest.application;
        let stored = StoredManifest {
            task_definitions,
            templates: templates.iter().map(TemplateFile::entry).collect(),
            sources: sources
                .iter()
                .map(|folder: &SourceFolder| folder.entry(application))
                .collect(),
            manifest: self.manifest.clone(),
            source: self.source.text.clone(),
        };
        match serde_json::to_vec(&stored).map_or(usize::MAX, |json| json.len()) {
            size if size > STORED_LIMIT => Err(vec![self.too_large(size)]),
            _ => Ok(Embedded {
                manifest: stored,
                templates,
                sources,
            }),
        }
    }

    fn task_definitions(
        &self,
        load: &mut impl FnMut(&str) -> io::Result<String>,
        errors: &mut Vec<ManifestError>,
    ) -> BTreeMap<String, Value> {
        let mut read = BTreeMap::new();
        for user in self.users() {
            let content = read.entry(user.file.clone()).or_insert_with(|| {
                self.load(&user, load)
                    .map_err(|found| errors.extend(found))
                    .ok()
            });
            let Some(definition) = content else { continue };
            let missing = task_definition::missing_containers(definition, user.containers.iter());
            errors.extend(
                missing
                    .into_iter()
                    .map(|fault| self.fault(&user.field, &user.file, fault)),
            );
        }
        let embedded = |(file, content): (String, Option<Value>)| Some((file, content?));
        read.into_iter().filter_map(embedded).collect()
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
        let text = self.text(&user.field, &user.file, load)?;
        let definition = task_definition::read(&user.file, &text)?;
        let faults: Vec<_> = task_definition::faults(&definition);
        if faults.is_empty() {
            Ok(definition)
        } else {
            Err(faults
                .into_iter()
                .map(|fault| self.fault(&user.field, &user.file, fault))
                .collect())
        }
    }

    /// The text of a file that a field names.
    pub(super) fn text(
        &self,
        field: &str,
        file: &str,
        load: &mut impl FnMut(&str) -> io::Result<String>,
    ) -> Result<String, Vec<ManifestError>> {
        load(file).map_err(|error| {
            let found = format!("{}: {error}", quoted(file));
            let problem = Problem::new(field, found, "a file that can be read");
            vec![self.error(problem.help("the path is relative to the manifest"))]
        })
    }

    /// A fault of a file, shown where a field names it.
    pub(super) fn fault(&self, field: &str, file: &str, fault: Fault) -> ManifestError {
        let found = format!("{} in {}", fault.found, quoted(file));
        let path = field.to_owned();
        self.error(Problem {
            path,
            found,
            expected: fault.expected,
            help: fault.help,
        })
    }

    pub(super) fn error(&self, problem: Problem) -> ManifestError {
        ManifestError::new(&self.source, &self.places.value(&problem.path), problem)
    }
}

/// One service in one environment that has its own task definition.
struct User {
    field: String,
    file: String,
    containers: Vec<String>,
}
