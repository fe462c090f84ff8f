//! Building the controller's functions for the local engine, once for all engines of a project.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use super::error::{IoContext, LocalError};
use super::layout::Layout;
use super::process::{self, Process};
use super::sam::sam;

const PACKER: &str = include_str!("../../local/pack.py");

/// What a build depends on, relative to the project.
const SOURCES: [&str; 8] = [
    "template.yaml",
    "samconfig.toml",
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    "state-machine",
    "functions",
    "crates",
];

/// Runs `sam build` unless nothing changed since the last one. All engines of a project share the result; of those
/// that ask at the same time one builds and the others wait.
pub async fn build(
    layout: &Layout,
    project: &Path,
    on_build: impl Fn(&str),
) -> Result<(), LocalError> {
    let _lock = layout.lock("build").await?;
    let stamp = layout.build().join("sources.sha256");
    let sources = fingerprint(project)?;
    if std::fs::read_to_string(&stamp).is_ok_and(|built| built == sources) {
        return Ok(());
    }
    on_build("Building the functions (minutes the first time, seconds later)");
    let build = layout.build().display().to_string();
    // Not --cached: SAM looks at a function's own folder only and would miss a change in a shared crate. Cargo knows.
    let arguments = [
        "build",
        "--config-env",
        "local",
        "--no-cached",
        "--build-dir",
        &build,
    ];
    let python = layout.program("python");
    let process = sam(layout, project, &arguments);
    tokio::select! {
        ended = process::run(layout, &python, "sam build", process) => ended?,
        never = tell_functions(layout, &on_build) => match never {},
    }
    pack(layout).await?;
    layout.write(&stamp, sources.as_bytes())
}

/// Tells which function SAM has come to, from what it writes.
async fn tell_functions(layout: &Layout, tell: &impl Fn(&str)) -> Infallible {
    let log = layout.logs().join("sam-build.log");
    let mut told = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        let functions: Vec<&str> = text.lines().filter_map(function_of).collect();
        for function in functions.iter().skip(told) {
            tell(&format!("Building the function {function}"));
        }
        told = functions.len();
    }
}

/// `Building codeuri: …/functions/trigger runtime: provided.al2023 …`
fn function_of(line: &str) -> Option<&str> {
    let folder = line
        .strip_prefix("Building codeuri: ")?
        .split(" runtime:")
        .next()?;
    folder.rsplit('/').next()
}

/// Zips the functions once, not at every deployment: half of what `sam deploy` does.
async fn pack(layout: &Layout) -> Result<(), LocalError> {
    let script = layout.engine.join("pack.py");
    layout.write(&script, PACKER.as_bytes())?;
    let python = layout.program("python");
    let command = [&python, &script, &layout.build()]
        .map(|part| part.display().to_string())
        .to_vec();
    process::run(
        layout,
        &python,
        "packing the functions",
        Process {
            command,
            ..Process::default()
        },
    )
    .await
}

/// Changes whenever a source file is added, removed, renamed or written.
fn fingerprint(project: &Path) -> Result<String, LocalError> {
    let mut files = Vec::new();
    for source in SOURCES {
        collect(&project.join(source), &mut files)
            .doing(|| format!("looking at {source} of {}", project.display()))?;
    }
    files.sort();
    let mut hash = Sha256::new();
    for (path, size, modified) in files {
        hash.update(format!("{} {size} {modified}\n", path.display()));
    }
    Ok(format!("{:x}", hash.finalize()))
}

fn collect(path: &Path, files: &mut Vec<(PathBuf, u64, u128)>) -> std::io::Result<()> {
    let Ok(metadata) = path.metadata() else {
        return Ok(());
    };
    if metadata.is_dir() {
        for entry in path.read_dir()? {
            collect(&entry?.path(), files)?;
        }
        return Ok(());
    }
    let modified = metadata
        .modified()?
        .duration_since(UNIX_EPOCH)
        .map(|since| since.as_nanos())
        .unwrap_or_default();
    files.push((path.to_owned(), metadata.len(), modified));
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn sam_says_which_function_it_builds() {
        let line = "Building codeuri: /home/a b/functions/lock runtime: provided.al2023 architecture: x86_64 functions: LockFunction";
        assert_eq!(function_of(line), Some("lock"));
        assert_eq!(
            function_of("Running RustCargoLambdaBuilder:CargoLambdaBuild"),
            None
        );
    }

    #[test]
    fn a_change_in_a_shared_crate_is_a_change() {
        let project = tempfile::tempdir().unwrap();
        let file = project.path().join("crates/lockstep/src/lib.rs");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "a").unwrap();
        let before = fingerprint(project.path()).unwrap();
        assert_eq!(before, fingerprint(project.path()).unwrap());
        std::fs::write(&file, "ab").unwrap();
        assert_ne!(before, fingerprint(project.path()).unwrap());
    }
}
