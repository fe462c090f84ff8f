//! Templates: what a stack has, and what a template in S3 asks for.

use aws_sdk_cloudformation::types::TemplateStage;
use lockstep::PhaseError;
use lockstep_aws::AwsError;

use crate::CloudFormation;
use crate::client::found;
use crate::error::explain;
use crate::read::text;

/// What `GetTemplateSummary` says of a template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateSummary {
    /// The parameters that it declares.
    pub parameters: Vec<TemplateParameter>,
    /// The capabilities that have to be acknowledged.
    pub capabilities: Vec<String>,
    /// Why, in CloudFormation's words.
    pub capabilities_reason: String,
    /// The types of its resources.
    pub resource_types: Vec<String>,
    /// The transforms that it declares, such as `AWS::Serverless-2016-10-31`.
    pub transforms: Vec<String>,
}

/// A parameter that a template declares.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateParameter {
    /// Its name.
    pub name: String,
    /// Its type, such as `String` or `AWS::EC2::VPC::Id`.
    pub parameter_type: String,
    /// What it is where nobody says.
    pub default: Option<String>,
    /// Whether its value is never shown again.
    pub no_echo: bool,
    /// The only values it may have; empty for any.
    pub allowed: Vec<String>,
}

impl CloudFormation {
    /// The template of a stack as it was sent (`Original`: before transforms, with its comments),
    /// `None` when there is no such stack.
    pub async fn template(&self, stack: &str) -> Result<Option<String>, PhaseError> {
        let call = self.client.get_template().stack_name(stack);
        let sent = call.template_stage(TemplateStage::Original).send().await;
        let answer = found("cloudformation:GetTemplate", stack, sent)?;
        Ok(answer.map(|it| text(it.template_body())))
    }

    /// What the template at this address asks for. `resource` is what messages name: the stack.
    pub async fn summary(&self, resource: &str, url: &str) -> Result<TemplateSummary, PhaseError> {
        const OPERATION: &str = "cloudformation:GetTemplateSummary";
        let call = self.client.get_template_summary().template_url(url);
        let answer = call
            .send()
            .await
            .map_err(|error| explain(AwsError::new(OPERATION, &error), resource))?;
        let parameters = answer.parameters().iter().map(|it| TemplateParameter {
            name: text(it.parameter_key()),
            parameter_type: text(it.parameter_type()),
            default: it.default_value().map(str::to_owned),
            no_echo: it.no_echo().unwrap_or_default(),
            allowed: it
                .parameter_constraints()
                .map(|it| it.allowed_values().to_vec())
                .unwrap_or_default(),
        });
        Ok(TemplateSummary {
            parameters: parameters.collect(),
            capabilities: answer
                .capabilities()
                .iter()
                .map(|it| it.as_str().to_owned())
                .collect(),
            capabilities_reason: text(answer.capabilities_reason()),
            resource_types: answer.resource_types().to_vec(),
            transforms: answer.declared_transforms().to_vec(),
        })
    }
}

#[cfg(test)]
mod tests;
