//! Looking up values.

use std::collections::BTreeMap;

use aws_sdk_ssm::types::ParameterType;
use aws_types::SdkConfig;
use lockstep::ecs::image;
use lockstep::live::{live_image, live_key, seed};
use lockstep::manifest::{ResolvedEnvironment, StackParameter};
use lockstep::record::{DeploymentRecord, DeploymentRef};
use lockstep::release::Artifacts;
use lockstep::{Check, PhaseError};
use lockstep_aws::AwsError;
use lockstep_ecs::{Ecs, ServiceLookup};

use crate::about::About;

/// Looks up values.
#[derive(Debug)]
pub struct Values {
    ssm: aws_sdk_ssm::Client,
    ecs: Ecs,
    s3: aws_sdk_s3::Client,
    /// The releases bucket.
    bucket: String,
}

/// What is known of a stack, or of infrastructure, that others may depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// It stays as it is, with these outputs.
    Outputs(BTreeMap<String, String>),
    /// It changes, or cannot be changed: its outputs are not known yet.
    NotYet,
}

/// A value, as far as it can be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// This text.
    Text(String),
    /// An output that is not known yet.
    Output {
        /// The manifest's name of the stack or the infrastructure.
        component: String,
        /// The output's name.
        output: String,
    },
}

/// All that values are looked up with.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The deployment.
    pub deployment: &'a DeploymentRef,
    /// Its record.
    pub record: &'a DeploymentRecord,
    /// The environment.
    pub environment: &'a ResolvedEnvironment,
    /// The artifacts of the last verified release.
    pub verified: &'a Artifacts,
    /// What comes before this one, by the manifest's name for it.
    pub known: &'a BTreeMap<String, Known>,
}

impl Values {
    /// Looks up values by clients of `config`; `bucket` is the releases bucket.
    pub fn new(config: &SdkConfig, bucket: impl Into<String>) -> Self {
        Self {
            ssm: aws_sdk_ssm::Client::new(config),
            ecs: Ecs::new(aws_sdk_ecs::Client::new(config)),
            s3: lockstep_s3::client(config),
            bucket: bucket.into(),
        }
    }

    /// The value of one parameter or variable, or why there is none.
    ///
    /// # Errors
    /// When AWS gives no answer.
    pub async fn value(
        &self,
        sources: Sources<'_>,
        about: &About<'_>,
        from: &StackParameter,
    ) -> Result<Result<Found, Check>, PhaseError> {
        let text = match from {
            StackParameter::Text(text) => Ok(text.clone()),
            StackParameter::Output { component, output } => {
                return Ok(sources.output(about, component, output));
            }
            StackParameter::Ssm(name) => self.parameter(about, name).await?,
            StackParameter::Image {
                component,
                fallback,
            } => {
                let found = self.image(sources, component).await?;
                let found = found.or_else(|| fallback.clone());
                found.ok_or_else(|| about.no_image(component))
            }
            StackParameter::Code(function) => self.code(sources, about, function).await?,
        };
        Ok(text.map(Found::Text))
    }

    /// A parameter of SSM. Secrets are not read: as a parameter of a stack, or in a file, they would
    /// be shown.
    async fn parameter(
        &self,
        about: &About<'_>,
        name: &str,
    ) -> Result<Result<String, Check>, PhaseError> {
        let sent = self.ssm.get_parameter().name(name).send().await;
        let found = match sent.map_err(|error| AwsError::new("ssm:GetParameter", &error)) {
            Ok(output) => output.parameter,
            Err(error) if error.code.starts_with("ParameterNotFound") => None,
            Err(error) => return Err(error.about(format!("SSM parameter {name}"))),
        };
        let Some(found) = found else {
            return Ok(Err(about.no_parameter(name)));
        };
        if found.r#type() == Some(&ParameterType::SecureString) {
            return Ok(Err(about.secret(name)));
        }
        Ok(Ok(found.value().unwrap_or_default().to_owned()))
    }

    /// The image of a component: the one that is asked for, else the one of the last verified
    /// release, else the one that its service runs.
    async fn image(
        &self,
        sources: Sources<'_>,
        component: &str,
    ) -> Result<Option<String>, PhaseError> {
        let arn = &sources.record.execution.arn;
        let artifact = |artifacts: &Artifacts| {
            let image = artifacts.get(component)?.as_image()?;
            Some(live_image(image, arn))
        };
        let known = artifact(&sources.record.requested).or_else(|| artifact(sources.verified));
        if known.is_some() {
            return Ok(known);
        }
        let Some((service, container)) = component.split_once('/') else {
            return Ok(None);
        };
        let Some(service) = sources.environment.services.get(service) else {
            return Ok(None);
        };
        let (cluster, service) = (&service.cluster, &service.service);
        let live = match self.ecs.find_service(cluster, service).await? {
            ServiceLookup::Found(live) if live.status == "ACTIVE" => live,
            _ => return Ok(None),
        };
        let revision = self.ecs.revision(live.revision()).await?;
        Ok(revision.and_then(|it| image(&it.definition, container).map(str::to_owned)))
    }

    /// The key of a function's live code. Before its first deployment the code that is asked for is
    /// put there, before anything changes.
    async fn code(
        &self,
        sources: Sources<'_>,
        about: &About<'_>,
        function: &str,
    ) -> Result<Result<String, Check>, PhaseError> {
        let key = live_key(sources.deployment, function);
        let seed = seed(function, &sources.record.requested, sources.verified);
        if seed.is_some() || lockstep_s3::has(&self.s3, &self.bucket, &key).await? {
            return Ok(Ok(key));
        }
        Ok(Err(about.no_code(function)))
    }
}

impl Sources<'_> {
    fn output(&self, about: &About<'_>, component: &str, output: &str) -> Result<Found, Check> {
        let Some(Known::Outputs(outputs)) = self.known.get(component) else {
            return Ok(Found::Output {
                component: component.to_owned(),
                output: output.to_owned(),
            });
        };
        let found = outputs.get(output).cloned().map(Found::Text);
        found.ok_or_else(|| {
            let is_stack = self.environment.stacks.contains_key(component);
            about.no_output(is_stack, component, output, outputs)
        })
    }
}
