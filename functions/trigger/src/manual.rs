//! A deployment that a person or a pipeline asks for.

use std::collections::BTreeMap;

use lockstep::manifest::{CodeSource, ResolvedEnvironment};
use lockstep::record::{BuiltImage, DeploymentRecord, Execution, ReleaseRequest, Source};
use lockstep::release::{Artifact, Artifacts, UnbuiltImage};
use lockstep::trigger::{CommitImage, ImageReference, ManualRequest};
use lockstep::{Only, PhaseError};
use lockstep_ledger::Created;

use crate::Trigger;
use crate::answer::Answer;
use crate::push::{deployment_ref, execution_ended};

/// What a person wants.
struct Wishes {
    only: Only,
    artifacts: Artifacts,
    builds: BTreeMap<String, BuiltImage>,
}

impl Trigger {
    pub(crate) async fn manual(
        &self,
        execution: &Execution,
        request: &ManualRequest,
    ) -> Result<Answer, PhaseError> {
        let (manifest_version, environment) = self.resolve(request).await?;
        let source = Source::Manual {
            by: request
                .by
                .clone()
                .unwrap_or_else(|| "a manual start".to_owned()),
            reason: request.reason.clone(),
        };
        let reason = source.label();
        let mut record = DeploymentRecord {
            deployment: deployment_ref(execution, &request.application, &request.environment),
            execution: execution.clone(),
            source,
            manifest_version,
            requested: Artifacts::new(),
            release: request.release.as_ref().map(|version| ReleaseRequest {
                version: version.clone(),
                object: None,
                allow_older: request.allow_older,
                rollback_floor: None,
            }),
            topic: environment.topic.clone(),
            approved: request.approve.clone(),
            builds: BTreeMap::new(),
            only: Only::default(),
            conclusion: None,
        };
        let refused = match self.wishes(request, execution, &environment).await {
            Ok(wishes) => {
                record.only = wishes.only;
                record.requested = wishes.artifacts;
                record.builds = wishes.builds;
                match self
                    .ledger
                    .create_deployment(&record, request.allow_older, execution.started_at)
                    .await?
                {
                    Created::NotNewer { component, newest } => older(&record, &component, &newest),
                    Created::ExecutionEnded => return Err(execution_ended(execution)),
                    Created::Yes | Created::DuplicateEvent { .. } | Created::Built { .. } => {
                        let deployment = record.deployment;
                        return Ok(match record.release {
                            Some(_) => Answer::Release { deployment, reason },
                            None => Answer::Deploy { deployment, reason },
                        });
                    }
                }
            }
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => error,
        };
        // It is known where this was to go, so its refusal belongs into that history.
        record.requested = Artifacts::new();
        record.only = Only::default();
        record.builds.clear();
        record.release = None;
        self.ledger
            .create_deployment(&record, true, execution.started_at)
            .await?;
        Err(refused)
    }

    async fn resolve(
        &self,
        request: &ManualRequest,
    ) -> Result<(u64, ResolvedEnvironment), PhaseError> {
        let application = &request.application;
        let unknown = || PhaseError::Rejected {
            resource: format!("application {application}"),
            reason: "no manifest of it was ever applied; run `lockstep apply` first".to_owned(),
        };
        let version = self
            .ledger
            .manifest_version(application)
            .await?
            .ok_or_else(unknown)?;
        let manifest = self
            .ledger
            .manifest(application, version)
            .await?
            .ok_or_else(unknown)?;
        let environment =
            manifest
                .resolve(&request.environment)
                .map_err(|error| PhaseError::Rejected {
                    resource: format!("manifest version {version}"),
                    reason: error.to_string(),
                })?;
        Ok((version, environment))
    }

    /// The components that it is about, and the images by component. Everything that is wrong
    /// with images is named at once; those of other components are not even looked for.
    async fn wishes(
        &self,
        request: &ManualRequest,
        execution: &Execution,
        environment: &ResolvedEnvironment,
    ) -> Result<Wishes, PhaseError> {
        let mut artifacts = Artifacts::new();
        let mut missing = Vec::new();
        let images = request.components(environment)?;
        let mut only = request.only(environment)?;
        let of_commit = request.of_commit(environment, &only, &images)?;
        for (component, reference) in images {
            if !only.has(&component) {
                only.leave_out(format!("{component} {reference}"));
                continue;
            }
            let repository = repository(environment, &component)?;
            match self.image(repository, &reference).await? {
                Some(image) => drop(artifacts.insert(component, image.into())),
                None => missing.push(format!("{repository}:{reference} (for {component})")),
            }
        }
        if !missing.is_empty() {
            return Err(PhaseError::Rejected {
                resource: format!("image {}", missing.join(", ")),
                reason: "ECR has no such image in the controller's account and region; push it first, or name another"
                    .to_owned(),
            });
        }
        let mut builds = BTreeMap::new();
        for wanted in of_commit {
            let (artifact, built) = self.of_commit(&wanted, execution).await?;
            let components = wanted.components.into_iter();
            artifacts.extend(components.map(|component| (component, artifact.clone())));
            builds.insert(wanted.build, built);
        }
        Ok(Wishes {
            only,
            artifacts,
            builds,
        })
    }

    /// An image of a commit: the one that exists, or else the wish that it is built.
    async fn of_commit(
        &self,
        wanted: &CommitImage,
        execution: &Execution,
    ) -> Result<(Artifact, BuiltImage), PhaseError> {
        let reference = ImageReference::Tag(wanted.commit.clone());
        let found = self.image(&wanted.repository, &reference).await?;
        let note = match found {
            Some(_) => "was not built, because it exists already",
            None => "",
        };
        let built = BuiltImage {
            repository: wanted.repository.clone(),
            commit: wanted.commit.clone(),
            note: note.to_owned(),
        };
        let unbuilt = || UnbuiltImage {
            build: wanted.build.clone(),
            repository: wanted.repository.clone(),
            commit: wanted.commit.clone(),
            asked_at: execution.started_at,
        };
        let artifact = found.map_or_else(|| Artifact::from(unbuilt()), Artifact::from);
        Ok((artifact, built))
    }
}

fn repository<'a>(
    environment: &'a ResolvedEnvironment,
    component: &str,
) -> Result<&'a str, PhaseError> {
    let of_function = || match &environment.functions.get(component)?.code {
        CodeSource::Image(repository) => Some(repository.as_str()),
        CodeSource::Zip(_) => None,
    };
    let found = match component.split_once('/') {
        Some((service, container)) => environment
            .services
            .get(service)
            .and_then(|service| service.containers.get(container))
            .map(String::as_str),
        None => of_function(),
    };
    found.ok_or_else(|| PhaseError::InvalidRequest {
        field: format!("images.{component}"),
        reason: "the manifest has no such container, and no such function with images".to_owned(),
    })
}

fn older(
    record: &DeploymentRecord,
    component: &str,
    newest: &lockstep_ledger::Newest,
) -> PhaseError {
    let asked = record
        .requested
        .get(component)
        .map(|image| format!("{}, made at {}", image.label(), image.made_at()));
    PhaseError::Rejected {
        resource: component.to_owned(),
        reason: format!(
            "{} is older than {}, pushed at {}, which deployment {} brought; to go back on purpose, add --allow-older \
             (`allow_older` in the input)",
            asked.unwrap_or_default(),
            newest.digest,
            newest.pushed_at,
            newest.deployment
        ),
    }
}
