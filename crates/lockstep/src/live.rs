//! Where others find the code that is live: a CloudFormation template names these places instead
//! of an artifact of its own, so that no stack deployment brings old code back.

use crate::ecs::by_digest;
use crate::lambda::{FunctionsStep, artifact_of};
use crate::plan::{Change, Plan};
use crate::record::DeploymentRef;
use crate::release::{Artifact, Artifacts, ImageArtifact};

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

/// The functions that a plan changes, each with the artifact that it leaves there.
///
/// That is the one that was asked for; where only settings change it is that of the last verified
/// release, if that is still what runs. Code that no release brought has no artifact, and what is
/// kept for it stays as it is.
pub fn live_artifacts<'a>(plan: &'a Plan, verified: &'a Artifacts) -> Vec<(&'a str, &'a Artifact)> {
    let steps = plan.steps.iter().filter_map(|step| match &step.change {
        Change::Functions(step) => Some(&**step),
        Change::Service(_) => None,
    });
    steps
        .flat_map(|step| of_step(step, &plan.release.artifacts, verified))
        .collect()
}

fn of_step<'a>(
    step: &'a FunctionsStep,
    requested: &'a Artifacts,
    verified: &'a Artifacts,
) -> impl Iterator<Item = (&'a str, &'a Artifact)> {
    step.functions.iter().filter_map(move |change| {
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
        Artifact::Zip(zip) => zip.code_sha256(),
        Artifact::Image(image) => image.digest.trim_start_matches("sha256:").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::{live_artifacts, live_image, live_key, live_parameter};
    use crate::DeploymentId;
    use crate::lambda::functions_part;
    use crate::lambda::testing::{Account, resolved, settings, zip};
    use crate::manifest::FunctionConfiguration;
    use crate::plan::{Part, Plan};
    use crate::record::DeploymentRef;
    use crate::release::{Artifact, Artifacts, ImageArtifact, Release};

    fn deployment() -> DeploymentRef {
        DeploymentRef {
            id: DeploymentId::for_execution("x", "arn", 0),
            application: "shop".into(),
            environment: "production".into(),
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
        let image = ImageArtifact {
            repository: "shop/api".into(),
            digest: "sha256:ab".into(),
            tag: Some("v2".into()),
            pushed_at: jiff::Timestamp::UNIX_EPOCH,
        };
        let arn = "arn:aws:states:eu-west-1:111122223333:execution:lockstep-deploy:x";
        assert_eq!(
            live_image(&image, arn),
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/api@sha256:ab"
        );
    }

    #[test]
    fn new_code_is_what_was_asked_for() {
        let plan = plan(FunctionConfiguration::default(), Some(zip('b')));
        let none = Artifacts::new();
        let found = live_artifacts(&plan, &none);
        let component = found.first().unwrap().0;
        assert_eq!(found, [(component, &zip('b'))]);
    }

    #[test]
    fn where_only_settings_change_the_verified_code_is_live_unless_something_else_runs() {
        let plan = plan(settings(), None);
        let component = live_component(&plan);
        let verified = |digit| Artifacts::from([(component.clone(), zip(digit))]);
        let same = verified('a');
        assert_eq!(
            live_artifacts(&plan, &same),
            [(component.as_str(), &zip('a'))]
        );
        assert_eq!(live_artifacts(&plan, &verified('b')), []);
        assert_eq!(live_artifacts(&plan, &Artifacts::new()), []);
    }

    fn live_component(plan: &Plan) -> String {
        match &plan.steps.first().unwrap().change {
            crate::plan::Change::Functions(step) => {
                step.functions.first().unwrap().component.clone()
            }
            crate::plan::Change::Service(_) => unreachable!(),
        }
    }
}
