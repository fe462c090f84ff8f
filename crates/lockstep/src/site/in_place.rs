//! Sites in place: files where viewers have always been served from, one release over the other.
//!
//! Nothing can be switched then, so that viewers get a mixture while files are replaced. What makes it
//! safe all the same is that nothing is replaced before a copy of it lies aside, and that a list says
//! what was replaced: whatever is interrupted, the list says how to put everything back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{FileEntry, Inventory, Kind, SiteStep, invalidation};
use crate::PhaseError;
use crate::record::DeploymentRef;

/// Under what everything lies that is kept about sites in place. No site has files there.
pub const ASIDE: &str = ".lockstep/";

/// Where a site's files are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// Each release has a prefix of its own.
    #[default]
    Releases,
    /// All releases have the same.
    InPlace {
        /// What is put before a file's path to get its key: empty, or with a slash at its end.
        prefix: String,
        /// What is put before a file's path to get the path that viewers see, the first slash left
        /// out: empty, or with a slash at its end.
        seen_below: String,
    },
}

/// A file that a deployment puts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replacement {
    /// Whether there was one before, of which a copy lies aside.
    pub existed: bool,
    /// The file as it is put.
    pub file: FileEntry,
}

/// What a deployment replaces. Written once everything that is replaced lies aside, and before the
/// first file is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// The new release.
    pub inventory: Inventory,
    /// What is put, by path.
    pub files: BTreeMap<String, Replacement>,
    /// Whether everything was put back.
    #[serde(default)]
    pub restored: bool,
}

/// Under what the bookkeeping of one site at one place lies.
pub fn scope_in_place(deployment: &DeploymentRef, component: &str, prefix: &str) -> String {
    let DeploymentRef {
        application,
        environment,
        ..
    } = deployment;
    let place = match prefix.trim_end_matches('/') {
        "" => "root".to_owned(),
        // A colon is in no prefix, so that no two places have the same name.
        below => format!("below:{}", below.replace('/', ":")),
    };
    format!("{ASIDE}{application}/{environment}/{component}/{place}/")
}

/// The key of the mark that says which release is live.
pub fn marker_key(scope: &str) -> String {
    format!("{scope}live")
}

/// Under what lies all that deployments replaced.
pub fn previous(scope: &str) -> String {
    format!("{scope}previous/")
}

impl SiteStep {
    /// What is put before a file's path to get its key, where releases share one.
    pub fn in_place(&self) -> Option<&str> {
        match &self.layout {
            Layout::Releases => None,
            Layout::InPlace { prefix, .. } => Some(prefix),
        }
    }

    /// What is put before a file's path to get the path that viewers see.
    pub fn seen_below(&self) -> &str {
        match &self.layout {
            Layout::Releases => "",
            Layout::InPlace { seen_below, .. } => seen_below,
        }
    }

    /// The key of the list of what this deployment replaces.
    pub fn replaced_key(&self) -> String {
        format!("{}{}.json", previous(&self.scope), self.deployment)
    }

    /// Where the copy of a replaced file lies.
    pub fn copy_key(&self, path: &str) -> String {
        format!("{}{}/{path}", previous(&self.scope), self.deployment)
    }
}

/// What has to be put to bring a release about. `there` are the sizes of the objects that there
/// are, by path. What the release before put, unchanged, and is still there with its size, stays.
pub fn replaced(
    inventory: Inventory,
    before: Option<&Inventory>,
    there: &BTreeMap<String, u64>,
) -> Replaced {
    let stands = |path: &String, file: &FileEntry| {
        before.and_then(|it| it.files.get(path)) == Some(file)
            && there.get(path) == Some(&file.size)
    };
    let files = inventory.files.iter();
    let files = files.filter(|(path, file)| !stands(path, file));
    let files = files.map(|(path, file)| {
        let existed = there.contains_key(path);
        let file = file.clone();
        (path.clone(), Replacement { existed, file })
    });
    let files = files.collect();
    Replaced {
        inventory,
        files,
        restored: false,
    }
}

/// What is put, in order: what never changes first, pages last.
pub fn in_order(replaced: &Replaced) -> Vec<(&str, &Replacement)> {
    let files = replaced.files.iter();
    let mut files: Vec<_> = files.map(|(path, it)| (path.as_str(), it)).collect();
    files.sort_by_key(|(path, it)| (it.file.kind, *path));
    files
}

/// What CloudFront forgets: what was replaced or is new under a name that is not safe. A page that
/// was missing may be kept as the answer to its absence.
pub(super) fn forgotten(step: &SiteStep, replaced: &Replaced) -> Vec<String> {
    let unsafe_ones = replaced.files.iter();
    let unsafe_ones = unsafe_ones.filter(|(_, it)| it.existed || it.file.kind != Kind::Immutable);
    let paths = unsafe_ones.map(|(path, _)| format!("{}{path}", step.seen_below()));
    invalidation::limited(paths, &step.invalidate)
}

/// The files that only releases of the past named, with the content they had: of releases that are
/// `gone`, and not part of any that is `kept`.
pub fn leftovers(gone: &[Inventory], kept: &[&Inventory]) -> BTreeMap<String, FileEntry> {
    let named = |path: &String| kept.iter().any(|it| it.files.contains_key(path));
    let files = gone.iter().flat_map(|it| it.files.iter());
    let files = files.filter(|(path, _)| !named(path));
    files
        .map(|(path, file)| (path.clone(), file.clone()))
        .collect()
}

/// A list that cannot be used any more.
pub(super) fn put_back_already(step: &SiteStep) -> PhaseError {
    PhaseError::Rejected {
        resource: step.resource(),
        reason: "this deployment was put back already; deploy again".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::inventory::testing::inventory;
    use super::super::planning::testing::step;
    use super::{Layout, forgotten, in_order, leftovers, replaced};

    fn there(files: &[(&str, u64)]) -> BTreeMap<String, u64> {
        let files = files.iter();
        files
            .map(|(path, size)| ((*path).to_owned(), *size))
            .collect()
    }

    #[test]
    fn only_what_changed_is_put_and_pages_come_last() {
        let one = inventory(
            "1",
            &["index.html=1", "robots.txt=r", "a/1.js=x", "gone.txt=g"],
        );
        let two = inventory(
            "2",
            &["index.html=2", "robots.txt=r", "a/2.js=y", "new.txt=n"],
        );
        let all = there(&[
            ("index.html", 1),
            ("robots.txt", 1),
            ("a/1.js", 1),
            ("gone.txt", 1),
        ]);
        let put = replaced(two.clone(), Some(&one), &all);
        let paths: Vec<_> = in_order(&put)
            .into_iter()
            .map(|(path, it)| (path, it.existed))
            .collect();
        assert_eq!(
            paths,
            [("a/2.js", false), ("new.txt", false), ("index.html", true)]
        );
        let touched = there(&[("index.html", 1), ("robots.txt", 9)]);
        assert!(
            replaced(two.clone(), Some(&one), &touched)
                .files
                .contains_key("robots.txt")
        );
        assert_eq!(
            replaced(two, None, &all).files.len(),
            4,
            "nothing is known of a first one"
        );
    }

    #[test]
    fn what_viewers_may_have_kept_is_forgotten() {
        let mut step = step();
        step.layout = Layout::InPlace {
            prefix: "site/app/".into(),
            seen_below: "app/".into(),
        };
        let two = inventory(
            "2",
            &["index.html=2", "a/2.js=y", "a/old.js=z", "new.txt=n"],
        );
        let put = replaced(two, None, &there(&[("index.html", 1), ("a/old.js", 1)]));
        assert_eq!(
            forgotten(&step, &put),
            ["/app/", "/app/a/old.js", "/app/index.html", "/app/new.txt"]
        );
    }

    #[test]
    fn only_what_no_release_names_any_more_is_left_over() {
        let gone = [inventory(
            "1",
            &["index.html=1", "a/1.js=x", "about.html=a"],
        )];
        let (two, three) = (
            inventory("2", &["index.html=2", "a/1.js=x"]),
            inventory("3", &["index.html=3"]),
        );
        let left = leftovers(&gone, &[&two, &three]);
        assert_eq!(left.keys().collect::<Vec<_>>(), ["about.html"]);
    }
}
