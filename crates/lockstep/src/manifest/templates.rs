//! The template files that a manifest names.

use std::collections::BTreeMap;
use std::io;

use sha2::{Digest, Sha256};

use super::error::{ManifestError, Problem};
use super::parse::ManifestFile;
use super::resolved::NamedEnvironment;
use super::resolved_stack::StackParameter;
use super::sources::SourceFolder;
use super::stacks::{Stack, TemplateSource};
use super::stored::StoredManifest;
use super::template::{SIZE_LIMIT, Template};
use super::wording::quoted;

/// A manifest with everything that it names.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// What the ledger keeps, as soon as the templates have an address.
    pub manifest: StoredManifest,
    /// The templates.
    pub templates: Vec<TemplateFile>,
    /// The sources of infrastructure.
    pub sources: Vec<SourceFolder>,
}

/// A template that `lockstep apply` stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateFile {
    /// Its path as the manifest names it.
    pub path: String,
    /// The SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// Its text.
    pub text: String,
}

impl TemplateFile {
    fn new(path: String, text: String) -> Self {
        Self {
            path,
            sha256: format!("{:x}", Sha256::digest(&text)),
            text,
        }
    }

    /// The key under which it is stored in the releases bucket: content never changes under it.
    pub fn key(&self, application: &str) -> String {
        crate::stack::template_key(application, &self.sha256)
    }

    /// What the stored manifest says of it, without an address.
    pub(super) fn entry(&self) -> (String, crate::stack::Template) {
        let template = crate::stack::Template {
            url: String::new(),
            sha256: self.sha256.clone(),
            size: self.text.len() as u64,
        };
        (self.path.clone(), template)
    }
}

/// What is wrong with a template that goes into a release; the first fault is enough.
pub fn template_fault(path: &str, text: &str) -> Option<String> {
    if text.len() > SIZE_LIMIT {
        let size = text.len();
        return Some(format!(
            "{path} has {size} bytes, expected at most {SIZE_LIMIT} (1 MB)"
        ));
    }
    match Template::read(path, text) {
        Err(errors) => errors.first().map(ManifestError::to_string),
        Ok(template) => template.faults().into_iter().next().map(|fault| {
            let help = fault.help.map(|help| format!("; {help}"));
            let (found, expected) = (fault.found, fault.expected);
            format!(
                "{path}: found {found}, expected {expected}{}",
                help.unwrap_or_default()
            )
        }),
    }
}

/// A template as far as it could be read.
type Read = BTreeMap<String, (TemplateFile, Option<Template>)>;

impl ManifestFile {
    /// The templates that the manifest names, each once.
    pub(super) fn templates(
        &self,
        load: &mut impl FnMut(&str) -> io::Result<String>,
        errors: &mut Vec<ManifestError>,
    ) -> Vec<TemplateFile> {
        let mut read = Read::new();
        for named in NamedEnvironment::all(&self.manifest) {
            let stacks: BTreeMap<_, _> = named.stacks().collect();
            for (name, stack) in &stacks {
                if let Some(file) = file(stack)
                    && !read.contains_key(file)
                {
                    let field = self.field(&named, name, "template");
                    match self.template(&field, file, load, errors) {
                        Ok(template) => drop(read.insert(file.to_owned(), template)),
                        Err(found) => errors.extend(found),
                    }
                }
            }
            for (name, stack) in &stacks {
                self.parameters((&named, name, stack), &stacks, &read, errors);
            }
        }
        read.into_values().map(|(file, _)| file).collect()
    }

    fn template(
        &self,
        field: &str,
        file: &str,
        load: &mut impl FnMut(&str) -> io::Result<String>,
        errors: &mut Vec<ManifestError>,
    ) -> Result<(TemplateFile, Option<Template>), Vec<ManifestError>> {
        let text = self.text(field, file, load)?;
        if text.len() > SIZE_LIMIT {
            let found = format!("{} of {} KiB", quoted(file), text.len().div_ceil(1024));
            let problem = Problem::new(field, found, "a template of at most 1 MB");
            let help = "CloudFormation reads no larger ones: move a part of it into another stack";
            return Err(vec![self.error(problem.help(help))]);
        }
        let template = Template::read(file, &text)?;
        let faults = template.faults();
        let sound = faults.is_empty();
        let faults = faults
            .into_iter()
            .map(|fault| self.fault(field, file, fault));
        errors.extend(faults);
        let file = TemplateFile::new(file.to_owned(), text);
        Ok((file, sound.then_some(template)))
    }

    /// Parameters that the template does not have, and outputs that the other's does not.
    fn parameters(
        &self,
        (named, name, stack): (&NamedEnvironment<'_>, &str, &Stack),
        stacks: &BTreeMap<&str, Stack>,
        read: &Read,
        errors: &mut Vec<ManifestError>,
    ) {
        let template = |stack: &Stack| {
            let file = file(stack)?;
            Some((file.to_owned(), read.get(file)?.1.as_ref()?))
        };
        for (parameter, source) in &stack.parameters {
            let field = self.field(named, name, &format!("parameters.{parameter}"));
            let fault =
                template(stack).and_then(|(file, it)| Some((file, it.parameter_fault(parameter)?)));
            errors.extend(fault.map(|(file, fault)| self.fault(&field, &file, fault)));
            let Some(StackParameter::Output { component, output }) = source.resolve() else {
                continue;
            };
            let field = self.field(named, name, &format!("parameters.{parameter}.output"));
            let other = stacks.get(component.as_str());
            let fault = other
                .and_then(template)
                .and_then(|(file, it)| Some((file, it.output_fault(&output)?)));
            errors.extend(fault.map(|(file, fault)| self.fault(&field, &file, fault)));
        }
    }

    fn field(&self, named: &NamedEnvironment<'_>, name: &str, field: &str) -> String {
        let written = named.written_in("stacks", name, &[field]);
        self.places.first(written).unwrap_or_default()
    }
}

fn file(stack: &Stack) -> Option<&str> {
    match &stack.template {
        TemplateSource::File(path) => Some(path),
        TemplateSource::Released(_) => None,
    }
}
