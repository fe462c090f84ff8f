//! The tags that an image gets beside its commit, and what is told of them.

use jiff::Timestamp;

use super::step::ImageBuildStep;
use crate::gate::GateBuild;

/// What became of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tagged {
    /// The image has it.
    Yes(String),
    /// The repository's tags do not move, and another image has it.
    Immutable(String),
}

/// The tags of an image beside its commit: the newest one of its environment, and when its build was
/// started, in UTC. The same build always gives the same.
pub fn extra_tags(step: &ImageBuildStep, started_at: Option<Timestamp>) -> Vec<String> {
    let newest = format!("{}-latest", step.deployment.environment);
    let at = started_at.unwrap_or_else(|| step.deployment.id.began_at());
    vec![newest, at.strftime("%Y%m%dT%H%M%SZ").to_string()]
}

/// How a deployment came by an image that was built, for people.
pub fn built_words(seen: &GateBuild, tagged: &[Tagged]) -> String {
    let mut words = "was built".to_owned();
    if !seen.build.link.is_empty() {
        words = format!("{words} ({})", seen.build.link);
    }
    let also: Vec<_> = tagged
        .iter()
        .filter_map(|it| match it {
            Tagged::Yes(tag) => Some(tag.as_str()),
            Tagged::Immutable(_) => None,
        })
        .collect();
    if !also.is_empty() {
        words = format!("{words}, and is {} as well", also.join(" and "));
    }
    let kept: Vec<_> = tagged
        .iter()
        .filter_map(|it| match it {
            Tagged::Immutable(tag) => Some(tag.as_str()),
            Tagged::Yes(_) => None,
        })
        .collect();
    if !kept.is_empty() {
        let kept = kept.join(" and ");
        words = format!(
            "{words}; {kept} stays where it was, because the repository's tags are immutable"
        );
    }
    words
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::{Tagged, built_words, extra_tags};
    use crate::build::{Build, BuildStatus};
    use crate::gate::GateBuild;
    use crate::image_build::look::tests::step;

    #[test]
    fn tags_follow_from_the_build_alone() {
        let at = "2026-11-21T10:00:05.75Z".parse().unwrap();
        assert_eq!(
            extra_tags(&step(), Some(at)),
            ["production-latest", "20261121T100005Z"]
        );
        assert_eq!(extra_tags(&step(), None).len(), 2);
    }

    #[test]
    fn a_tag_that_does_not_move_is_a_note() {
        let seen = |link: &str| GateBuild {
            build: Build {
                id: "b:1".into(),
                status: BuildStatus::Succeeded,
                started_at: None,
                phase: String::new(),
                context: String::new(),
                log: Vec::new(),
                link: link.into(),
            },
            ended_at: None,
            reports: Vec::new(),
        };
        let both = [Tagged::Yes("live-latest".into()), Tagged::Yes("t".into())];
        assert_eq!(
            built_words(&seen("https://build"), &both),
            "was built (https://build), and is live-latest and t as well"
        );
        let kept = [
            Tagged::Immutable("live-latest".into()),
            Tagged::Yes("t".into()),
        ];
        assert_eq!(
            built_words(&seen(""), &kept),
            "was built, and is t as well; live-latest stays where it was, because the repository's tags are immutable"
        );
    }
}
