//! The folders with the sources of infrastructure that a manifest names.

use std::collections::BTreeMap;
use std::io;

use super::error::{ManifestError, Problem};
use super::infrastructure::{Infrastructure, SourceFrom};
use super::parse::ManifestFile;
use super::resolved::NamedEnvironment;
use super::wording::quoted;
use crate::build::{Source, source_key};

/// How many bytes a source may have as a zip file.
pub const SOURCE_LIMIT: usize = 50 * 1024 * 1024;

/// The file by which CodeBuild knows what to do.
const BUILDSPECS: [&str; 2] = ["buildspec.yml", "buildspec.yaml"];

/// A folder, packed into a zip file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedSource {
    /// The SHA-256 of the zip file, in hex.
    pub sha256: String,
    /// The zip file. The same files always make the same one.
    pub zip: Vec<u8>,
    /// The paths of the files in it.
    pub files: Vec<String>,
}

/// A source that `lockstep apply` stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFolder {
    /// Its path as the manifest names it.
    pub path: String,
    /// What is in it.
    pub packed: PackedSource,
}

impl SourceFolder {
    /// The key under which it is stored in the releases bucket: content never changes under it.
    pub fn key(&self, application: &str) -> String {
        source_key(application, &self.packed.sha256)
    }

    /// What the stored manifest says of it, without a bucket.
    pub(super) fn entry(&self, application: &str) -> (String, Source) {
        let source = Source {
            bucket: String::new(),
            key: self.key(application),
            sha256: self.packed.sha256.clone(),
        };
        (self.path.clone(), source)
    }
}

impl ManifestFile {
    /// The sources that the manifest names, each once.
    pub(super) fn sources(
        &self,
        pack: &mut impl FnMut(&str) -> io::Result<PackedSource>,
        errors: &mut Vec<ManifestError>,
    ) -> Vec<SourceFolder> {
        let mut read: BTreeMap<String, SourceFolder> = BTreeMap::new();
        for named in NamedEnvironment::all(&self.manifest) {
            for (name, infrastructure) in named.infrastructure() {
                let Some(folder) = folder(&infrastructure) else {
                    continue;
                };
                if read.contains_key(folder) {
                    continue;
                }
                let written = named.written_in("infrastructure", name, &["source"]);
                let field = self.places.first(written).unwrap_or_default();
                match source(&field, folder, pack) {
                    Ok(source) => drop(read.insert(folder.to_owned(), source)),
                    Err(problem) => errors.push(self.error(problem)),
                }
            }
        }
        read.into_values().collect()
    }
}

fn source(
    field: &str,
    folder: &str,
    pack: &mut impl FnMut(&str) -> io::Result<PackedSource>,
) -> Result<SourceFolder, Problem> {
    let packed = pack(folder).map_err(|error| {
        let found = format!("{}: {error}", quoted(folder));
        let problem = Problem::new(field, found, "a folder that can be read");
        problem.help("the path is relative to the manifest")
    })?;
    match source_fault(field, folder, &packed) {
        Some(problem) => Err(problem),
        None => Ok(SourceFolder {
            path: folder.to_owned(),
            packed,
        }),
    }
}

fn source_fault(field: &str, folder: &str, packed: &PackedSource) -> Option<Problem> {
    if packed.files.is_empty() {
        let found = format!("{} without a file", quoted(folder));
        return Some(Problem::new(field, found, "a folder with a buildspec.yml"));
    }
    if packed.zip.len() > SOURCE_LIMIT {
        let found = format!(
            "{} of {} MiB as a zip file",
            quoted(folder),
            packed.zip.len().div_ceil(1024 * 1024)
        );
        let problem = Problem::new(field, found, "at most 50 MiB");
        return Some(
            problem
                .help("what a build downloads itself (providers, node_modules) need not be in it"),
        );
    }
    None
}

/// Whether a source has the file by which CodeBuild knows what to do. A project may have a
/// buildspec of its own, so that this is no fault.
pub fn has_buildspec(files: &[String]) -> bool {
    files.iter().any(|file| BUILDSPECS.contains(&file.as_str()))
}

fn folder(infrastructure: &Infrastructure) -> Option<&str> {
    match &infrastructure.source {
        SourceFrom::Folder(path) => Some(path),
        SourceFrom::Released(_) => None,
    }
}
