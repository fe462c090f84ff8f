//! From text to a manifest.

use super::check::check;
use super::error::{ManifestError, Problem};
use super::places::Places;
use super::ready;
use super::schema::{SchemaPart, schema_with};
use super::shape::shape;
use super::source::SourceFile;
use super::types::Manifest;
use super::yaml;

/// A manifest that still knows the file it was read from, so that faults in the files it
/// names can be shown in their place.
#[derive(Debug, Clone)]
pub struct ManifestFile {
    pub(super) manifest: Manifest,
    pub(super) source: SourceFile,
    pub(super) places: Places,
}

impl ManifestFile {
    /// What the file says.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }
}

impl Manifest {
    /// Reads a manifest. `file` is only a name for messages.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the file. Only where the text is
    /// no YAML at all is it the first fault alone.
    pub fn parse(file: &str, text: &str) -> Result<ManifestFile, Vec<ManifestError>> {
        Self::parse_with(file, text, ready::FUNCTIONS)
    }

    /// The same, with the keys for functions or without them.
    pub(super) fn parse_with(
        file: &str,
        text: &str,
        functions: bool,
    ) -> Result<ManifestFile, Vec<ManifestError>> {
        let source = SourceFile::new(file, text);
        let (mut document, mut errors) = yaml::read(&source)?;
        if !functions {
            errors.append(&mut ready::refuse(&source, &mut document));
        }
        let schema = schema_with(functions).to_value();
        let mut shaped = shape(&source, &document, SchemaPart::root(&schema));
        errors.append(&mut shaped.errors);
        let places = shaped.places;
        match serde_json::from_value::<Self>(shaped.value.unwrap_or_default()) {
            Ok(manifest) => {
                errors.extend(check(&manifest, &places, &source, functions));
                if errors.is_empty() {
                    return Ok(ManifestFile {
                        manifest,
                        source,
                        places,
                    });
                }
            }
            // What is faulty was left out, so that something else is missing now.
            Err(_) if !errors.is_empty() => {}
            Err(error) => {
                let problem = Problem::new("", error.to_string(), "a Lockstep manifest");
                errors.push(ManifestError::new(&source, &(0..0), problem));
            }
        }
        errors.sort_by_key(|error| (error.line, error.column));
        errors.dedup();
        Err(errors)
    }
}
