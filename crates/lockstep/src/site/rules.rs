//! How long browsers and CloudFront keep each file.

use serde::{Deserialize, Serialize};

use crate::manifest::tags_match;

/// For files whose name changes with their content.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// For pages: kept, but asked for again every time.
const PAGE: &str = "no-cache";

/// For all the rest: old content is seen for five minutes at most.
const REST: &str = "public, max-age=300";

/// How long a content hash in a name is at least.
const HASH: usize = 8;

/// What a manifest says about the files of a site.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// Patterns of the pages.
    pub html: Vec<String>,
    /// The first that matches decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cache: Vec<CacheRule>,
}

/// How files of some pattern are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheRule {
    /// The pattern of their paths.
    pub pattern: String,
    /// The header `Cache-Control`.
    pub control: String,
}

/// What kind of file it is. They are uploaded in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Never changes under its name.
    Immutable,
    /// Neither.
    Other,
    /// Names all others.
    Page,
}

/// How one file is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Treatment {
    /// Its kind.
    pub kind: Kind,
    /// The header `Cache-Control`.
    pub control: String,
}

impl Rules {
    /// How the file of this path is kept.
    pub fn of(&self, path: &str) -> Treatment {
        let is_page = tags_match(&self.html, path);
        let rule = self
            .cache
            .iter()
            .find(|rule| tags_match(&[&rule.pattern], path));
        let default = match () {
            () if is_page => PAGE,
            () if has_hash(path) => IMMUTABLE,
            () => REST,
        };
        let control = rule.map_or(default, |rule| rule.control.as_str());
        let kind = match () {
            () if is_page => Kind::Page,
            () if control.contains("immutable") => Kind::Immutable,
            () => Kind::Other,
        };
        Treatment {
            kind,
            control: control.to_owned(),
        }
    }
}

/// Whether a file's name has a hash of its content: a part between dots and hyphens, not the first
/// and not the last, of at least 8 letters and digits, with both; or, in a folder `assets`, of
/// exactly 8 with capital and small letters. A name that is not recognised costs an invalidation;
/// one that is taken for hashed and is not would be stale for a year.
fn has_hash(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let in_assets = folder.split('/').any(|part| part == "assets");
    let parts: Vec<_> = name.split(['.', '-']).collect();
    let Some(inner) = parts.get(1..parts.len().saturating_sub(1)) else {
        return false;
    };
    inner.iter().any(|part| is_hash(part, in_assets))
}

fn is_hash(part: &str, in_assets: bool) -> bool {
    let has = |wanted: fn(&char) -> bool| part.chars().any(|it| wanted(&it));
    let plain = part
        .chars()
        .all(|it| it.is_ascii_alphanumeric() || it == '_');
    if !plain || part.len() < HASH {
        return false;
    }
    let (upper, lower) = (has(char::is_ascii_uppercase), has(char::is_ascii_lowercase));
    (has(char::is_ascii_digit) && (upper || lower))
        || (in_assets && part.len() == HASH && upper && lower)
}

#[cfg(test)]
mod tests {
    use super::{CacheRule, Kind, Rules, has_hash};

    fn rules() -> Rules {
        Rules {
            html: vec!["**/*.html".into()],
            cache: vec![
                CacheRule {
                    pattern: "fonts/**".into(),
                    control: "public, max-age=86400".into(),
                },
                CacheRule {
                    pattern: "vendor/**".into(),
                    control: "public, max-age=31536000, immutable".into(),
                },
            ],
        }
    }

    #[test]
    fn names_with_a_hash_of_their_content_are_known() {
        for path in [
            "assets/index-BfhK2pQz.js",
            "assets/index-DiwrgTda.css",
            "main.3f2a9c1b.js",
            "static/js/787.0e5a1f2b.chunk.js",
            "app-5d41402abc4b2a76b9719d911017c592.js",
            "assets/index-BfhK2pQz.js.map",
        ] {
            assert!(has_hash(path), "{path}");
        }
        for path in [
            "my-component.js",
            "index.html",
            "favicon.ico",
            "report-20240101.pdf",
            "foo-UserProfile.js",
            "assets/logo.png",
            "jquery-3.7.1.min.js",
            "BfhK2pQz.js",
            "a",
            "",
        ] {
            assert!(!has_hash(path), "{path}");
        }
    }

    #[test]
    fn pages_are_asked_for_again_and_hashed_files_never() {
        let of = |path: &str| {
            let it = rules().of(path);
            (it.kind, it.control)
        };
        assert_eq!(of("index.html"), (Kind::Page, "no-cache".into()));
        assert_eq!(of("docs/a/index.html"), (Kind::Page, "no-cache".into()));
        assert_eq!(
            of("main.3f2a9c1b.js"),
            (
                Kind::Immutable,
                "public, max-age=31536000, immutable".into()
            )
        );
        assert_eq!(
            of("robots.txt"),
            (Kind::Other, "public, max-age=300".into())
        );
    }

    #[test]
    fn the_manifest_has_the_last_word() {
        let of = |path: &str| rules().of(path).kind;
        assert_eq!(of("vendor/jquery.js"), Kind::Immutable);
        assert_eq!(of("fonts/inter.3f2a9c1b.woff2"), Kind::Other);
        assert_eq!(
            rules().of("fonts/inter.3f2a9c1b.woff2").control,
            "public, max-age=86400"
        );
    }

    #[test]
    fn files_are_uploaded_before_the_pages_that_name_them() {
        let mut kinds = [Kind::Page, Kind::Immutable, Kind::Other];
        kinds.sort();
        assert_eq!(kinds, [Kind::Immutable, Kind::Other, Kind::Page]);
    }
}
