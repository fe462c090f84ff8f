//! Looking for the images that services run.

use std::collections::BTreeSet;

use lockstep::PhaseError;
use lockstep::ecs::{self, Arn, ImageReference, LiveService, Revision};
use lockstep::manifest::{ResolvedEnvironment, ResolvedService, StackParameter};
use lockstep::release::Artifacts;
use lockstep_ecs::ServiceLookup;

use super::remedy::{Finding, Known, Remedy, newest, remedy};
use crate::account::Account;

/// One environment, and what is known of its images.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The account.
    pub account: &'a Account,
    /// The environment.
    pub environment: &'a ResolvedEnvironment,
    /// What the last verified release consists of.
    pub verified: &'a Artifacts,
    /// The digests that are on hold here: a deployment of them failed.
    pub held: &'a BTreeSet<String>,
}

/// What one service's containers run, and what helps where it is gone.
///
/// # Errors
/// When the service is not as the manifest says, or AWS could not be asked. A deployment would be
/// refused then, too.
pub async fn look(
    scope: Scope<'_>,
    component: &str,
    service: &ResolvedService,
) -> Result<Vec<Finding>, PhaseError> {
    let resource = format!("service {}/{}", service.cluster, service.service);
    let rejected = |reason: String| PhaseError::Rejected {
        resource: resource.clone(),
        reason,
    };
    let live = running(scope.account, service).await?;
    let live = live
        .ok_or_else(|| rejected("there is none; `lockstep verify` says what creates it".into()))?;
    let revision = scope.account.ecs.revision(live.revision()).await?;
    let Some(Revision { definition, .. }) = revision else {
        return Err(rejected(format!(
            "its task definition {} was deleted; put it on one that exists: aws ecs update-service --cluster {} --service \
             {} --task-definition FAMILY:REVISION",
            ecs::short_name(live.revision()),
            service.cluster,
            service.service
        )));
    };
    let mut findings = Vec::new();
    for (container, repository) in &service.containers {
        let Some(image) = ecs::image(&definition, container) else {
            return Err(rejected(format!(
                "its task definition has no container `{container}`; correct the manifest"
            )));
        };
        let component = format!("{component}/{container}");
        let remedy = scope.remedy(&component, repository, image, &live.arn);
        findings.push(Finding {
            remedy: remedy.await?,
            component,
            image: image.to_owned(),
            repository: repository.clone(),
        });
    }
    Ok(findings)
}

/// The service, unless it is not there or deleted.
async fn running(
    account: &Account,
    service: &ResolvedService,
) -> Result<Option<LiveService>, PhaseError> {
    let look = account.ecs.find_service(&service.cluster, &service.service);
    Ok(match look.await? {
        ServiceLookup::Found(live) if live.status == "ACTIVE" => Some(*live),
        _ => None,
    })
}

impl Scope<'_> {
    async fn remedy(
        &self,
        component: &str,
        repository: &str,
        image: &str,
        service_arn: &str,
    ) -> Result<Remedy, PhaseError> {
        let reference = ImageReference::parse(image);
        if reference.repository != repository || is_elsewhere(reference.host, service_arn) {
            return Ok(Remedy::Elsewhere);
        }
        // A digest counts, a tag beside it does not: ECS pulls by digest then.
        let name = reference.digest.or(reference.tag).unwrap_or("latest");
        if self.account.has_image(repository, name).await? {
            return Ok(Remedy::None);
        }
        let mut known = Known {
            fallback: self.fallback(component),
            ..Known::default()
        };
        let release = self.verified.get(component).and_then(|it| it.as_image());
        if let Some(image) = release.filter(|it| it.repository == repository)
            && self.account.has_image(repository, &image.digest).await?
        {
            known.verified = Some(image.digest.clone());
        }
        if known.verified.is_none() {
            let images = self.account.images(repository).await?;
            let trigger = self.environment.trigger.as_ref();
            let patterns = trigger.map(|it| it.tags.as_slice()).unwrap_or_default();
            known.held = images.iter().any(|it| self.held.contains(&it.digest));
            known.newest = newest(images, patterns, self.held);
        }
        Ok(remedy(known))
    }

    /// The image that a stack of the manifest has for the component's first deployment.
    fn fallback(&self, wanted: &str) -> Option<String> {
        let stacks = self.environment.stacks.values();
        let mut parameters = stacks.flat_map(|stack| stack.parameters.values());
        parameters.find_map(|parameter| match parameter {
            StackParameter::Image {
                component,
                fallback,
            } if component == wanted => fallback.clone(),
            _ => None,
        })
    }
}

/// Whether a registry's host is that of another account or region than the service's own, whose
/// images cannot be looked for here.
fn is_elsewhere(host: &str, service_arn: &str) -> bool {
    let Some(Arn {
        account, region, ..
    }) = Arn::parse(service_arn)
    else {
        return false;
    };
    let mut parts = host.split('.');
    let of = parts.next().unwrap_or_default();
    let is_account = of.len() == 12 && of.bytes().all(|it| it.is_ascii_digit());
    // `ACCOUNT.dkr.ecr.REGION…`, `ACCOUNT.dkr.ecr-fips.REGION…`, `ACCOUNT.dkr-ecr.REGION…`
    is_account && (of != account || !parts.any(|part| part == region))
}

#[cfg(test)]
mod tests {
    use super::is_elsewhere;

    #[test]
    fn images_of_other_accounts_and_regions_are_not_looked_for() {
        let arn = "arn:aws:ecs:eu-west-1:123456789012:service/shop/web";
        for own in [
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
            "123456789012.dkr-ecr.eu-west-1.on.aws",
            "127.0.0.1:4566",
        ] {
            assert!(!is_elsewhere(own, arn), "{own}");
        }
        for other in [
            "210987654321.dkr.ecr.eu-west-1.amazonaws.com",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com",
        ] {
            assert!(is_elsewhere(other, arn), "{other}");
        }
    }
}
