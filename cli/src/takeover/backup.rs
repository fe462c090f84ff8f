//! Files that are written once, and never over others.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write as _};
#[cfg(unix)]
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::CliError;

/// What was found, as AWS told it: enough to make it again by hand.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Backup {
    /// File names below the backup's folder, with their contents.
    pub files: Vec<(String, Value)>,
}

/// A file that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where.
    pub path: PathBuf,
    /// What.
    pub text: String,
    /// Whether nobody else may read it, nor the folders that are made for it.
    pub private: bool,
}

impl Backup {
    /// Keeps an answer under a name that is made of names in AWS.
    pub fn keep(&mut self, folder: &str, name: &str, content: Value) {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let name: String = name
            .chars()
            .map(|c| if allowed(c) { c } else { '-' })
            .collect();
        let file = format!("{folder}/{name}.json");
        if self.files.iter().all(|(known, _)| *known != file) {
            self.files.push((file, content));
        }
    }

    /// The files, below `folder`.
    pub fn below(&self, folder: &Path) -> impl Iterator<Item = File> {
        self.files.iter().map(move |(name, content)| File {
            path: folder.join(name),
            text: format!("{content:#}\n"),
            private: true,
        })
    }
}

/// Whether nothing is at these paths.
///
/// # Errors
/// When something is.
pub fn check_free<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Result<(), CliError> {
    let there = paths
        .into_iter()
        .find(|path| path.symlink_metadata().is_ok());
    there.map_or(Ok(()), |path| Err(taken(path)))
}

fn taken(path: &Path) -> CliError {
    CliError::invalid(
        format!(
            "{} is there already, and nothing is overwritten",
            path.display()
        ),
        "move it away, or name other places with --out and --backup",
    )
}

/// Writes files, none of them over another.
///
/// # Errors
/// When one is there already or cannot be written; those before it are written then.
pub fn save(files: &[File]) -> Result<(), CliError> {
    files.iter().try_for_each(save_one)
}

fn save_one(file: &File) -> Result<(), CliError> {
    let failed = |source| CliError::Io {
        what: format!("writing {}", file.path.display()),
        source,
    };
    if let Some(folder) = file.path.parent() {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        if file.private {
            builder.mode(0o700);
        }
        builder.create(folder).map_err(failed)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if file.private {
        options.mode(0o600);
    }
    let mut opened = options.open(&file.path).map_err(|error| {
        if error.kind() == ErrorKind::AlreadyExists {
            taken(&file.path)
        } else {
            failed(error)
        }
    })?;
    opened.write_all(file.text.as_bytes()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use serde_json::json;

    use super::{Backup, check_free, save};

    #[test]
    fn secrets_are_for_the_owner_alone_and_nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("backup");
        check_free([place.as_path()]).unwrap();
        let mut backup = Backup::default();
        backup.keep("functions", "shop:api", json!({"secret": 1}));
        backup.keep("functions", "shop:api", json!({"another": 2}));
        let files: Vec<_> = backup.below(&place).collect();
        assert_eq!(files.len(), 1);
        save(&files).unwrap();
        let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&place), 0o700);
        assert_eq!(mode(&place.join("functions")), 0o700);
        assert_eq!(mode(&place.join("functions/shop-api.json")), 0o600);
        let error = save(&files).unwrap_err();
        assert!(
            error.to_string().contains("nothing is overwritten"),
            "{error}"
        );
        assert!(check_free([place.as_path()]).is_err());
    }
}
