//! One service: what runs, what should run, and everything that is in the way.

use futures_util::future::{join_all, try_join_all};
use jiff::Timestamp;
use lockstep::PhaseError;
use lockstep::ecs::{
    Check, LiveService, Revision, ServiceInputs, ServiceStep, image_platform, missing_cluster,
    missing_service, needed_platform, plan_service, short_name,
};
use lockstep::manifest::ResolvedService;
use lockstep::record::DeploymentRef;
use lockstep::release::{Artifacts, ImageArtifact};
use lockstep_ecs::{Ecs, ServiceLookup};
use serde_json::Value;

use crate::answer::or_check;
use crate::images::{Images, missing};
use crate::logs::LogGroups;
use crate::roles::Roles;

/// Everything a service is planned with.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) ecs: Ecs,
    pub(crate) images: Images,
    pub(crate) roles: Roles,
    pub(crate) log_groups: LogGroups,
}

/// One service of the manifest, and what is asked for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) deployment: &'a DeploymentRef,
    pub(crate) component: &'a str,
    pub(crate) resolved: &'a ResolvedService,
    pub(crate) artifacts: &'a Artifacts,
    pub(crate) now: Timestamp,
}

/// What planning one service came to.
#[derive(Debug, Default)]
pub(crate) struct Planned {
    pub(crate) step: Option<ServiceStep>,
    pub(crate) failed: Vec<Check>,
    /// The service as it is, and the revision it runs, where they could be looked at.
    pub(crate) found: Option<(LiveService, Revision)>,
}

/// An image that is asked for and that ECR has, with its manifest.
type Asked<'a> = (&'a ImageArtifact, Value);

impl Services {
    /// Plans one service. Its facts are asked for at the same time.
    pub(crate) async fn plan(&self, wanted: Wanted<'_>) -> Result<Planned, PhaseError> {
        let (live, asked) = tokio::join!(self.live(wanted.resolved), self.asked(&wanted));
        let (mut images, asked) = asked?;
        let (live, revision) = match or_check(live)? {
            Ok(Ok(live)) => live,
            Ok(Err(check)) | Err(check) => {
                images.insert(0, check);
                return Ok(Planned {
                    failed: images,
                    ..Planned::default()
                });
            }
        };
        let inputs = ServiceInputs {
            deployment: wanted.deployment,
            component: wanted.component,
            resolved: wanted.resolved,
            artifacts: wanted.artifacts,
            live: &live,
            revision: &revision,
            now: wanted.now,
        };
        let (step, mut failed) = match plan_service(&inputs) {
            Ok(None) => {
                return Ok(Planned {
                    found: Some((live, revision)),
                    ..Planned::default()
                });
            }
            Ok(Some(step)) => (Some(step), Vec::new()),
            Err(failed) => (None, failed),
        };
        failed.append(&mut images);
        failed.extend(
            self.check_definition(wanted.resolved, &live, &revision, &asked)
                .await?,
        );
        Ok(Planned {
            step: step.filter(|_| failed.is_empty()),
            failed,
            found: Some((live, revision)),
        })
    }

    /// What the new task definition needs, told by the one it is made from.
    async fn check_definition(
        &self,
        resolved: &ResolvedService,
        live: &LiveService,
        revision: &Revision,
        asked: &[Asked<'_>],
    ) -> Result<Vec<Check>, PhaseError> {
        let definition = resolved
            .task_definition
            .as_ref()
            .unwrap_or(&revision.definition);
        let (platforms, roles, logs) = tokio::join!(
            self.check_platforms(definition, live, asked),
            self.roles.check(definition),
            self.log_groups.check(definition),
        );
        Ok([platforms?, roles?, logs?].concat())
    }

    async fn check_platforms(
        &self,
        definition: &Value,
        live: &LiveService,
        asked: &[Asked<'_>],
    ) -> Result<Vec<Check>, PhaseError> {
        if needed_platform(definition, live).is_none() {
            return Ok(Vec::new());
        }
        let checks = asked.iter().map(async |(image, manifest)| {
            Ok::<_, PhaseError>(
                match or_check(self.images.platforms(image, manifest).await)? {
                    Ok(platforms) => image_platform(definition, live, &image.label(), &platforms),
                    Err(refused) => Some(refused),
                },
            )
        });
        Ok(try_join_all(checks).await?.into_iter().flatten().collect())
    }

    /// The images that are asked for, and the failed checks of those that are not there.
    async fn asked<'a>(
        &self,
        wanted: &Wanted<'a>,
    ) -> Result<(Vec<Check>, Vec<Asked<'a>>), PhaseError> {
        let component = |name| format!("{}/{name}", wanted.component);
        let images = wanted
            .resolved
            .containers
            .keys()
            .filter_map(|name| wanted.artifacts.get(&component(name))?.as_image());
        let answers = join_all(
            images.map(async |image| (image, or_check(self.images.manifest(image).await))),
        )
        .await;
        let (mut failed, mut asked) = (Vec::new(), Vec::new());
        for (image, answer) in answers {
            match answer? {
                Ok(Some(manifest)) => asked.push((image, manifest)),
                Ok(None) => failed.push(missing(image)),
                Err(refused) => failed.push(refused),
            }
        }
        Ok((failed, asked))
    }

    /// The service and the revision it runs.
    async fn live(
        &self,
        resolved: &ResolvedService,
    ) -> Result<Result<(LiveService, Revision), Check>, PhaseError> {
        let (cluster, service) = (&resolved.cluster, &resolved.service);
        let resource = format!("service {cluster}/{service}");
        let live = match self.ecs.find_service(cluster, service).await? {
            ServiceLookup::Found(live) => *live,
            ServiceLookup::NoService => return Ok(Err(missing_service(&resource, "none"))),
            ServiceLookup::NoCluster => return Ok(Err(missing_cluster(cluster))),
        };
        if live.status != "ACTIVE" {
            return Ok(Err(missing_service(&resource, &live.status)));
        }
        Ok(match self.ecs.revision(live.revision()).await? {
            Some(revision) => Ok((live, revision)),
            None => Err(missing_revision(&resource, live.revision())),
        })
    }
}

fn missing_revision(resource: &str, revision: &str) -> Check {
    Check {
        what: "task definition".into(),
        resource: resource.into(),
        found: format!("{}, which was deleted", short_name(revision)),
        expected: "a task definition that can be put back".into(),
        todo: "register it again and put the service on it, then deploy".into(),
        curable: false,
    }
}

#[cfg(test)]
mod tests;
