//! What a release.zip may contain: decided from its table of contents, before anything in it
//! is unpacked.

use lockstep::PhaseError;

/// 250 MB as Lambda counts them: the largest code it takes, unpacked.
pub(crate) const ARTIFACT_LIMIT: u64 = 262_144_000;
/// The largest release.zip, and the most that all of its entries may come to.
pub(crate) const TOTAL_LIMIT: u64 = 1 << 30;
/// The most entries. A release has at most 500 artifacts.
pub(crate) const ENTRIES_LIMIT: usize = 1_000;
/// How many bytes one packed byte may become. Code shrinks to a fifth, zipped code not at all.
const RATIO_LIMIT: u64 = 100;
/// Entries up to this size may shrink as much as they can: they do no harm.
const RATIO_COUNTS_FROM: u64 = 1 << 20;

/// One entry as the table of contents describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its place in the table.
    pub(crate) index: usize,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Bytes in the archive.
    pub(crate) packed: u64,
    /// Bytes when unpacked.
    pub(crate) size: u64,
    /// Where its own header is in the archive.
    pub(crate) header_start: u64,
}

/// What kind of entry it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
    Symlink,
    /// Needs a password.
    Encrypted,
    /// Neither stored as it is nor deflated.
    Unreadable,
}

/// Checks all entries. Every fault is named at once.
///
/// # Errors
/// [`PhaseError::Rejected`] about `archive`.
pub(crate) fn check(archive: &str, entries: &[Entry]) -> Result<(), PhaseError> {
    let mut faults: Vec<_> = entries.iter().filter_map(fault).collect();
    if entries.len() > ENTRIES_LIMIT {
        faults = vec![format!(
            "it has {} entries; at most {ENTRIES_LIMIT} are read",
            entries.len()
        )];
    }
    let total = entries
        .iter()
        .fold(0_u64, |total, entry| total.saturating_add(entry.size));
    if total > TOTAL_LIMIT {
        faults.push(format!(
            "its entries come to {total} bytes; at most {TOTAL_LIMIT} are unpacked"
        ));
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(PhaseError::Rejected {
        resource: archive.to_owned(),
        reason: faults.join("; "),
    })
}

fn fault(entry: &Entry) -> Option<String> {
    let Entry {
        name, size, packed, ..
    } = entry;
    let kind = match entry.kind {
        Kind::Symlink => Some("is a symbolic link; pack the file itself"),
        Kind::Encrypted => Some("is encrypted; pack it without a password"),
        Kind::Unreadable => Some("is packed by another method than `deflate` or `store`"),
        Kind::File | Kind::Folder => None,
    };
    if let Some(kind) = kind {
        return Some(format!("entry `{name}` {kind}"));
    }
    if let Some(trick) = trick(name) {
        return Some(format!("entry `{name}` {trick}"));
    }
    if *size > ARTIFACT_LIMIT {
        return Some(format!(
            "entry `{name}` has {size} bytes; Lambda takes at most {ARTIFACT_LIMIT} (250 MB)"
        ));
    }
    let swells = *size > RATIO_COUNTS_FROM && size / RATIO_LIMIT > *packed;
    swells.then(|| {
        format!("entry `{name}` would grow from {packed} to {size} bytes, as zip bombs do; at most {RATIO_LIMIT} times is unpacked")
    })
}

/// What is wrong with a path that leads out of the archive, or may on some system.
fn trick(name: &str) -> Option<&'static str> {
    let drive = name.as_bytes().get(1) == Some(&b':');
    match () {
        () if name.starts_with('/') || drive => Some("has an absolute path"),
        () if name.split('/').any(|part| part == "..") => {
            Some("leads out of the archive with `..`")
        }
        () if name.contains('\\') => Some("has a backslash in its path"),
        () if name.chars().any(char::is_control) => Some("has a control character in its path"),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{ARTIFACT_LIMIT, ENTRIES_LIMIT, Entry, Kind, check};

    fn entry(name: &str) -> Entry {
        Entry {
            index: 0,
            name: name.to_owned(),
            kind: Kind::File,
            packed: 900,
            size: 1_000,
            header_start: 0,
        }
    }

    fn fault(entry: Entry) -> String {
        check("s3://b/release.zip", &[entry])
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn ordinary_entries_pass() {
        let folder = Entry {
            kind: Kind::Folder,
            ..entry("functions/")
        };
        let text = Entry {
            packed: 1_000,
            size: 1_000_000,
            ..entry("repeats.txt")
        };
        let entries = [
            entry("release.json"),
            folder,
            entry("functions/a..b.zip"),
            text,
        ];
        assert_eq!(check("z", &entries), Ok(()));
    }

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        assert_eq!(
            fault(entry("../api.zip")),
            "s3://b/release.zip: entry `../api.zip` leads out of the archive with `..`"
        );
        assert!(fault(entry("a/../../api.zip")).contains("`..`"));
        assert!(fault(entry("/etc/api.zip")).contains("absolute"));
        assert!(fault(entry("C:/api.zip")).contains("absolute"));
        assert!(fault(entry("..\\api.zip")).contains("backslash"));
        assert!(fault(entry("a\0.zip")).contains("control character"));
    }

    #[test]
    fn what_is_not_a_plain_file_is_refused() {
        let of = |kind| Entry {
            kind,
            ..entry("api.zip")
        };
        assert!(fault(of(Kind::Symlink)).contains("symbolic link"));
        assert!(fault(of(Kind::Encrypted)).contains("encrypted"));
        assert!(fault(of(Kind::Unreadable)).contains("method"));
    }

    #[test]
    fn bombs_are_not_unpacked() {
        let dense = Entry {
            packed: 100_000,
            size: 100_000_000,
            ..entry("bomb.zip")
        };
        assert!(fault(dense).contains("from 100000 to 100000000 bytes"));
        let large = Entry {
            packed: ARTIFACT_LIMIT,
            size: ARTIFACT_LIMIT + 1,
            ..entry("large.zip")
        };
        assert!(fault(large.clone()).contains("250 MB"));
        let half = Entry {
            packed: ARTIFACT_LIMIT,
            size: ARTIFACT_LIMIT,
            ..large
        };
        let error = check("z", &vec![half; 5]).unwrap_err().to_string();
        assert!(error.contains("come to 1310720000 bytes"), "{error}");
        let error = check("z", &vec![entry("x"); ENTRIES_LIMIT + 1]).unwrap_err();
        assert!(error.to_string().contains("it has 1001 entries"), "{error}");
    }
}
