//! What one release of a site is called, and where it lies.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Rules;
use crate::record::DeploymentRef;

/// Under what all releases lie in a bucket.
const PREFIX: &str = "releases/";

/// How many hex digits of the hash name a release.
const DIGITS: usize = 20;

/// A file of the site that is made when it is deployed, not when it is built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigFile {
    /// Its path in the site.
    pub path: String,
    /// All of it.
    pub content: String,
}

/// The name of the release that consists of a bundle, a configuration and rules: the same ones
/// always have the same name, and others never.
pub fn release_id(bundle_sha256: &str, config: Option<&ConfigFile>, rules: &Rules) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        // With its length before it, no two lists of texts look the same.
        hash.update(text.len().to_be_bytes());
        hash.update(text.as_bytes());
    };
    add(bundle_sha256);
    if let Some(ConfigFile { path, content }) = config {
        add(path);
        add(content);
    }
    for pattern in &rules.html {
        add("html");
        add(pattern);
    }
    for rule in &rules.cache {
        add("cache");
        add(&rule.pattern);
        add(&rule.control);
    }
    let mut id = String::new();
    for byte in hash.finalize() {
        let _ = write!(id, "{byte:02x}");
    }
    id.truncate(DIGITS);
    id
}

/// Under what the releases of one site lie. Several sites, and the same site of several
/// environments, can share a bucket: what one of them deletes is never another one's.
pub fn scope(deployment: &DeploymentRef, component: &str) -> String {
    let DeploymentRef {
        application,
        environment,
        ..
    } = deployment;
    format!("{PREFIX}{application}/{environment}/{component}/")
}

/// The prefix of a release's files, with a slash at its end.
pub fn prefix(scope: &str, release: &str) -> String {
    format!("{scope}{release}/")
}

/// The key of the list of a release's files. It is written when all of them are there.
pub fn inventory_key(scope: &str, release: &str) -> String {
    format!("{scope}{release}.json")
}

/// The release that an origin path serves; `None` for whatever Lockstep did not put there.
pub fn release_of<'a>(scope: &str, origin_path: &'a str) -> Option<&'a str> {
    let release = origin_path.strip_prefix('/')?.strip_prefix(scope)?;
    is_release(release).then_some(release)
}

/// Whether a text is the name of a release.
pub fn is_release(text: &str) -> bool {
    let is_digit = |it: u8| it.is_ascii_digit() || (b'a'..=b'f').contains(&it);
    text.len() == DIGITS && text.bytes().all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::{ConfigFile, Rules, inventory_key, prefix, release_id, release_of, scope};
    use crate::record::DeploymentRef;

    #[test]
    fn whatever_makes_a_difference_makes_another_release() {
        let config = |content: &str| ConfigFile {
            path: "config.json".into(),
            content: content.into(),
        };
        let rules = Rules {
            html: vec!["**/*.html".into()],
            cache: vec![],
        };
        let one = release_id("ab", Some(&config("{}")), &rules);
        assert_eq!(one.len(), 20);
        assert_eq!(one, release_id("ab", Some(&config("{}")), &rules));
        for other in [
            release_id("ac", Some(&config("{}")), &rules),
            release_id("ab", Some(&config("{ }")), &rules),
            release_id("ab", None, &rules),
            release_id("ab", Some(&config("{}")), &Rules::default()),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn an_origin_path_names_its_release() {
        let deployment = DeploymentRef {
            id: crate::DeploymentId::for_execution("x", "arn", 0),
            application: "quiz".into(),
            environment: "production".into(),
        };
        let scope = scope(&deployment, "web");
        let id = "0123456789abcdef0123";
        let path = format!("/{}", prefix(&scope, id).trim_end_matches('/'));
        assert_eq!(path, format!("/releases/quiz/production/web/{id}"));
        assert_eq!(release_of(&scope, &path), Some(id));
        assert_eq!(
            inventory_key(&scope, id),
            format!("releases/quiz/production/web/{id}.json")
        );
        for other in [
            "",
            "/",
            "/site",
            "/releases/quiz/production/web/1.4.0",
            "/releases/quiz/staging/web/0123456789abcdef0123",
            "/releases/quiz/production/web/0123456789abcdef0123/en",
        ] {
            assert_eq!(release_of(&scope, other), None, "{other}");
        }
    }
}
