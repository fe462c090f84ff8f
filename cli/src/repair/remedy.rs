//! Which image takes the place of one that is gone.

use std::collections::BTreeSet;

use lockstep::manifest::tags_match;
use lockstep::trigger::AttachmentKind;
use serde::Serialize;

/// An image of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Candidate {
    /// Its digest.
    pub digest: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// When it was pushed, in nanoseconds since 1970.
    pub pushed_at: i128,
}

/// What is known of a container whose image is gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The digest that the last verified release has for it, if ECR has it still.
    pub verified: Option<String>,
    /// The image that [`newest`] chose.
    pub newest: Option<(String, String)>,
    /// Whether the repository has images that are on hold.
    pub held: bool,
    /// The image that the manifest has for a first deployment.
    pub fallback: Option<String>,
}

/// What helps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// The image is there.
    None,
    /// The image is not of the repository that the manifest names in this account and region.
    Elsewhere,
    /// The image of the last verified release.
    Verified {
        /// By digest.
        digest: String,
    },
    /// The newest image of the repository. No deployment has verified it here.
    Newest {
        /// By digest.
        digest: String,
        /// One of its tags.
        tag: String,
    },
    /// There is nothing to take: somebody has to push an image.
    Push {
        /// Whether the repository has images that are on hold, because a deployment of them
        /// failed.
        held: bool,
        /// The image that the manifest has for a first deployment, to push meanwhile.
        fallback: Option<String>,
    },
}

/// One container, what it runs, and what helps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The container as releases name it: `service/container`.
    pub component: String,
    /// The image that its task definition names.
    pub image: String,
    /// Its repository by the manifest.
    pub repository: String,
    /// What helps.
    pub remedy: Remedy,
}

/// The newest image that can be deployed, as digest and tag: one with a tag (others are parts of
/// it, or were replaced), no signature, not on hold. Those whose tag the environment deploys by
/// itself come before all others.
pub fn newest(
    images: Vec<Candidate>,
    patterns: &[String],
    held: &BTreeSet<String>,
) -> Option<(String, String)> {
    let free = images.into_iter().filter(|it| !held.contains(&it.digest));
    let ranked = free.filter_map(|image| {
        let mut tags = image.tags;
        tags.retain(|tag| AttachmentKind::of_tag(tag).is_none());
        let wanted = tags.iter().position(|tag| tags_match(patterns, tag));
        let tag = tags.into_iter().nth(wanted.unwrap_or_default())?;
        Some((wanted.is_some(), image.pushed_at, image.digest, tag))
    });
    ranked.max().map(|(_, _, digest, tag)| (digest, tag))
}

/// Decides what takes the place of an image that is gone: what was verified comes before what is
/// new.
pub fn remedy(known: Known) -> Remedy {
    match known {
        Known {
            verified: Some(digest),
            ..
        } => Remedy::Verified { digest },
        Known {
            newest: Some((digest, tag)),
            ..
        } => Remedy::Newest { digest, tag },
        Known { held, fallback, .. } => Remedy::Push { held, fallback },
    }
}

impl Finding {
    /// The digest that the container is put on.
    pub fn digest(&self) -> Option<&str> {
        match &self.remedy {
            Remedy::Verified { digest } | Remedy::Newest { digest, .. } => Some(digest),
            Remedy::None | Remedy::Elsewhere | Remedy::Push { .. } => None,
        }
    }

    /// Whether somebody has to push an image first.
    pub const fn is_stuck(&self) -> bool {
        matches!(self.remedy, Remedy::Push { .. })
    }

    /// What was found and what helps, in one sentence.
    pub fn words(&self) -> String {
        let Self {
            component,
            image,
            repository,
            remedy,
        } = self;
        let gone = format!("{component}: image {image} is gone from ECR");
        match remedy {
            Remedy::None => format!("{component}: image {image} is there"),
            Remedy::Elsewhere => format!(
                "{component}: image {image} is not of this account's repository {repository}, and was not looked for"
            ),
            Remedy::Verified { digest } => {
                format!("{gone}; the last verified release has {repository}@{digest}")
            }
            Remedy::Newest { digest, tag } => format!(
                "{gone}, and ECR has no image of a verified release; the newest one is {repository}:{tag} ({digest}), \
                 which no deployment verified here"
            ),
            Remedy::Push { held, fallback } => format!(
                "{gone}, and repository {repository} has no image that could take its place{}: push that one again, or \
                 another one{}; then run this again",
                if *held {
                    " (those on hold are left out: a deployment of them failed here)"
                } else {
                    ""
                },
                fallback.as_ref().map_or_else(String::new, |fallback| format!(
                    ", or for the time being a copy of {fallback}, which the manifest has for a first deployment"
                ))
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Candidate, Finding, Known, Remedy, newest, remedy};

    fn candidate(digest: &str, tags: &[&str], pushed_at: i128) -> Candidate {
        Candidate {
            digest: digest.to_owned(),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            pushed_at,
        }
    }

    #[test]
    fn what_was_verified_comes_before_what_is_new() {
        let all = Known {
            verified: Some("verified".into()),
            newest: Some(("newest".into(), "v2".into())),
            held: true,
            fallback: Some("nginx".into()),
        };
        let digest = "verified".to_owned();
        assert_eq!(remedy(all.clone()), Remedy::Verified { digest });
        let unverified = Known {
            verified: None,
            ..all
        };
        let (digest, tag) = ("newest".to_owned(), "v2".to_owned());
        assert_eq!(remedy(unverified.clone()), Remedy::Newest { digest, tag });
        let empty = Known {
            newest: None,
            ..unverified
        };
        let fallback = Some("nginx".to_owned());
        assert_eq!(
            remedy(empty),
            Remedy::Push {
                held: true,
                fallback
            }
        );
    }

    #[test]
    fn the_newest_image_is_one_that_can_be_deployed() {
        let signature = format!("sha256-{}.sig", "a".repeat(64));
        let images = vec![
            candidate("old", &["v1"], 1),
            candidate("new", &["latest", "v2"], 2),
            candidate("held", &["v3"], 3),
            candidate("other", &["feature-7"], 4),
            candidate("part", &[], 5),
            candidate("signature", &[&signature], 6),
        ];
        let held = ["held".to_owned()].into();
        let patterns = ["v*".to_owned()];
        let chosen = |images, patterns: &[String]| newest(images, patterns, &held);
        let pair = |digest: &str, tag: &str| Some((digest.to_owned(), tag.to_owned()));
        assert_eq!(chosen(images.clone(), &patterns), pair("new", "v2"));
        // Where nothing is deployed by itself, or nothing fits, time alone decides.
        assert_eq!(chosen(images.clone(), &[]), pair("other", "feature-7"));
        let none = ["release-*".to_owned()];
        assert_eq!(chosen(images, &none), pair("other", "feature-7"));
        assert_eq!(chosen(vec![candidate("held", &["v3"], 3)], &[]), None);
    }

    #[test]
    fn every_remedy_is_told() {
        let words = |remedy| {
            let finding = Finding {
                component: "web/web".into(),
                image: "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/web:v1".into(),
                repository: "shop/web".into(),
                remedy,
            };
            finding.words()
        };
        let all = [
            Remedy::None,
            Remedy::Elsewhere,
            Remedy::Verified {
                digest: "sha256:1".into(),
            },
            Remedy::Newest {
                digest: "sha256:2".into(),
                tag: "v2".into(),
            },
            Remedy::Push {
                held: false,
                fallback: None,
            },
            Remedy::Push {
                held: true,
                fallback: Some("nginx:1.27".into()),
            },
        ];
        insta::assert_snapshot!(all.map(words).join("\n"));
    }
}
