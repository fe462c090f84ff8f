//! An image push: which environment it concerns, and whether it is to be deployed there.

use std::collections::BTreeMap;

use lockstep::manifest::tags_match;
use lockstep::record::{DeploymentRecord, DeploymentRef, Execution, Source};
use lockstep::release::ImageArtifact;
use lockstep::trigger::{EcrPush, IgnoreReason, ImageReference};
use lockstep::{DeploymentId, PhaseError};
use lockstep_ledger::{Created, TriggerEvent, TriggerTarget};
use serde_json::Value;

use crate::Trigger;
use crate::answer::Answer;
use crate::fan_out::{FanOut, Place, is_for};

impl Trigger {
    pub(crate) async fn push(
        &self,
        execution: &Execution,
        push: &EcrPush,
        input: &Value,
    ) -> Result<Answer, PhaseError> {
        match self.decide(execution, push, input).await? {
            Ok(answer) => Ok(answer),
            Err(reason) => {
                let event = TriggerEvent {
                    subject: subject(push),
                    reason: reason.to_string(),
                    execution: execution.name.clone(),
                    at: execution.started_at,
                };
                self.ledger.record_event(&push.event_id, &event).await?;
                Ok(Answer::ignore(&reason))
            }
        }
    }

    async fn decide(
        &self,
        execution: &Execution,
        push: &EcrPush,
        input: &Value,
    ) -> Result<Result<Answer, IgnoreReason>, PhaseError> {
        let pushed = match push.image() {
            Ok(pushed) => pushed,
            Err(reason) => return Ok(Err(reason)),
        };
        let known = self.ledger.trigger_targets(pushed.repository).await?;
        if known.is_empty() {
            return Ok(Err(IgnoreReason::UnknownRepository {
                repository: pushed.repository.to_owned(),
            }));
        }
        let mut targets = Vec::new();
        for target in known {
            if tags_match(&target.entry.tags, pushed.tag) && is_for(input, &place(&target)) {
                targets.push(target);
            }
        }
        let Some(target) = targets.pop() else {
            let (repository, tag) = (pushed.repository.to_owned(), pushed.tag.to_owned());
            return Ok(Err(IgnoreReason::NoMatchingTag { repository, tag }));
        };
        if !targets.is_empty() {
            targets.push(target);
            let event = FanOut {
                kind: "push",
                event: &push.event_id,
                subject: &subject(push),
                input,
            };
            let places: Vec<_> = targets.iter().map(place).collect();
            return self.fan_out(&event, &places).await.map(Ok);
        }
        let reference = ImageReference::Digest(pushed.digest.to_owned());
        let Some(image) = self.image(pushed.repository, &reference).await? else {
            let (repository, digest) = (pushed.repository.to_owned(), pushed.digest.to_owned());
            return Ok(Err(IgnoreReason::ImageGone { repository, digest }));
        };
        let image = ImageArtifact {
            tag: Some(pushed.tag.to_owned()),
            ..image
        };
        self.create(execution, push, &target, image).await
    }

    async fn create(
        &self,
        execution: &Execution,
        push: &EcrPush,
        target: &TriggerTarget,
        image: ImageArtifact,
    ) -> Result<Result<Answer, IgnoreReason>, PhaseError> {
        let (application, environment) = (&target.entry.application, &target.entry.environment);
        if let Some(hold) = self
            .ledger
            .hold(application, environment, &image.digest)
            .await?
        {
            return Ok(Err(IgnoreReason::Held {
                digest: hold.digest,
                reason: hold.reason,
                owner: hold.owner,
                since: hold.since,
                deployment: Some(hold.deployment),
            }));
        }
        let source = Source::EcrPush {
            event: push.event_id.clone(),
            image: image.label(),
        };
        let reason = source.label();
        let place = |component: &String| (component.clone(), image.clone().into());
        let record = DeploymentRecord {
            deployment: deployment_ref(execution, application, environment),
            execution: execution.clone(),
            source,
            manifest_version: target.manifest_version,
            requested: target
                .entry
                .components
                .iter()
                .map(place)
                .collect::<BTreeMap<_, _>>(),
            release: None,
            topic: target.topic.clone(),
            approved: Vec::new(),
            builds: std::collections::BTreeMap::new(),
            only: lockstep::Only::default(),
            conclusion: None,
        };
        Ok(
            match self
                .ledger
                .create_deployment(&record, false, execution.started_at)
                .await?
            {
                Created::Yes => Ok(Answer::Deploy {
                    deployment: record.deployment,
                    reason,
                }),
                Created::ExecutionEnded => return Err(execution_ended(execution)),
                Created::DuplicateEvent { deployment } => Err(IgnoreReason::DuplicateEvent {
                    deployment: Some(deployment),
                }),
                Created::Built { deployment } => Err(IgnoreReason::Built {
                    repository: image.repository,
                    tag: image.tag.unwrap_or_default(),
                    deployment,
                }),
                Created::NotNewer { newest, .. } if newest.digest == image.digest => {
                    Err(IgnoreReason::SameDigest {
                        digest: newest.digest,
                        deployment: newest.deployment,
                    })
                }
                Created::NotNewer { newest, .. } => Err(IgnoreReason::OlderThanNewest {
                    digest: image.digest,
                    pushed_at: image.pushed_at,
                    newest_digest: newest.digest,
                    newest_pushed_at: newest.pushed_at,
                    deployment: newest.deployment,
                }),
            },
        )
    }
}

/// Somebody stopped the execution while the trigger was at work.
pub(crate) fn execution_ended(execution: &Execution) -> PhaseError {
    PhaseError::Halted {
        by: format!("the end of execution {}", execution.name),
    }
}

pub(crate) fn deployment_ref(
    execution: &Execution,
    application: &str,
    environment: &str,
) -> DeploymentRef {
    let started_ms = u64::try_from(execution.started_at.as_millisecond()).unwrap_or_default();
    DeploymentRef {
        id: DeploymentId::for_execution(&execution.name, &execution.arn, started_ms),
        application: application.to_owned(),
        environment: environment.to_owned(),
    }
}

fn subject(push: &EcrPush) -> String {
    format!(
        "{}:{}",
        push.repository,
        push.tag.as_deref().unwrap_or("(no tag)")
    )
}

fn place(target: &TriggerTarget) -> Place {
    let TriggerTarget { entry, .. } = target;
    (entry.application.clone(), entry.environment.clone())
}
