//! The texts in `tests/stories/`.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use lockstep_tests::project;

/// How a change that is meant to be seen gets into the files.
pub const HOW: &str = "If this is meant to be so: LOCKSTEP_BLESS=1 cargo test -p lockstep-tests --test golden_stories, and read \
                       the diff of tests/stories/.";

fn folder() -> PathBuf {
    project().join("tests/stories")
}

/// What differs between a story and its file, line by line; `None` when nothing does. With `LOCKSTEP_BLESS=1` in the
/// environment the file is written instead.
pub fn difference(name: &str, told: &str) -> Option<String> {
    let file = folder().join(format!("{name}.txt"));
    if std::env::var_os("LOCKSTEP_BLESS").is_some() {
        fs::write(&file, told).unwrap();
        return None;
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    (written != told).then(|| format!("{}:\n{}", file.display(), compared(&written, told)))
}

/// The lines that only one of them has in its place, each with what it is.
fn compared(written: &str, told: &str) -> String {
    let (mut written, mut told): (Vec<_>, Vec<_>) =
        (written.lines().collect(), told.lines().collect());
    while !written.is_empty() && written.first() == told.first() {
        written.remove(0);
        told.remove(0);
    }
    while !written.is_empty() && written.last() == told.last() {
        written.pop();
        told.pop();
    }
    let mut text = String::new();
    for line in written {
        writeln!(text, "  - {line}").unwrap();
    }
    for line in told {
        writeln!(text, "  + {line}").unwrap();
    }
    text
}

/// Files that no story tells.
pub fn untold(names: &[&str]) -> Vec<String> {
    let files = fs::read_dir(folder()).unwrap();
    let mut files: Vec<_> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|file| {
            !file
                .strip_suffix(".txt")
                .is_some_and(|name| names.contains(&name))
        })
        .collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::compared;

    #[test]
    fn only_what_differs_is_shown() {
        assert_eq!(
            compared("a\nb\nc\n", "a\nx\ny\nc\n"),
            "  - b\n  + x\n  + y\n"
        );
    }
}
