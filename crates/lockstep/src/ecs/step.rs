//! The step of the `service` phase: one new revision of one ECS service.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::arn::{family_and_number, short_name};
use super::definition::{self, Revision, register_input};
use super::image::ImageReference;
use super::json::text;
use super::settings::Settings;

/// Tag of every revision that Lockstep registers: the deployment's id. This is the mark
/// by which a revision is found again after a lost answer.
pub const DEPLOYMENT_TAG: &str = "lockstep:deployment";
/// Tag of a revision that repeats a deregistered one, so that a service can be put back:
/// the ARN of the revision it repeats.
pub const RESTORES_TAG: &str = "lockstep:restores";

/// One service's change. Written by the plan, never changed afterwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceStep {
    /// The deployment's id.
    pub deployment: String,
    /// The application.
    pub application: String,
    /// The environment.
    pub environment: String,
    /// The manifest's name of the service.
    pub component: String,
    /// The ECS cluster's name.
    pub cluster: String,
    /// The ECS service's name.
    pub service: String,
    /// The ECS service's ARN.
    pub service_arn: String,
    /// What the service ran when the plan was made.
    pub before: Before,
    /// What it is to run.
    pub after: After,
    /// This many tasks of the new revision stopped by themselves are a failure.
    pub stopped_tasks: u32,
    /// The time budget for the rollout, in seconds.
    pub timeout_seconds: u64,
    /// When the plan was made, in whole seconds as some ECS times are.
    pub planned_at: Timestamp,
}

/// A service as it was when the plan was made: what undo restores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Before {
    /// The ARN of the revision it ran.
    pub task_definition: String,
    /// Its rollout settings.
    #[serde(flatten)]
    pub settings: Settings,
    /// Whether its rollout was finished and all of its tasks ran. Undo does not wait for
    /// a service to serve that did not serve before.
    pub serving: bool,
    /// Its images by container, for people.
    pub images: Value,
}

/// A service as it is to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct After {
    /// The input of `RegisterTaskDefinition`, with images by digest and Lockstep's tags.
    pub task_definition: Value,
    /// Its rollout settings.
    #[serde(flatten)]
    pub settings: Settings,
}

impl ServiceStep {
    /// The service as messages name it.
    pub fn resource(&self) -> String {
        format!("service {}/{}", self.cluster, self.service)
    }

    /// The family of the new revision.
    pub fn family(&self) -> &str {
        text(&self.after.task_definition, "family")
    }

    /// The number below which no revision of the family can be this step's: that of the
    /// revision the service ran, when it is of the same family.
    pub fn floor(&self) -> u64 {
        match family_and_number(&self.before.task_definition) {
            Some((family, number)) if family == self.family() => number,
            _ => 0,
        }
    }

    /// Whether a revision was registered for this step: it carries the deployment's mark
    /// and runs the step's images. A mark alone could have been copied by a person.
    pub fn is_ours(&self, revision: &Revision) -> bool {
        revision.family() == self.family()
            && revision.tag(DEPLOYMENT_TAG) == Some(&self.deployment)
            && revision.tag(RESTORES_TAG).is_none()
            && definition::images(&revision.definition)
                == definition::images(&self.after.task_definition)
    }

    /// Whether a revision repeats the one the service ran, because that was deregistered.
    pub fn is_restoring(&self, revision: &Revision) -> bool {
        revision.tag(DEPLOYMENT_TAG) == Some(&self.deployment)
            && revision.tag(RESTORES_TAG) == Some(&self.before.task_definition)
    }

    /// The input of `RegisterTaskDefinition` that repeats the revision the service ran.
    pub fn restoring_input(&self, before: &Revision) -> Value {
        let mut input = register_input(&before.definition);
        let mut tags = definition::kept_tags(&before.tags);
        tags.push(definition::tag(DEPLOYMENT_TAG, &self.deployment));
        tags.push(definition::tag(RESTORES_TAG, &self.before.task_definition));
        if let Some(fields) = input.as_object_mut() {
            fields.insert("tags".into(), tags.into());
        }
        input
    }

    /// The one `UpdateService` that puts the service on a revision with these settings;
    /// without a revision it sets only the settings, for which ECS starts no deployment.
    /// It never carries `desiredCount`: that belongs to autoscaling.
    pub fn update_input(&self, task_definition: Option<&str>, settings: &Settings) -> Value {
        let mut input = Map::new();
        input.insert("cluster".into(), self.cluster.as_str().into());
        input.insert("service".into(), self.service.as_str().into());
        if let Some(task_definition) = task_definition {
            input.insert("taskDefinition".into(), task_definition.into());
        }
        input.insert(
            "deploymentConfiguration".into(),
            settings.deployment_configuration.clone(),
        );
        if let Some(grace) = settings.health_check_grace_seconds {
            input.insert("healthCheckGracePeriodSeconds".into(), grace.into());
        }
        Value::Object(input)
    }

    /// The AWS CLI's command that does by hand what undo does.
    pub fn restore_command(&self) -> String {
        let settings = &self.before.settings;
        let grace = settings
            .health_check_grace_seconds
            .map(|grace| format!(" --health-check-grace-period-seconds {grace}"));
        format!(
            "aws ecs update-service --cluster {} --service {} --task-definition {} --deployment-configuration '{}'{}",
            self.cluster,
            self.service,
            short_name(&self.before.task_definition),
            settings.deployment_configuration,
            grace.unwrap_or_default()
        )
    }

    /// What the service ran, in a few words: `web:7 (quiz/web@0123456789ab)`.
    pub fn before_label(&self) -> String {
        format!(
            "{} ({})",
            short_name(&self.before.task_definition),
            image_labels(&self.before.images)
        )
    }

    /// What the service is to run, in a few words. The revision has no number yet.
    pub fn after_label(&self) -> String {
        format!(
            "new revision of {} ({})",
            self.family(),
            self.after_images()
        )
    }

    /// The images the service is to run, for people.
    pub fn after_images(&self) -> String {
        image_labels(&Value::Object(definition::images(
            &self.after.task_definition,
        )))
    }
}

fn image_labels(images: &Value) -> String {
    let images = images
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(_, image)| image.as_str());
    let labels: Vec<_> = images
        .map(|image| ImageReference::parse(image).label())
        .collect();
    labels.join(", ")
}
