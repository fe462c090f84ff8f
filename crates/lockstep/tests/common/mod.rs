//! Reading folders of fixtures, one case a file, with the expected text beside it.

#![allow(clippy::unwrap_used, clippy::panic)]
#![allow(dead_code)] // Each test file uses a part.

use std::fs;
use std::path::{Path, PathBuf};

/// The files of a folder with that ending, in order. A folder that lost its files fails.
pub fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.to_string_lossy().ends_with(ending));
    files.sort();
    assert!(!files.is_empty(), "{} has no *{ending}", folder.display());
    files
}

/// The file's name without its folder.
pub fn name(file: &Path) -> String {
    file.file_name().unwrap().to_string_lossy().into_owned()
}

/// Whether expected files are to be written anew.
#[allow(clippy::disallowed_methods)] // A test runs on a person's machine.
pub fn blessing() -> bool {
    std::env::var_os("LOCKSTEP_BLESS").is_some()
}

/// Compares a text with the file beside the case that has the other ending. With
/// `LOCKSTEP_BLESS=1` in the environment the file is written instead: read the diff.
pub fn compare(case: &Path, ending: &str, found: &str) {
    let expected = case.with_extension(ending);
    if blessing() {
        fs::write(&expected, format!("{}\n", found.trim_end())).unwrap();
    }
    let text = fs::read_to_string(&expected)
        .unwrap_or_else(|error| panic!("{}: {error}; found:\n{found}", expected.display()));
    assert_eq!(text.trim_end(), found.trim_end(), "{}", case.display());
}

/// Fails for an expected text whose case is gone.
pub fn no_orphans(folder: &str, ending: &str, case_ending: &str) {
    for text in files(folder, ending) {
        let case = text.to_string_lossy().replace(ending, case_ending);
        assert!(
            Path::new(&case).exists(),
            "{} has no case beside it",
            text.display()
        );
    }
}
