//! From what a deployment wants to the builds that it needs.

use std::collections::BTreeMap;

use super::step::ImageBuildStep;
use crate::PhaseError;
use crate::manifest::{ResolvedEnvironment, ResolvedImageBuild};
use crate::plan::{Change, Step};
use crate::record::DeploymentRef;
use crate::release::{Artifact, Artifacts, UnbuiltImage};

/// The number of the first build: no plan has so many steps.
pub const FIRST: u32 = 9000;

/// The images that have to be built, by the manifest's name of their build.
///
/// # Errors
/// [`PhaseError::Rejected`] where one build is to build two commits: a deployment that waited was
/// taken over, and nobody can tell which one is wanted.
pub fn wanted(requested: &Artifacts) -> Result<BTreeMap<&str, &UnbuiltImage>, PhaseError> {
    let mut wanted: BTreeMap<&str, &UnbuiltImage> = BTreeMap::new();
    for image in requested.values().filter_map(Artifact::as_unbuilt) {
        let standing = wanted.insert(&image.build, image);
        if let Some(other) = standing.filter(|other| other.commit != image.commit) {
            return Err(PhaseError::Rejected {
                resource: format!("build {}", image.build),
                reason: format!(
                    "it is asked for the commits {} and {} at once, for different components; deploy one after the other",
                    other.commit, image.commit
                ),
            });
        }
    }
    Ok(wanted)
}

/// The steps of the builds, numbered from [`FIRST`]. `addresses` are those of the repositories, to
/// which images are pushed.
///
/// # Errors
/// [`PhaseError::Rejected`] where the manifest does not say any more how an image is made.
pub fn plan_builds(
    deployment: &DeploymentRef,
    environment: &ResolvedEnvironment,
    wanted: &BTreeMap<&str, &UnbuiltImage>,
    addresses: &BTreeMap<String, String>,
) -> Result<Vec<Step>, PhaseError> {
    let mut steps = Vec::new();
    for (number, image) in (FIRST..).zip(wanted.values()) {
        let build = environment.builds.get(&image.build);
        let build = build.filter(|it| it.image == image.repository);
        let build = build.ok_or_else(|| PhaseError::Rejected {
            resource: format!("build {}", image.build),
            reason: format!(
                "the manifest that is in force says nothing of it any more, or that it makes images of another repository than {}; \
                 apply the manifest and deploy the commit again",
                image.repository
            ),
        })?;
        let address = addresses.get(&image.repository).map_or("", String::as_str);
        steps.push(step(number, deployment, image, build, address));
    }
    Ok(steps)
}

fn step(
    number: u32,
    deployment: &DeploymentRef,
    image: &UnbuiltImage,
    build: &ResolvedImageBuild,
    address: &str,
) -> Step {
    let commit = &image.commit;
    let own = [
        ("LOCKSTEP_APPLICATION", deployment.application.clone()),
        ("LOCKSTEP_ENVIRONMENT", deployment.environment.clone()),
        ("LOCKSTEP_DEPLOYMENT", deployment.id.to_string()),
        ("LOCKSTEP_COMPONENT", image.build.clone()),
        ("LOCKSTEP_COMMIT", commit.clone()),
        ("IMAGE_REPOSITORY", image.repository.clone()),
        ("IMAGE_TAG", commit.clone()),
        ("IMAGE_URI", format!("{address}:{commit}")),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value));
    let step = ImageBuildStep {
        deployment: deployment.clone(),
        component: image.build.clone(),
        project: build.project.clone(),
        repository: image.repository.clone(),
        commit: commit.clone(),
        variables: build.environment.clone().into_iter().chain(own).collect(),
        timeout_minutes: build.timeout_minutes,
    };
    Step {
        number,
        target: step.resource(),
        before: format!("no image {}", step.image()),
        after: format!("{}, by a build of {}", step.image(), step.project),
        wave: 0,
        change: Change::ImageBuild(Box::new(step)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use std::collections::BTreeMap;

    use serde_json::json;

    use super::{FIRST, plan_builds, wanted};
    use crate::image_build::look::tests::step;
    use crate::manifest::{Manifest, ResolvedEnvironment};
    use crate::release::{Artifacts, UnbuiltImage};

    fn environment() -> ResolvedEnvironment {
        let text = "\
application: shop
services:
  web: { cluster: c, containers: { web: shop/web, proxy: shop/proxy } }
builds:
  web: { project: \"lockstep-${application}-web\", image: shop/web, environment: { STAGE: \"${environment}\" } }
  proxy: { project: lockstep-shop-proxy, image: shop/proxy, timeout_minutes: 5 }
environments:
  production: {}
";
        let manifest = Manifest::parse("lockstep.yaml", text).unwrap();
        let stored = manifest.embed(|_| unreachable!()).unwrap();
        stored.resolve("production").unwrap()
    }

    fn unbuilt(build: &str, commit: &str) -> UnbuiltImage {
        UnbuiltImage {
            build: build.into(),
            repository: format!("shop/{build}"),
            commit: commit.into(),
            asked_at: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn every_build_is_one_step_however_many_run_its_image() {
        let requested = Artifacts::from([
            ("web/web".to_owned(), unbuilt("web", "3f2a9c1").into()),
            ("web/other".to_owned(), unbuilt("web", "3f2a9c1").into()),
            ("web/proxy".to_owned(), unbuilt("proxy", "3f2a9c1").into()),
        ]);
        let wanted = wanted(&requested).unwrap();
        let address = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/web".to_owned();
        let addresses = BTreeMap::from([("shop/web".to_owned(), address)]);
        let deployment = step().deployment;
        let steps = plan_builds(&deployment, &environment(), &wanted, &addresses).unwrap();
        let numbers: Vec<_> = steps.iter().map(|it| it.number).collect();
        assert_eq!(numbers, [FIRST, FIRST + 1]);
        let web = json!(steps[1].change);
        assert_eq!(web["phase"], "image-build");
        assert_eq!(web["project"], "lockstep-shop-web");
        assert_eq!(web["variables"]["STAGE"], "production");
        assert_eq!(web["variables"]["LOCKSTEP_COMMIT"], "3f2a9c1");
        assert_eq!(
            web["variables"]["IMAGE_URI"],
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/web:3f2a9c1"
        );
        assert_eq!(json!(steps[0].change)["timeout_minutes"], 5);
        assert_eq!(
            steps[1].summary(),
            "build web: no image shop/web:3f2a9c1 -> shop/web:3f2a9c1, by a build of lockstep-shop-web"
        );
    }

    #[test]
    fn what_the_manifest_does_not_say_any_more_is_refused() {
        let mut gone = environment();
        gone.builds.remove("web");
        let mut moved = environment();
        moved.builds.get_mut("web").unwrap().image = "shop/www".into();
        let requested = Artifacts::from([("web/web".to_owned(), unbuilt("web", "3f2a9c1").into())]);
        let wanted = wanted(&requested).unwrap();
        for environment in [gone, moved] {
            let none = BTreeMap::new();
            let told = plan_builds(&step().deployment, &environment, &wanted, &none).unwrap_err();
            assert!(
                told.to_string().starts_with("build web: the manifest"),
                "{told}"
            );
        }
    }

    #[test]
    fn one_build_makes_one_commit_at_a_time() {
        let requested = Artifacts::from([
            ("web/web".to_owned(), unbuilt("web", "3f2a9c1").into()),
            ("web/other".to_owned(), unbuilt("web", "0a1b2c3").into()),
        ]);
        let told = wanted(&requested).unwrap_err().to_string();
        assert!(
            told.contains("0a1b2c3 and 3f2a9c1") || told.contains("3f2a9c1 and 0a1b2c3"),
            "{told}"
        );
    }
}
