//! What a manifest for running things says.

use std::collections::BTreeMap;

/// Everything that was found and can be taken over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    /// The application.
    pub application: String,
    /// The environment.
    pub environment: String,
    /// The stacks.
    pub stacks: Vec<DraftStack>,
    /// The services.
    pub services: Vec<DraftService>,
    /// The functions.
    pub functions: Vec<DraftFunction>,
    /// The sites.
    pub sites: Vec<DraftSite>,
}

/// A CloudFormation stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DraftStack {
    /// The manifest's name of it.
    pub component: String,
    /// Its name.
    pub stack: String,
    /// The file of its template, beside the manifest.
    pub file: String,
    /// The template as it was sent.
    pub template: String,
    /// Its parameters with their values.
    pub parameters: BTreeMap<String, String>,
    /// Parameters whose values are not shown, or cannot be written: they keep them.
    pub kept: Vec<String>,
    /// The capabilities that were acknowledged.
    pub capabilities: Vec<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The role that CloudFormation uses for it.
    pub role: Option<String>,
    /// The ARNs of the alarms that roll it back.
    pub alarms: Vec<String>,
    /// How long they are watched, in minutes.
    pub monitoring_minutes: u32,
    /// Whether it is protected from being deleted.
    pub termination_protection: bool,
}

/// An ECS service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DraftService {
    /// The manifest's name of it.
    pub component: String,
    /// Its cluster.
    pub cluster: String,
    /// Its name.
    pub service: String,
    /// Container to ECR repository.
    pub containers: BTreeMap<String, String>,
    /// Containers whose images come from elsewhere, with those images.
    pub others: BTreeMap<String, String>,
    /// `maximumPercent`, where the service has another than the manifest's default.
    pub maximum_percent: Option<u64>,
    /// `minimumHealthyPercent`, likewise.
    pub minimum_healthy_percent: Option<u64>,
    /// The grace period, likewise.
    pub health_check_grace_seconds: Option<u32>,
}

/// A front end in a bucket that a distribution serves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DraftSite {
    /// The manifest's name of it.
    pub component: String,
    /// Its bucket.
    pub bucket: String,
    /// The distribution's id.
    pub distribution: String,
    /// The distribution's origin, where several are the bucket.
    pub origin: Option<String>,
}

/// A Lambda function.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DraftFunction {
    /// The manifest's name of it.
    pub component: String,
    /// Its name.
    pub function: String,
    /// The ECR repository, where its code is an image.
    pub image: Option<String>,
    /// Its alias, if there is exactly one.
    pub alias: Option<String>,
    /// The stack it belongs to, by the manifest's name.
    pub stack: Option<String>,
}
