//! What a look at a build means.

use jiff::Timestamp;

use super::step::ImageBuildStep;
use crate::PhaseError;
use crate::build::failure_words;
use crate::gate::{GateBuild, Look, look};

/// What to do about a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is at work.
    Wait {
        /// What is waited for.
        note: String,
    },
    /// Its time is over: it is to be stopped.
    Stop,
    /// It ended well: its image is to be taken.
    Take,
}

/// What a look at a build means.
///
/// # Errors
/// Why there is no image.
pub fn decide(
    step: &ImageBuildStep,
    seen: &GateBuild,
    now: Timestamp,
) -> Result<Decision, PhaseError> {
    match look(seen, step.timeout(), now) {
        Look::Wait { note } => Ok(Decision::Wait { note }),
        Look::Stop => Ok(Decision::Stop),
        Look::Succeeded => Ok(Decision::Take),
        Look::Failed { late } => Err(failure(step, seen, late)),
    }
}

/// Why a build made no image. It says nothing of what was deployed before.
fn failure(step: &ImageBuildStep, seen: &GateBuild, late: bool) -> PhaseError {
    let mut words = failure_words(&seen.build);
    if !seen.reports.is_empty() {
        words = format!("{words}; reports: {}", seen.reports.join(", "));
    }
    let resource = step.resource();
    if late {
        return PhaseError::DeadlineExceeded {
            what: format!("{resource}: {words}; it"),
            after: step.timeout(),
        };
    }
    PhaseError::Rejected {
        resource,
        reason: words,
    }
}

/// The failure of a build that ended well and pushed nothing.
pub fn missing(step: &ImageBuildStep, seen: &GateBuild) -> PhaseError {
    let link = match seen.build.link.as_str() {
        "" => String::new(),
        link => format!("; its log: {link}"),
    };
    PhaseError::Rejected {
        resource: step.resource(),
        reason: format!(
            "the build {} succeeded, but the repository {} has no image that is tagged {}: its buildspec has to push $IMAGE_URI, to \
             the controller's account and region{link}",
            seen.build.id, step.repository, step.commit
        ),
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use std::collections::BTreeMap;

    use jiff::Timestamp;

    use super::{Decision, decide, missing};
    use crate::DeploymentId;
    use crate::build::{Build, BuildStatus};
    use crate::gate::GateBuild;
    use crate::image_build::ImageBuildStep;
    use crate::record::DeploymentRef;

    pub(in crate::image_build) fn step() -> ImageBuildStep {
        ImageBuildStep {
            deployment: DeploymentRef {
                id: DeploymentId::parse("01JD5Q6Z8G0000000000000000").unwrap(),
                application: "shop".into(),
                environment: "production".into(),
            },
            component: "web".into(),
            project: "lockstep-shop-web".into(),
            repository: "shop/web".into(),
            commit: "3f2a9c1".into(),
            variables: BTreeMap::new(),
            timeout_minutes: 20,
        }
    }

    /// A build that was started at 10:00 and, where it ended, took a minute.
    fn seen(status: BuildStatus) -> GateBuild {
        let has_failed = !matches!(status, BuildStatus::InProgress | BuildStatus::Succeeded);
        let ended = status != BuildStatus::InProgress;
        GateBuild {
            build: Build {
                id: "lockstep-shop-web:1".into(),
                status,
                started_at: Some("2026-11-21T10:00:00Z".parse().unwrap()),
                phase: "BUILD".into(),
                context: if has_failed { "exit status 1" } else { "" }.into(),
                log: if has_failed {
                    vec!["no such file".into()]
                } else {
                    Vec::new()
                },
                link: "https://build".into(),
            },
            ended_at: ended.then(|| "2026-11-21T10:01:00Z".parse().unwrap()),
            reports: Vec::new(),
        }
    }

    fn at(minute: u32) -> Timestamp {
        format!("2026-11-21T10:{minute:02}:00Z").parse().unwrap()
    }

    #[test]
    fn a_build_is_waited_for_until_its_time_is_over() {
        let running = seen(BuildStatus::InProgress);
        let told = decide(&step(), &running, at(19)).unwrap();
        assert!(matches!(told, Decision::Wait { .. }), "{told:?}");
        assert_eq!(decide(&step(), &running, at(20)), Ok(Decision::Stop));
        let built = seen(BuildStatus::Succeeded);
        assert_eq!(decide(&step(), &built, at(50)), Ok(Decision::Take));
    }

    #[test]
    fn a_failure_says_where_and_why_and_never_blames_a_release() {
        let told = decide(&step(), &seen(BuildStatus::Failed), at(2)).unwrap_err();
        assert_eq!(
            told.to_string(),
            "build web: the build lockstep-shop-web:1 failed in its phase BUILD: exit status 1; the end of its log: no such file; \
             all of it: https://build"
        );
        assert_eq!(told.name(), "Rejected");
        let late = decide(&step(), &seen(BuildStatus::TimedOut), at(30)).unwrap_err();
        assert_eq!(late.name(), "DeadlineExceeded");
        let stopped = decide(&step(), &seen(BuildStatus::Stopped), at(30)).unwrap_err();
        assert_eq!(stopped.name(), "Rejected");
    }

    #[test]
    fn a_build_that_pushed_nothing_is_told_what_it_had_to_push() {
        let told = missing(&step(), &seen(BuildStatus::Succeeded)).to_string();
        assert!(
            told.starts_with("build web: the build lockstep-shop-web:1 succeeded, but the repository shop/web has no image that is \
                              tagged 3f2a9c1"),
            "{told}"
        );
        assert!(told.ends_with("; its log: https://build"), "{told}");
    }
}
