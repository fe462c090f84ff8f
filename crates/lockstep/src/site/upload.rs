//! Which files of a release have to be uploaded, and in which order.

use std::collections::{BTreeMap, BTreeSet};

use super::{FileEntry, Inventory, Kind, SiteStep, prefix};

/// How one file comes under a release's prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// It is sent.
    Upload,
    /// S3 copies it from this key of the same bucket.
    Copy(String),
}

/// The files of a release, with what a bundle has (path, hash, size) and the configuration.
/// `hash` and `content_type` are asked for what is made here.
pub fn files(
    step: &SiteStep,
    bundle: impl IntoIterator<Item = (String, String, u64)>,
    hash: impl Fn(&[u8]) -> String,
    content_type: impl Fn(&str) -> String,
) -> BTreeMap<String, FileEntry> {
    let config = step.config.iter().map(|it| {
        let content = it.content.as_bytes();
        (it.path.clone(), hash(content), content.len() as u64)
    });
    let is_config = |path: &str| step.config.as_ref().is_some_and(|it| it.path == path);
    // What is made here takes the place of what the bundle has under the same name.
    let all = bundle.into_iter().chain(config);
    all.map(|(path, sha256, size)| {
        let mut treatment = step.rules.of(&path);
        let has_rule = step.rules.cache.iter();
        let has_rule = has_rule
            .map(|rule| &rule.pattern)
            .any(|it| crate::manifest::tags_match(&[it], &path));
        if is_config(&path) && !has_rule {
            // It changes without the files that read it.
            "no-cache".clone_into(&mut treatment.control);
            treatment.kind = Kind::Other;
        }
        let entry = FileEntry {
            sha256,
            size,
            content_type: content_type(&path),
            control: treatment.control,
            kind: treatment.kind,
        };
        (path, entry)
    })
    .collect()
}

/// What is still to be put under a release's prefix, in order: what never changes first, pages
/// last. `there` are the paths that are already. A file that the live release has, with the same
/// headers, is copied inside S3.
pub fn order<'a>(
    scope: &str,
    inventory: &'a Inventory,
    before: Option<&Inventory>,
    there: &BTreeSet<String>,
) -> Vec<(&'a str, &'a FileEntry, Put)> {
    let source = |path: &str, file: &FileEntry| {
        let before = before?;
        let same = before.get(path).is_some_and(|it| it == file);
        same.then(|| format!("{}{path}", prefix(scope, &before.release)))
    };
    let own = inventory.files.iter();
    let carried = inventory.carried.iter();
    let all = own.chain(carried.map(|(path, it)| (path, &it.file)));
    let mut puts: Vec<_> = all
        .filter(|(path, _)| !there.contains(*path))
        .map(|(path, file)| {
            let put = source(path, file).map_or(Put::Upload, Put::Copy);
            (path.as_str(), file, put)
        })
        .collect();
    puts.sort_by(|(one, a, _), (other, b, _)| (a.kind, one).cmp(&(b.kind, other)));
    puts
}

/// The list of a release that is to take the place of `before`, with what is carried over from it.
pub fn whole(
    step: &SiteStep,
    files: BTreeMap<String, FileEntry>,
    standing: Option<Inventory>,
    before: Option<&Inventory>,
) -> Inventory {
    let mut inventory = standing.unwrap_or_else(|| Inventory {
        release: step.release.clone(),
        label: step.bundle.label(),
        files,
        ..Inventory::default()
    });
    if let Some(before) = before.filter(|it| it.release != step.release) {
        let missing = inventory.missing_from(before, step.keep);
        inventory.carried.extend(missing);
        inventory.after.insert(before.release.clone());
    }
    inventory
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::inventory::testing::inventory;
    use super::super::planning::testing::step;
    use super::super::{ConfigFile, Kind};
    use super::{Put, files, order, whole};

    #[test]
    fn what_is_live_is_copied_and_pages_come_last() {
        let one = inventory(
            "1",
            &["a/1.js=x", "index.html=1", "robots.txt=r", "logo.png=l"],
        );
        let two = inventory(
            "2",
            &[
                "a/1.js=x",
                "a/2.js=y",
                "index.html=2",
                "robots.txt=r",
                "logo.png=l",
            ],
        );
        let there = BTreeSet::from(["logo.png".to_owned()]);
        let puts = order("releases/", &two, Some(&one), &there);
        let puts: Vec<_> = puts.iter().map(|(path, _, put)| (*path, put)).collect();
        assert_eq!(
            puts,
            [
                ("a/1.js", &Put::Copy("releases/1/a/1.js".into())),
                ("a/2.js", &Put::Upload),
                ("robots.txt", &Put::Copy("releases/1/robots.txt".into())),
                ("index.html", &Put::Upload),
            ]
        );
        assert!(
            order("releases/", &two, None, &BTreeSet::new())
                .iter()
                .all(|(_, _, put)| *put == Put::Upload)
        );
    }

    #[test]
    fn other_headers_are_sent_anew() {
        let one = inventory("1", &["robots.txt=r"]);
        let mut two = inventory("2", &["robots.txt=r"]);
        if let Some(file) = two.files.get_mut("robots.txt") {
            file.control = "other".into();
        }
        assert_eq!(
            order("releases/", &two, Some(&one), &BTreeSet::new())[0].2,
            Put::Upload
        );
    }

    #[test]
    fn the_configuration_takes_the_place_of_the_bundles_and_is_never_kept() {
        let mut step = step();
        step.config = Some(ConfigFile {
            path: "config.json".into(),
            content: "{}".into(),
        });
        let bundle = [("config.json", "old"), ("index.html", "h")];
        let bundle = bundle.map(|(path, hash)| (path.to_owned(), hash.to_owned(), 9));
        let files = files(
            &step,
            bundle,
            |_| "made".into(),
            |path| format!("type of {path}"),
        );
        let config = &files["config.json"];
        assert_eq!(
            (
                config.sha256.as_str(),
                config.control.as_str(),
                config.kind,
                config.size
            ),
            ("made", "no-cache", Kind::Other, 2)
        );
        assert_eq!(files["index.html"].kind, Kind::Page);
        assert_eq!(files["index.html"].content_type, "type of index.html");
    }

    #[test]
    fn a_release_that_comes_back_is_made_ready_to_follow_the_live_one() {
        let step = step();
        let live = inventory("1", &["a/1.js=x", "index.html=1"]);
        let files = inventory("", &["a/2.js=x", "index.html=2"]).files;
        let new = whole(&step, files.clone(), None, Some(&live));
        assert_eq!(new.release, step.release);
        assert!(new.is_ready_after(Some("1")));
        assert_eq!(new.carried.keys().collect::<Vec<_>>(), ["a/1.js"]);
        let again = whole(
            &step,
            files,
            Some(new.clone()),
            Some(&inventory("3", &["a/3.js=z"])),
        );
        assert!(again.is_ready_after(Some("1")) && again.is_ready_after(Some("3")));
        assert_eq!(
            again.carried.keys().collect::<Vec<_>>(),
            ["a/1.js", "a/3.js"]
        );
    }
}
