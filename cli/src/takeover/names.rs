//! Names of components, made of AWS's names.

use std::collections::BTreeSet;

/// The longest name that a manifest takes.
const LONGEST: usize = 32;

/// Names that were given, so that no two components have the same.
#[derive(Debug, Default)]
pub struct Names {
    taken: BTreeSet<String>,
}

impl Names {
    /// The component's name for something in AWS: without the beginning that the application and
    /// the environment give it, in lower case, with hyphens. `kind` tells two of the same apart.
    pub fn give(&mut self, name: &str, prefixes: &[String], kind: &str) -> String {
        let short = prefixes
            .iter()
            .find_map(|it| name.strip_prefix(it.as_str()));
        let short = short.filter(|it| it.starts_with(|c: char| c.is_ascii_alphabetic()));
        let plain = slug(short.unwrap_or(name));
        let with_kind = || {
            cut(
                &format!("{}-{kind}", cut(&plain, LONGEST - kind.len() - 1)),
                LONGEST,
            )
        };
        let numbered = (2..).map(|number| format!("{}-{number}", cut(&plain, LONGEST - 5)));
        let mut all = [plain.clone(), with_kind()].into_iter().chain(numbered);
        let free = all.find(|it| !self.taken.contains(it)).unwrap_or(plain);
        self.taken.insert(free.clone());
        free
    }
}

/// Text as a manifest's name: a lower-case letter first, then letters, digits and hyphens.
pub fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars() {
        let c = c.to_ascii_lowercase();
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            slug.push(c);
        } else if !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_matches('-');
    let slug = if slug.starts_with(|c: char| c.is_ascii_lowercase()) {
        slug.to_owned()
    } else {
        format!("x{slug}")
    };
    cut(&slug, LONGEST)
}

fn cut(text: &str, length: usize) -> String {
    let text: String = text.chars().take(length).collect();
    text.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Names, slug};

    #[test]
    fn names_of_aws_become_names_of_the_manifest() {
        assert_eq!(slug("Live_Quiz.WebSocket"), "live-quiz-websocket");
        assert_eq!(slug("7up"), "x7up");
        assert_eq!(slug(&"a".repeat(40)).len(), 32);
    }

    #[test]
    fn no_two_components_have_the_same_name() {
        let mut names = Names::default();
        let prefixes = ["shop-production-".to_owned()];
        let mut give = |name, kind| names.give(name, &prefixes, kind);
        assert_eq!(give("shop-production-api", "stack"), "api");
        assert_eq!(give("Api", "service"), "api-service");
        assert_eq!(give("api", "service"), "api-2");
        assert_eq!(give("shop-production-7", "function"), "shop-production-7");
    }
}
