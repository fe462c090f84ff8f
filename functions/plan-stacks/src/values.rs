//! The values of parameters that come from elsewhere: outputs of other stacks, SSM, images, code.

use std::collections::BTreeMap;

use aws_sdk_ssm::types::ParameterType;
use lockstep::ecs::image;
use lockstep::live::{live_image, live_key, seed};
use lockstep::manifest::{ResolvedEnvironment, StackParameter};
use lockstep::record::{DeploymentRecord, DeploymentRef};
use lockstep::release::Artifacts;
use lockstep::stack::ParameterValue;
use lockstep::{Check, PhaseError};
use lockstep_aws::AwsError;
use lockstep_ecs::{Ecs, ServiceLookup};

use crate::bucket::Bucket;
use crate::parameters::nearest;

/// Looks up values.
#[derive(Debug)]
pub(crate) struct Values {
    pub(crate) ssm: aws_sdk_ssm::Client,
    pub(crate) ecs: Ecs,
}

/// What is known of a stack that others may depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Known {
    /// It stays as it is, with these outputs.
    Outputs(BTreeMap<String, String>),
    /// It changes, or cannot be changed: its outputs are not known yet.
    NotYet,
}

/// All that values are looked up with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sources<'a> {
    pub(crate) deployment: &'a DeploymentRef,
    pub(crate) record: &'a DeploymentRecord,
    pub(crate) environment: &'a ResolvedEnvironment,
    /// The artifacts of the last verified release.
    pub(crate) verified: &'a Artifacts,
    /// The stacks before this one, by the manifest's name for them.
    pub(crate) known: &'a BTreeMap<String, Known>,
}

impl Values {
    /// The value of one parameter.
    pub(crate) async fn value(
        &self,
        sources: Sources<'_>,
        bucket: &Bucket,
        about: &About<'_>,
        from: &StackParameter,
    ) -> Result<Result<ParameterValue, Check>, PhaseError> {
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
            StackParameter::Code(function) => sources.code(bucket, about, function).await?,
        };
        Ok(text.map(ParameterValue::Text))
    }

    /// A parameter of SSM. Secrets are not read: as a parameter of a stack they would be shown.
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
}

impl Sources<'_> {
    fn output(
        &self,
        about: &About<'_>,
        component: &str,
        output: &str,
    ) -> Result<ParameterValue, Check> {
        let Some(Known::Outputs(outputs)) = self.known.get(component) else {
            let stack = self.environment.stacks.get(component);
            return Ok(ParameterValue::Output {
                component: component.to_owned(),
                stack: stack.map_or_else(String::new, |it| it.stack.clone()),
                output: output.to_owned(),
            });
        };
        let found = outputs.get(output).cloned().map(ParameterValue::Text);
        found.ok_or_else(|| about.no_output(component, output, outputs))
    }

    /// The key of a function's live code. Before its first deployment the code that is asked for is
    /// put there, before any stack changes.
    async fn code(
        &self,
        bucket: &Bucket,
        about: &About<'_>,
        function: &str,
    ) -> Result<Result<String, Check>, PhaseError> {
        let key = live_key(self.deployment, function);
        let seed = seed(function, &self.record.requested, self.verified);
        if seed.is_some() || bucket.has(&key).await? {
            return Ok(Ok(key));
        }
        Ok(Err(about.no_code(function)))
    }
}

/// What a value is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    /// The stack as messages name it.
    pub(crate) resource: &'a str,
    /// The parameter.
    pub(crate) parameter: &'a str,
}

impl About<'_> {
    fn check(&self, found: String, expected: &str, todo: String) -> Check {
        Check {
            what: format!("parameter {}", self.parameter),
            resource: self.resource.to_owned(),
            found,
            expected: expected.to_owned(),
            todo,
            curable: false,
        }
    }

    fn no_output(
        &self,
        component: &str,
        output: &str,
        outputs: &BTreeMap<String, String>,
    ) -> Check {
        let names: Vec<_> = outputs.keys().map(String::as_str).collect();
        let todo = match nearest(output, &names) {
            Some(nearest) => format!(
                "did you mean {component}.{nearest}? Correct it in lockstep.yaml and apply it"
            ),
            None => format!(
                "add it to the outputs of the template of {component}, or correct it in lockstep.yaml"
            ),
        };
        let found = match names.as_slice() {
            [] => format!("a stack {component} without outputs"),
            names => format!("a stack {component} with the outputs {}", names.join(", ")),
        };
        self.check(found, &format!("its output {output}"), todo)
    }

    fn no_parameter(&self, name: &str) -> Check {
        let todo = format!("create it, or correct `ssm: {name}` in lockstep.yaml and apply it");
        self.check(format!("no SSM parameter {name}"), "its value", todo)
    }

    fn secret(&self, name: &str) -> Check {
        self.check(
            format!("the SSM parameter {name} of the type SecureString"),
            "a String or a StringList: the parameters of a stack are shown to everybody who may look at it",
            format!("leave it out of lockstep.yaml, and write {{{{resolve:ssm-secure:{name}}}}} in the template where the value is used"),
        )
    }

    fn no_image(&self, component: &str) -> Check {
        self.check(
            format!("no image of {component}: none is asked for, none was deployed, and none runs"),
            "an image",
            format!("push one and deploy it (lockstep deploy ENVIRONMENT --image {component}=TAG), or name a `fallback` for the time until then"),
        )
    }

    fn no_code(&self, function: &str) -> Check {
        self.check(
            format!("no code of {function}: none is live, and none is asked for"),
            "a zip file",
            "upload a release with it; the first deployment of a function that a stack creates has to bring its code".to_owned(),
        )
    }
}
