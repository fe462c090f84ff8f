//! Which application is meant, and what its manifest says.

use std::path::Path;

use lockstep::manifest::{Embedded, Manifest, ManifestFile, StoredManifest};

use crate::args::Global;
use crate::error::CliError;
use crate::release::pack_source;

/// The application's name: as the command line says, else as the manifest does.
pub fn name(global: &Global) -> Result<String, CliError> {
    match &global.application {
        Some(name) => Ok(name.clone()),
        None => Ok(read(&global.file)?.manifest().application.clone()),
    }
}

/// Reads and checks a manifest.
pub fn read(path: &Path) -> Result<ManifestFile, CliError> {
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    Manifest::parse(&path.display().to_string(), &text).map_err(CliError::Manifest)
}

/// Reads and checks a manifest together with the files it names.
pub fn load(path: &Path) -> Result<StoredManifest, CliError> {
    load_all(path).map(|embedded| embedded.manifest)
}

/// The same, with the templates' texts and the sources of infrastructure.
pub fn load_all(path: &Path) -> Result<Embedded, CliError> {
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let load = |file: &str| std::fs::read_to_string(folder.join(file));
    let pack = |source: &str| pack_source(&folder.join(source));
    let embedded = read(path)?.embed_with_sources(load, pack);
    embedded.map_err(CliError::Manifest)
}

/// The manifest with its files for a command that applies it first: it has to be that of the
/// application that the command line names, if it names one.
pub fn load_to_apply(global: &Global) -> Result<Embedded, CliError> {
    let embedded = load_all(&global.file)?;
    let own = &embedded.manifest.manifest.application;
    match &global.application {
        Some(named) if named != own => Err(CliError::invalid(
            format!(
                "{} is the manifest of application {own}, not of {named}; nothing was applied",
                global.file.display()
            ),
            "leave out --application, or name the other manifest with --file",
        )),
        _ => Ok(embedded),
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> CliError {
    if error.kind() != std::io::ErrorKind::NotFound {
        return CliError::invalid(
            format!("{} cannot be read: {error}", path.display()),
            "name another manifest with --file",
        );
    }
    let folder = std::env::current_dir().map_or_else(
        |_| "this folder".to_owned(),
        |folder| folder.display().to_string(),
    );
    CliError::invalid(
        format!("there is no {} in {folder}", path.display()),
        "run this where the manifest is, name it with --file, or name the application with --application",
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser;

    use super::{load, load_to_apply};
    use crate::args::Cli;

    #[test]
    fn no_other_applications_manifest_is_applied() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lockstep.yaml");
        let text = "application: quiz\nfunctions: { api: {} }\nenvironments: { local: {} }\n";
        std::fs::write(&path, text).unwrap();
        let global = |more: &[&str]| {
            let all = ["lockstep", "status", "--file", path.to_str().unwrap()];
            Cli::parse_from(all.iter().chain(more)).global
        };
        assert!(load_to_apply(&global(&[])).is_ok());
        assert!(load_to_apply(&global(&["--application", "quiz"])).is_ok());
        let error = load_to_apply(&global(&["--application", "shop"])).unwrap_err();
        assert_eq!(error.exit().code(), 2);
        assert!(
            error
                .to_string()
                .contains("application quiz, not of shop; nothing was applied"),
            "{error}"
        );
    }

    #[test]
    fn files_are_found_beside_the_manifest_and_faults_name_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lockstep.yaml");
        let text = "application: a\nservices:\n  web: { cluster: c, containers: { web: a/web }, task_definition: td.json }\n\
                    environments: { local: {} }\n";
        std::fs::write(&path, text).unwrap();
        assert!(
            load(&path)
                .unwrap_err()
                .to_string()
                .contains("lockstep.yaml")
        );
        let definition = r#"{"family":"web","containerDefinitions":[{"name":"web"}]}"#;
        std::fs::write(folder.path().join("td.json"), definition).unwrap();
        let stored = load(&path).unwrap();
        assert_eq!(stored.task_definitions["td.json"]["family"], "web");
    }

    #[test]
    fn a_missing_manifest_says_what_to_do() {
        let error = load(Path::new("/nonexistent/lockstep.yaml")).unwrap_err();
        assert_eq!(error.exit().code(), 2);
        assert!(error.help().unwrap().contains("--application"));
    }
}
