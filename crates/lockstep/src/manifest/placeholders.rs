//! `${application}` and `${environment}` inside the manifest's texts.

/// The values that placeholders stand for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placeholders<'a> {
    pub(super) application: &'a str,
    pub(super) environment: &'a str,
}

/// The placeholders there are.
pub(super) const NAMES: [&str; 2] = ["application", "environment"];

impl Placeholders<'_> {
    /// The text with every placeholder replaced.
    pub(super) fn replace(self, text: &str) -> String {
        text.replace("${application}", self.application)
            .replace("${environment}", self.environment)
    }
}

/// The names between `${` and `}` that are no placeholders; a `${` that is never closed
/// counts with the rest of the text as its name.
pub(super) fn unknown(text: &str) -> Vec<&str> {
    let names = text
        .split("${")
        .skip(1)
        .map(|rest| rest.split('}').next().unwrap_or(rest));
    let closed = |name: &&str| text.contains(&format!("${{{name}}}"));
    names
        .filter(|name| !NAMES.contains(name) || !closed(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Placeholders, unknown};

    #[test]
    fn replaces_both() {
        let values = Placeholders {
            application: "quiz",
            environment: "local",
        };
        assert_eq!(
            values.replace("${application}/x-${environment}-${environment}"),
            "quiz/x-local-local"
        );
    }

    #[test]
    fn finds_what_is_no_placeholder() {
        assert_eq!(unknown("a-${environment}-$5-{x}"), Vec::<&str>::new());
        assert_eq!(unknown("${env}-${application}-${}"), ["env", ""]);
        assert_eq!(unknown("a-${environment"), ["environment"]);
    }
}
