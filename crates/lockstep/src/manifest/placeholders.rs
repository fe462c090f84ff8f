//! `${application}` and `${environment}` inside the manifest's texts.

/// The values that placeholders stand for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placeholders<'a> {
    pub(super) application: &'a str,
    pub(super) environment: &'a str,
}

/// The placeholders there are.
const NAMES: [&str; 2] = ["application", "environment"];

impl Placeholders<'_> {
    /// The text with every placeholder replaced.
    pub(super) fn replace(self, text: &str) -> String {
        text.replace("${application}", self.application)
            .replace("${environment}", self.environment)
    }
}

/// The first `${...}` that is no placeholder; one that is never closed goes to the end.
pub(super) fn first_unknown(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        rest = rest.get(start..)?;
        let Some(end) = rest.find('}') else {
            return Some(rest);
        };
        let (placeholder, after) = rest.split_at(end + 1);
        let name = placeholder.trim_start_matches("${").trim_end_matches('}');
        if !NAMES.contains(&name) {
            return Some(placeholder);
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Placeholders, first_unknown};

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
        assert_eq!(first_unknown("a-${environment}-$5-{x}"), None);
        assert_eq!(first_unknown("${application}-${env}-${x}"), Some("${env}"));
        assert_eq!(first_unknown("${}"), Some("${}"));
        assert_eq!(first_unknown("a-${environment"), Some("${environment"));
    }
}
