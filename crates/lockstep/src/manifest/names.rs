//! The syntax of names, as AWS and the manifest define it.

/// Names of applications, environments and services in a manifest:
/// `^[a-z][a-z0-9-]{0,31}$`.
pub(crate) fn is_name(text: &str) -> bool {
    let rest_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.len() <= 32
        && text.chars().all(rest_allowed)
}

/// Names of ECS clusters, services and containers: "Up to 255 letters (uppercase and
/// lowercase), numbers, underscores, and hyphens are allowed."
pub(crate) fn is_ecs_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=255).contains(&text.len()) && text.chars().all(allowed)
}

/// ECR repository names, 2 to 256 characters:
/// `(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*`.
pub(crate) fn is_repository(text: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty()
            && word
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    let part = |part: &str| part.split(['.', '_', '-']).all(word);
    (2..=256).contains(&text.len()) && text.split('/').all(part)
}

/// Image tags: up to 128 letters, digits, `.`, `_` and `-`, not beginning with `.` or `-`.
pub(crate) fn is_tag(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=128).contains(&text.len()) && !text.starts_with(['.', '-']) && text.chars().all(allowed)
}

/// Versions of releases: up to 128 letters, digits, `.`, `_`, `+` and `-`, beginning with a
/// letter or a digit. They are a part of an S3 key.
pub(crate) fn is_release_version(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '+' | '-');
    (1..=128).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(allowed)
}

/// Image digests: `sha256:` and 64 lower-case hex digits.
pub(crate) fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(is_sha256_hex)
}

/// 64 lower-case hex digits.
pub(crate) fn is_sha256_hex(text: &str) -> bool {
    text.len() == 64
        && text
            .chars()
            .all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
}

/// Names of Lambda functions: up to 64 letters, digits, hyphens and underscores.
pub(crate) fn is_function_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=64).contains(&text.len()) && text.chars().all(allowed)
}

/// Names of Lambda aliases: up to 128 letters, digits, hyphens and underscores, not digits
/// alone, which would be a version.
pub(crate) fn is_alias_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=128).contains(&text.len())
        && text.chars().all(allowed)
        && !text.chars().all(|c| c.is_ascii_digit())
}

/// Names of environment variables of Lambda functions: a letter, then letters, digits and
/// underscores, at least two characters.
pub(crate) fn is_variable_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() >= 2
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(allowed)
}

/// Names of SNS standard topics: up to 256 letters, digits, hyphens and underscores.
pub(crate) fn is_topic_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=256).contains(&text.len()) && text.chars().all(allowed)
}

/// The candidate that a person most likely meant, if any is near enough.
pub(crate) fn nearest<'a>(
    text: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let near = candidates.into_iter().filter_map(|candidate| {
        let score = strsim::jaro_winkler(&text.to_lowercase(), &candidate.to_lowercase());
        (score > 0.75).then_some((candidate, score))
    });
    near.max_by(|(_, a), (_, b)| a.total_cmp(b))
        .map(|(candidate, _)| candidate)
}

#[cfg(test)]
mod tests {
    use super::{is_digest, is_ecs_name, is_name, is_repository, is_tag, nearest};

    #[test]
    fn names_follow_their_rules() {
        assert!(is_name("live-quiz") && is_name("a"));
        assert!(!is_name("") && !is_name("1a") && !is_name("Live") && !is_name("a_b"));
        assert!(!is_name(&"a".repeat(33)));
        assert!(is_ecs_name("Live_quiz-1") && !is_ecs_name("a/b") && !is_ecs_name(""));
    }

    #[test]
    fn repositories_follow_the_registry_s_pattern() {
        assert!(is_repository("live-quiz/web") && is_repository("a.b_c/d1"));
        for wrong in [
            "a",
            "Live",
            "a//b",
            "/ab",
            "ab/",
            "a--b",
            "ab:v1",
            "ab@sha256",
            "-ab",
        ] {
            assert!(!is_repository(wrong), "{wrong}");
        }
    }

    #[test]
    fn tags_and_digests_follow_the_registry_s_rules() {
        assert!(is_tag("v1.2_3-x") && is_tag("_x"));
        assert!(!is_tag(".x") && !is_tag("a:b") && !is_tag("") && !is_tag(&"a".repeat(129)));
        assert!(is_digest(&format!("sha256:{}", "0a".repeat(32))));
        assert!(!is_digest(&format!("sha256:{}", "0A".repeat(32))) && !is_digest("sha256:0a"));
    }

    #[test]
    fn suggests_only_what_is_near() {
        assert_eq!(nearest("clustr", ["cluster", "service"]), Some("cluster"));
        assert_eq!(
            nearest("maxPercent", ["maximum_percent", "stopped_tasks"]),
            Some("maximum_percent")
        );
        assert_eq!(nearest("zzz", ["cluster", "service"]), None);
    }
}
