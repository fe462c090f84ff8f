//! The Python environment of the local engine: made once, from pinned and hashed requirements.

use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use super::error::{IoContext, LocalError};
use super::layout::Layout;
use super::process::{self, Process};

const REQUIREMENTS: &str = include_str!("../../local/requirements.txt");

/// What pip writes when it cannot reach the package index.
const OFFLINE: [&str; 7] = [
    "from versions: none",
    "Temporary failure in name resolution",
    "Name or service not known",
    "Network is unreachable",
    "NewConnectionError",
    "Connection refused",
    "timed out",
];

/// The newest first; `python3` before all, since that is what the user means.
const NAMES: [&str; 5] = [
    "python3",
    "python3.13",
    "python3.12",
    "python3.11",
    "python3.10",
];

/// Makes the environment unless it is there already and made from these very requirements. Several engines may ask at
/// once: one makes it, the others wait. `on_install` is called only if there is something to install.
pub async fn ensure(layout: &Layout, on_install: impl FnOnce()) -> Result<PathBuf, LocalError> {
    let python = find_python()?;
    let marker = layout.venv().join("requirements.sha256");
    let wanted = fingerprint();
    let _lock = layout.lock("venv").await?;
    if std::fs::read_to_string(&marker).is_ok_and(|found| found == wanted)
        && layout.program("python").exists()
    {
        return Ok(layout.program("python"));
    }
    on_install();
    if layout.venv().exists() {
        std::fs::remove_dir_all(layout.venv())
            .doing(|| format!("removing the old {}", layout.venv().display()))?;
    }
    make(layout, &python).await?;
    install(layout).await?;
    layout.write(&marker, wanted.as_bytes())?;
    Ok(layout.program("python"))
}

fn fingerprint() -> String {
    format!("{:x}", Sha256::digest(REQUIREMENTS))
}

fn find_python() -> Result<PathBuf, LocalError> {
    let new_enough = |name: &&&str| {
        let check = "import sys; sys.exit(sys.version_info < (3, 10))";
        Command::new(name)
            .args(["-c", check])
            .output()
            .is_ok_and(|output| output.status.success())
    };
    let name = NAMES
        .iter()
        .find(new_enough)
        .ok_or_else(|| LocalError::NoPython {
            looked_for: NAMES.join(", "),
        })?;
    let python = PathBuf::from(name);
    let check = Command::new(&python)
        .args(["-c", "import venv, ensurepip"])
        .output();
    if check.is_ok_and(|output| output.status.success()) {
        return Ok(python);
    }
    Err(LocalError::NoVenvModule { python })
}

async fn make(layout: &Layout, python: &Path) -> Result<(), LocalError> {
    let venv = layout.venv().display().to_string();
    let command = vec![
        python.display().to_string(),
        "-m".into(),
        "venv".into(),
        venv,
    ];
    process::run(
        layout,
        python,
        "making the Python environment",
        Process {
            command,
            ..Process::default()
        },
    )
    .await
}

async fn install(layout: &Layout) -> Result<(), LocalError> {
    let requirements = layout.home.join("requirements.txt");
    layout.write(&requirements, REQUIREMENTS.as_bytes())?;
    let python = layout.program("python");
    // Compiling all modules ahead costs more than the few that are ever imported.
    let arguments = "-m pip install --quiet --no-input --disable-pip-version-check --no-compile --no-deps --only-binary=:all: --require-hashes -r";
    let mut command = vec![python.display().to_string()];
    command.extend(arguments.split(' ').map(str::to_owned));
    command.push(requirements.display().to_string());
    let process = Process {
        command,
        ..Process::default()
    };
    process::run(layout, &python, "installing Python packages", process)
        .await
        .map_err(explain)
}

fn explain(error: LocalError) -> LocalError {
    let unreachable = |line: &&str| OFFLINE.iter().any(|sign| line.contains(sign));
    match error {
        LocalError::Command { what, detail, log } => match detail.lines().rfind(unreachable) {
            Some(line) => LocalError::NoNetwork {
                detail: line.to_owned(),
            },
            None => LocalError::Command { what, detail, log },
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_requirement_is_pinned_and_hashed() {
        let pins = REQUIREMENTS
            .lines()
            .filter(|line| line.contains("=="))
            .count();
        let starts = REQUIREMENTS
            .lines()
            .filter(|line| line.starts_with(|c: char| c.is_ascii_alphanumeric()))
            .count();
        assert_eq!(pins, starts);
        assert!(REQUIREMENTS.matches("--hash=sha256:").count() > pins);
        assert!(!REQUIREMENTS.lines().any(|line| line.starts_with("ziglang")));
    }

    #[test]
    fn a_machine_without_network_gets_a_plain_message() {
        let detail =
            "ERROR: x\nNewConnectionError: Failed to establish a new connection".to_owned();
        let error = explain(LocalError::Command {
            what: "pip".into(),
            detail,
            log: "pip.log".into(),
        });
        assert!(
            error
                .to_string()
                .contains("connect this machine to the network"),
            "{error}"
        );
    }
}
