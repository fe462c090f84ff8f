//! Matching image tags with the patterns of a trigger.

use fast_glob::glob_match;

/// Whether one of the patterns matches the whole tag. No patterns match nothing.
pub fn tags_match<S: AsRef<str>>(patterns: &[S], tag: &str) -> bool {
    let mut patterns = patterns.iter().map(AsRef::as_ref);
    patterns.any(|pattern| glob_match(pattern, tag))
}

/// Why a pattern cannot be meant as it is written: such a one would quietly match nothing.
pub(super) fn mistake(pattern: &str) -> Option<String> {
    let mut braces = 0_usize;
    let mut rest = pattern.char_indices();
    while let Some((at, character)) = rest.next() {
        match character {
            '[' => {
                let Some(length) = class(pattern.get(at + 1..)?) else {
                    return Some("a `[` is not closed, or holds nothing".to_owned());
                };
                rest.nth(length);
            }
            '{' => braces += 1,
            '}' if braces == 0 => return Some("a `}` closes nothing".to_owned()),
            '}' => braces -= 1,
            ',' if braces > 0 => {}
            '*' | '?' => {}
            other if in_tags(other) => {}
            other => return Some(format!("no image tag holds a `{other}`")),
        }
    }
    (braces > 0).then(|| "a `{` is not closed".to_owned())
}

/// How long the inside of `[...]` is, which begins here. All of it can stand in a tag.
fn class(inside: &str) -> Option<usize> {
    let length = inside.find(']')?;
    let negation: &[char] = &['!', '^'];
    let characters = inside.get(..length)?.trim_start_matches(negation);
    (!characters.is_empty() && characters.chars().all(in_tags)).then_some(length)
}

/// What ECR lets a tag hold.
fn in_tags(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-_.".contains(character)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{mistake, tags_match};

    #[test]
    fn one_match_is_enough_and_the_whole_tag_must_match() {
        assert!(tags_match(&["main-*", "v[0-9]*"], "v1.2.3"));
        assert!(tags_match(&["{dev,staging}-?"], "dev-7"));
        assert!(tags_match(&["*"], "latest"));
        assert!(tags_match(&["[!v]*"], "latest"));
        assert!(!tags_match(&["[^v]*"], "v1"));
        assert!(!tags_match(&["v1"], "v12"));
        assert!(!tags_match(&["v?"], "v12"));
        assert!(!tags_match::<&str>(&[], "v1"));
    }

    #[test]
    fn what_can_be_meant_has_no_mistake() {
        for pattern in [
            "*",
            "v[0-9]*",
            "[!a-f]x",
            "{dev,{stage,qa}}-?",
            "1.2_3-x",
            "**",
        ] {
            assert_eq!(mistake(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn each_mistake_is_told() {
        for (pattern, told) in [
            ("v[1", "a `[` is not closed, or holds nothing"),
            ("v[]", "a `[` is not closed, or holds nothing"),
            ("v[!]", "a `[` is not closed, or holds nothing"),
            ("{a,b", "a `{` is not closed"),
            ("a}", "a `}` closes nothing"),
            ("a,b", "no image tag holds a `,`"),
            ("!v1", "no image tag holds a `!`"),
            ("web:v1", "no image tag holds a `:`"),
            ("v\\*", "no image tag holds a `\\`"),
        ] {
            assert_eq!(mistake(pattern).unwrap(), told, "{pattern}");
        }
    }
}
