//! Where others find the code that is live: a CloudFormation template names these places instead
//! of an artifact of its own, so that no stack deployment brings old code back.

use crate::ecs::by_digest;
use crate::lambda::{FunctionChange, artifact_of};
use crate::plan::{Change, Plan};
use crate::record::DeploymentRef;
use crate::release::{Artifact, Artifacts, ImageArtifact, ZipArtifact};

mod parameter;
mod published;
mod seeds;

pub use parameter::{FoundParameter, ParameterChange, ParameterWrite, owner_tags};
pub use published::{Facts, Outputs, is_published, lasting_names, live_path, output_name};
pub use seeds::{seed, seeds};

/// The key, in the releases bucket, of the zip file that a function's last verified release has.
pub fn live_key(deployment: &DeploymentRef, component: &str) -> String {
    let DeploymentRef {
        application,
        environment,
        ..
    } = deployment;
    format!("live/{application}/{environment}/{component}.zip")
}

/// The name of the SSM parameter with the image that a function's last verified release has.
pub fn live_parameter(deployment: &DeploymentRef, component: &str) -> String {
    let DeploymentRef {
        application,
        environment,
        ..
    } = deployment;
    format!("/lockstep/{application}/{environment}/{component}/image")
}

/// An image by digest, with its registry's host. `arn` is any of the account and region.
pub fn live_image(image: &ImageArtifact, arn: &str) -> String {
    by_digest("", &image.repository, &image.digest, arn)
}

/// The functions that a plan changes to the code of a zip file, each with the file.
pub fn live_files<'a>(plan: &'a Plan, verified: &'a Artifacts) -> Vec<(&'a str, &'a ZipArtifact)> {
    let functions = plan.steps.iter().filter_map(|step| {
        let Change::Functions(step) = &step.change else {
            return None;
        };
        Some(&step.functions)
    });
    let artifacts =
        functions.flat_map(|functions| artifacts(functions, &plan.release.artifacts, verified));
    artifacts
        .filter_map(|(component, artifact)| Some((component, artifact.as_zip()?)))
        .collect()
}

/// The parameters of the functions that are changed to the code of an image, each with its
/// value. `arn` is any of the account and region.
pub fn live_images(
    deployment: &DeploymentRef,
    functions: &[FunctionChange],
    requested: &Artifacts,
    verified: &Artifacts,
    arn: &str,
) -> Vec<(String, String)> {
    let image = |(component, artifact): (&str, &Artifact)| {
        let image = live_image(artifact.as_image()?, arn);
        Some((live_parameter(deployment, component), image))
    };
    artifacts(functions, requested, verified)
        .filter_map(image)
        .collect()
}

/// The functions that are changed, each with the artifact that is left there.
///
/// That is the one that was asked for; where only settings change it is that of the last verified
/// release, if that is still what runs. Code that no release brought has no artifact, and what is
/// kept for it stays as it is.
fn artifacts<'a>(
    functions: &'a [FunctionChange],
    requested: &'a Artifacts,
    verified: &'a Artifacts,
) -> impl Iterator<Item = (&'a str, &'a Artifact)> {
    functions.iter().filter_map(move |change| {
        let component = change.component.as_str();
        let asked = artifact_of(requested, component);
        let unchanged = || {
            let artifact = artifact_of(verified, component)?;
            (code_sha256(artifact) == change.code_after()).then_some(artifact)
        };
        Some((component, asked.or_else(unchanged)?))
    })
}

/// The artifact's hash as Lambda shows it.
fn code_sha256(artifact: &Artifact) -> String {
    match artifact {
        Artifact::Zip(file)
        | Artifact::Template(file)
        | Artifact::Source(file)
        | Artifact::Site(file) => file.code_sha256(),
        Artifact::Image(image) => image.digest.trim_start_matches("sha256:").to_owned(),
        // No code has it.
        Artifact::Unbuilt(image) => image.commit.clone(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::{live_files, live_image, live_images, live_key, live_parameter};
    use crate::DeploymentId;
    use crate::lambda::testing::{Account, resolved, settings, zip};
    use crate::lambda::{FunctionChange, functions_part};
    use crate::manifest::FunctionConfiguration;
    use crate::plan::{Change, Part, Plan};
    use crate::record::DeploymentRef;
    use crate::release::{Artifact, Artifacts, ImageArtifact, Release};

    fn deployment() -> DeploymentRef {
        DeploymentRef {
            id: DeploymentId::for_execution("x", "arn", 0),
            application: "shop".into(),
            environment: "production".into(),
        }
    }

    const ARN: &str = "arn:aws:states:eu-west-1:111122223333:execution:lockstep-deploy:x";

    fn image() -> ImageArtifact {
        ImageArtifact {
            repository: "shop/api".into(),
            digest: "sha256:ab".into(),
            tag: Some("v2".into()),
            pushed_at: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    fn plan(settings: FunctionConfiguration, asked: Option<Artifact>) -> Plan {
        let account = Account::new('a', true);
        let change = account.plan(&resolved(Some("live"), settings), asked.as_ref());
        let change = change.unwrap().unwrap();
        let component = change.component.clone();
        let part: Part = functions_part(
            &deployment(),
            None,
            vec![change],
            &std::collections::BTreeMap::new(),
            vec![],
            15,
        );
        part.plan(Release {
            manifest_version: 1,
            artifacts: asked.map(|it| (component, it)).into_iter().collect(),
        })
        .unwrap()
    }

    #[test]
    fn places_are_named_after_application_environment_and_component() {
        assert_eq!(
            live_key(&deployment(), "api"),
            "live/shop/production/api.zip"
        );
        assert_eq!(
            live_key(&deployment(), "workers/shop-mail"),
            "live/shop/production/workers/shop-mail.zip"
        );
        assert_eq!(
            live_parameter(&deployment(), "api"),
            "/lockstep/shop/production/api/image"
        );
    }

    #[test]
    fn an_image_is_named_by_digest_in_the_accounts_own_registry() {
        assert_eq!(
            live_image(&image(), ARN),
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/api@sha256:ab"
        );
    }

    #[test]
    fn new_code_is_what_was_asked_for() {
        let plan = plan(FunctionConfiguration::default(), Some(zip('b')));
        let none = Artifacts::new();
        let component = &changes(&plan)[0].component;
        let file = zip('b');
        assert_eq!(
            live_files(&plan, &none),
            [(component.as_str(), file.as_zip().unwrap())]
        );
        assert_eq!(
            live_images(
                &deployment(),
                changes(&plan),
                &plan.release.artifacts,
                &none,
                ARN
            ),
            []
        );
    }

    #[test]
    fn an_image_has_a_parameter_instead_of_a_file() {
        let plan = plan(settings(), None);
        let component = &changes(&plan)[0].component;
        let requested = Artifacts::from([(component.clone(), Artifact::Image(image()))]);
        let none = Artifacts::new();
        let images = live_images(&deployment(), changes(&plan), &requested, &none, ARN);
        assert_eq!(
            images,
            [(
                live_parameter(&deployment(), component),
                live_image(&image(), ARN)
            )]
        );
    }

    #[test]
    fn where_only_settings_change_the_verified_code_is_live_unless_something_else_runs() {
        let plan = plan(settings(), None);
        let component = &changes(&plan)[0].component;
        let verified = |digit| Artifacts::from([(component.clone(), zip(digit))]);
        let (same, file) = (verified('a'), zip('a'));
        assert_eq!(
            live_files(&plan, &same),
            [(component.as_str(), file.as_zip().unwrap())]
        );
        assert_eq!(live_files(&plan, &verified('b')), []);
        assert_eq!(live_files(&plan, &Artifacts::new()), []);
    }

    fn changes(plan: &Plan) -> &[FunctionChange] {
        let Change::Functions(step) = &plan.steps[0].change else {
            unreachable!();
        };
        &step.functions
    }
}
