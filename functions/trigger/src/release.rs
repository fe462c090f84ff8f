//! An uploaded release: which environments want it by themselves, and whether it is to be
//! deployed there.

use lockstep::PhaseError;
use lockstep::manifest::ResolvedEnvironment;
use lockstep::record::{DeploymentRecord, Execution, ReleaseObject, ReleaseRequest, Source};
use lockstep::release::Artifacts;
use lockstep::release_order::ReleaseAge;
use lockstep::trigger::{IgnoreReason, OtherUpload, S3Release};
use lockstep_ledger::{Created, TriggerEvent, upload_id};
use serde_json::Value;

use crate::Trigger;
use crate::answer::Answer;
use crate::fan_out::{FanOut, Place, is_for};
use crate::push::{deployment_ref, execution_ended};

impl Trigger {
    pub(crate) async fn release(
        &self,
        execution: &Execution,
        release: &S3Release,
        input: &Value,
    ) -> Result<Answer, PhaseError> {
        match self.decide_release(execution, release, input).await? {
            Ok(answer) => Ok(answer),
            Err(reason) => {
                self.leave(execution, &release.event_id, &release.key, &reason)
                    .await
            }
        }
    }

    /// Something else was put into the bucket.
    pub(crate) async fn other_upload(
        &self,
        execution: &Execution,
        upload: &OtherUpload,
    ) -> Result<Answer, PhaseError> {
        self.leave(execution, &upload.event_id, &upload.key, &upload.reason)
            .await
    }

    async fn leave(
        &self,
        execution: &Execution,
        event_id: &str,
        key: &str,
        reason: &IgnoreReason,
    ) -> Result<Answer, PhaseError> {
        let event = TriggerEvent {
            subject: key.to_owned(),
            reason: reason.to_string(),
            execution: execution.name.clone(),
            at: execution.started_at,
        };
        self.ledger.record_event(event_id, &event).await?;
        Ok(Answer::ignore(reason))
    }

    async fn decide_release(
        &self,
        execution: &Execution,
        release: &S3Release,
        input: &Value,
    ) -> Result<Result<Answer, IgnoreReason>, PhaseError> {
        let application = &release.application;
        let unknown = || IgnoreReason::UnknownApplication {
            application: application.clone(),
        };
        let Some(version) = self.ledger.manifest_version(application).await? else {
            return Ok(Err(unknown()));
        };
        let Some(manifest) = self.ledger.manifest(application, version).await? else {
            return Ok(Err(unknown()));
        };
        let names = manifest.manifest.environments.keys();
        let mut wanting: Vec<_> = names
            .filter_map(|name| manifest.resolve(name).ok())
            .filter(|environment| wants(environment) && is_for(input, &place(environment)))
            .collect();
        let Some(environment) = wanting.pop() else {
            return Ok(Err(IgnoreReason::NoReleaseTrigger {
                application: application.clone(),
                version: release.version.clone(),
            }));
        };
        if wanting.is_empty() {
            return self
                .create_release(execution, release, version, &environment)
                .await;
        }
        wanting.push(environment);
        let event = FanOut {
            kind: "release",
            event: &release.event_id,
            subject: &format!("release {} of {application}", release.version),
            input,
        };
        let places: Vec<_> = wanting.iter().map(place).collect();
        self.fan_out(&event, &places).await.map(Ok)
    }

    async fn create_release(
        &self,
        execution: &Execution,
        release: &S3Release,
        manifest_version: u64,
        environment: &ResolvedEnvironment,
    ) -> Result<Result<Answer, IgnoreReason>, PhaseError> {
        let (application, name) = (&environment.application, &environment.environment);
        let age = ReleaseAge {
            version: release.version.clone(),
            at: release.at,
            sequencer: release.sequencer.clone(),
        };
        let seen = self.ledger.newest_releases(application, name).await?;
        let source = Source::S3Release {
            event: release.event_id.clone(),
            version: release.version.clone(),
        };
        let reason = source.label();
        let record = DeploymentRecord {
            deployment: deployment_ref(execution, application, name),
            execution: execution.clone(),
            source,
            manifest_version,
            requested: Artifacts::new(),
            release: Some(request(release)),
            topic: environment.topic.clone(),
            approved: Vec::new(),
            builds: std::collections::BTreeMap::new(),
            only: lockstep::Only::default(),
            conclusion: None,
        };
        if let Some(newest) = seen.newest.as_ref()
            && age.is_older_than(&newest.age)
        {
            return Ok(Err(IgnoreReason::OlderRelease {
                version: release.version.clone(),
                newest: newest.age.version.clone(),
                newest_at: newest.age.at,
                deployment: newest.deployment.clone(),
            }));
        }
        let created = self
            .ledger
            .create_release_deployment(&record, &upload(release), &age, &seen, execution.started_at)
            .await?;
        Ok(match created {
            Created::ExecutionEnded => return Err(execution_ended(execution)),
            Created::DuplicateEvent { deployment } => Err(IgnoreReason::DuplicateEvent {
                deployment: Some(deployment),
            }),
            // Neither marks of images are raised here, nor is anything looked for that was pushed.
            Created::Yes | Created::NotNewer { .. } | Created::Built { .. } => {
                Ok(Answer::Release {
                    deployment: record.deployment,
                    reason,
                })
            }
        })
    }
}

fn wants(environment: &ResolvedEnvironment) -> bool {
    environment
        .trigger
        .as_ref()
        .is_some_and(|trigger| trigger.releases)
}

fn place(environment: &ResolvedEnvironment) -> Place {
    let ResolvedEnvironment {
        application,
        environment,
        ..
    } = environment;
    (application.clone(), environment.clone())
}

/// The upload itself, however many events tell of it.
fn upload(release: &S3Release) -> String {
    let S3Release { bucket, key, .. } = release;
    let which = release.version_id.as_ref().or(release.sequencer.as_ref());
    upload_id(bucket, key, which.unwrap_or(&release.event_id))
}

fn request(release: &S3Release) -> ReleaseRequest {
    ReleaseRequest {
        version: release.version.clone(),
        object: Some(ReleaseObject {
            bucket: release.bucket.clone(),
            key: release.key.clone(),
            version_id: release.version_id.clone(),
            zipped: release.zipped,
            at: release.at,
        }),
        allow_older: false,
        rollback_floor: None,
    }
}
