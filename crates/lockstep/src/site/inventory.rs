//! The list of a release's files, kept beside them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Kind;

/// One file of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// The SHA-256 of its content, in hex.
    pub sha256: String,
    /// Its size in bytes.
    pub size: u64,
    /// The header `Content-Type`.
    pub content_type: String,
    /// The header `Cache-Control`.
    pub control: String,
    /// What kind of file it is.
    pub kind: Kind,
}

/// A file of an earlier release that browsers with an old page open still ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// The file.
    pub file: FileEntry,
    /// How many releases ago it was part of one.
    pub age: u32,
}

/// Everything that lies under a release's prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// The release.
    pub release: String,
    /// What it was built from, for people.
    pub label: String,
    /// Its own files, by path.
    pub files: BTreeMap<String, FileEntry>,
    /// Files of releases before it, by path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub carried: BTreeMap<String, Carried>,
    /// The releases whose files were carried over, directly.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub after: BTreeSet<String>,
}

impl Inventory {
    /// Whether this release may take the place of `before`: nothing is missing that a browser may
    /// still ask for.
    pub fn is_ready_after(&self, before: Option<&str>) -> bool {
        before.is_none_or(|before| before == self.release || self.after.contains(before))
    }

    /// The files that are to be carried over from `before`: those that never change, are not part
    /// of this release, and were part of one of the last `keep`.
    pub fn missing_from(&self, before: &Self, keep: u32) -> BTreeMap<String, Carried> {
        let own = before.files.iter();
        let own = own.filter(|(_, file)| file.kind == Kind::Immutable);
        let own = own.map(|(path, file)| (path, file, 1));
        let older = before.carried.iter();
        let older = older.map(|(path, it)| (path, &it.file, it.age + 1));
        let wanted = own.chain(older).filter(|(path, _, age)| {
            let there = self.files.contains_key(*path) || self.carried.contains_key(*path);
            *age <= keep && !there
        });
        let carried = |(path, file, age): (&String, &FileEntry, u32)| {
            let file = file.clone();
            (path.clone(), Carried { file, age })
        };
        wanted.map(carried).collect()
    }

    /// The file of this path, whether of its own or carried over.
    pub fn get(&self, path: &str) -> Option<&FileEntry> {
        let carried = || self.carried.get(path).map(|it| &it.file);
        self.files.get(path).or_else(carried)
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::super::Kind;
    use super::{FileEntry, Inventory};

    pub(in super::super) fn entry(content: &str, kind: Kind) -> FileEntry {
        FileEntry {
            sha256: content.into(),
            size: content.len() as u64,
            content_type: "text/plain".into(),
            control: "c".into(),
            kind,
        }
    }

    /// Files as `path=content`; immutable below `a/`, pages end in `.html`.
    pub(in super::super) fn inventory(release: &str, files: &[&str]) -> Inventory {
        let file = |text: &&str| {
            let (path, content) = text.split_once('=').unwrap_or((text, ""));
            let kind = match path {
                _ if path.starts_with("a/") => Kind::Immutable,
                _ if path.contains(".html") => Kind::Page,
                _ => Kind::Other,
            };
            (path.to_owned(), entry(content, kind))
        };
        Inventory {
            release: release.into(),
            files: files.iter().map(file).collect(),
            ..Inventory::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::inventory;

    fn paths(of: &super::Inventory, before: &super::Inventory, keep: u32) -> Vec<(String, u32)> {
        let missing = of.missing_from(before, keep).into_iter();
        missing.map(|(path, it)| (path, it.age)).collect()
    }

    #[test]
    fn what_open_pages_may_ask_for_is_carried_over_for_some_releases() {
        let one = inventory(
            "1",
            &["a/1.js=x", "a/both.js=y", "index.html=1", "robots.txt=r"],
        );
        let mut two = inventory("2", &["a/2.js=x", "a/both.js=y", "index.html=2"]);
        assert_eq!(paths(&two, &one, 2), [("a/1.js".to_owned(), 1)]);
        two.carried = two.missing_from(&one, 2);
        let mut three = inventory("3", &["a/3.js=x", "index.html=3"]);
        let carried = paths(&three, &two, 2);
        let names: Vec<_> = carried
            .iter()
            .map(|(path, age)| (path.as_str(), *age))
            .collect();
        assert_eq!(names, [("a/1.js", 2), ("a/2.js", 1), ("a/both.js", 1)]);
        three.carried = three.missing_from(&two, 2);
        let four = inventory("4", &["index.html=4"]);
        let carried = paths(&four, &three, 2);
        assert!(!carried.iter().any(|(path, _)| path == "a/1.js"));
        assert_eq!(three.get("a/1.js").map(|it| it.size), Some(1));
        assert_eq!(three.get("a/9.js"), None);
    }

    #[test]
    fn a_release_is_ready_for_what_it_was_made_to_follow() {
        let mut two = inventory("2", &[]);
        assert!(two.is_ready_after(None));
        assert!(!two.is_ready_after(Some("1")));
        two.after.insert("1".into());
        assert!(two.is_ready_after(Some("1")));
        assert!(two.is_ready_after(Some("2")));
    }
}
