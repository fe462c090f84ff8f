//! What CloudFront has to forget when one release takes the place of another.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{Inventory, Kind, Looked, SiteStep, in_place};

/// The one path that stands for all.
pub const EVERYTHING: &str = "/*";

/// From how many paths on one for all is asked for instead. CloudFront takes 3,000 at a time, of
/// all invalidations in progress, and the first 1,000 of a month cost nothing; `/*` counts as one.
const MANY: usize = 1_000;

/// What CloudFront forgets when a step's release goes live, or what was live before.
pub fn forgotten(step: &SiteStep, seen: &Looked, after: &Inventory) -> Vec<String> {
    if let (Some(_), Some(replaced)) = (step.in_place(), &seen.replaced) {
        return in_place::forgotten(step, replaced);
    }
    let before = seen.before.as_ref();
    if step.switch.keeps_releases_apart() {
        return step.invalidate.clone();
    }
    paths(before, after, &step.invalidate)
}

/// The paths whose content differs between two releases and is not safe under its name. Where it
/// is not known what was served before, all of them. `also` is what the manifest adds.
pub fn paths(before: Option<&Inventory>, after: &Inventory, also: &[String]) -> Vec<String> {
    let Some(before) = before else {
        return vec![EVERYTHING.to_owned()];
    };
    let all = before.files.keys().chain(after.files.keys());
    let differs = |path: &&String| {
        let (old, new) = (before.files.get(*path), after.files.get(*path));
        let safe = [old, new]
            .into_iter()
            .flatten()
            .all(|file| file.kind == Kind::Immutable);
        let content = |file: Option<&super::FileEntry>| {
            file.map(|it| {
                (
                    it.sha256.clone(),
                    it.content_type.clone(),
                    it.control.clone(),
                )
            })
        };
        !safe && content(old) != content(new)
    };
    limited(all.filter(differs).cloned(), also)
}

/// The addresses of files, and what the manifest adds, or all where these are too many.
pub(super) fn limited(files: impl Iterator<Item = String>, also: &[String]) -> Vec<String> {
    let mut paths: BTreeSet<String> = files.flat_map(|path| viewed_as(&path)).collect();
    paths.extend(also.iter().cloned());
    if paths.len() > MANY || paths.contains(EVERYTHING) {
        return vec![EVERYTHING.to_owned()];
    }
    paths.into_iter().collect()
}

/// The addresses under which viewers see a file: the default page of a folder under the folder's,
/// too.
fn viewed_as(path: &str) -> Vec<String> {
    let own = format!("/{}", encoded(path));
    let folder = own
        .strip_suffix("index.html")
        .filter(|it| it.ends_with('/'));
    let folder = folder.map(str::to_owned);
    folder.into_iter().chain([own.clone()]).collect()
}

/// As CloudFront wants it: what is no letter, digit or `-_.~/` percent-encoded.
fn encoded(path: &str) -> String {
    let mut encoded = String::new();
    for byte in path.bytes() {
        let letter = char::from(byte);
        if byte.is_ascii_alphanumeric() || "-_.~/".contains(letter) {
            encoded.push(letter);
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::super::inventory::testing::inventory;
    use super::paths;

    #[test]
    fn only_what_changed_and_is_not_hashed_is_forgotten() {
        let one = inventory(
            "1",
            &[
                "index.html=1",
                "docs/index.html=d",
                "robots.txt=r",
                "a/1.js=x",
                "gone.txt=g",
            ],
        );
        let two = inventory(
            "2",
            &[
                "index.html=2",
                "docs/index.html=e",
                "robots.txt=r",
                "a/2.js=x",
                "new one.txt=n",
            ],
        );
        assert_eq!(
            paths(Some(&one), &two, &[]),
            [
                "/",
                "/docs/",
                "/docs/index.html",
                "/gone.txt",
                "/index.html",
                "/new%20one.txt"
            ]
        );
        assert_eq!(paths(Some(&one), &one, &[]), Vec::<String>::new());
        assert_eq!(paths(Some(&one), &one, &["/blog/*".into()]), ["/blog/*"]);
    }

    #[test]
    fn what_was_not_known_is_forgotten_as_a_whole() {
        let one = inventory("1", &["index.html=1"]);
        assert_eq!(paths(None, &one, &[]), ["/*"]);
        assert_eq!(paths(Some(&one), &one, &["/*".into(), "/x".into()]), ["/*"]);
        let many: Vec<String> = (0..1_001).map(|number| format!("{number}.txt=x")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert_eq!(paths(Some(&one), &inventory("2", &many), &[]), ["/*"]);
    }

    #[test]
    fn a_page_that_is_only_named_like_one_has_no_folder() {
        let one = inventory("1", &["myindex.html=1"]);
        assert_eq!(
            paths(Some(&inventory("0", &[])), &one, &[]),
            ["/myindex.html"]
        );
    }
}
