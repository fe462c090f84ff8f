//! The calls: paced, and with every refusal in words.

use std::sync::Arc;

use aws_sdk_ssm::Client;
use aws_sdk_ssm::config::http::HttpResponse;
use aws_sdk_ssm::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ssm::types::{Parameter, ParameterType, ResourceTypeForTagging, Tag};
use lockstep::PhaseError;
use lockstep::live::{FoundParameter, ParameterWrite, owner_tags};
use lockstep::record::DeploymentRef;
use lockstep_aws::{AwsError, Mandate, Pacer};

/// How many looks are made in a second. An account has 40 of `GetParameter` unless it pays for
/// more, and all that run in it read parameters, too.
const LOOKS: u32 = 20;

/// How many parameters are written in a second: an account has 3 of `PutParameter`.
const WRITES: u32 = 3;

/// Handles on the calls. Clones share their budgets.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    client: Client,
    looks: Arc<Pacer>,
    writes: Arc<Pacer>,
}

impl Store {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            looks: Arc::new(Pacer::new(LOOKS)),
            writes: Arc::new(Pacer::new(WRITES)),
        }
    }

    /// What is at a name. One parameter at a time: only so the role can be held to names.
    pub(crate) async fn look(&self, name: &str) -> Result<Option<FoundParameter>, PhaseError> {
        self.looks.turn(None).await;
        let found = match self.client.get_parameter().name(name).send().await {
            Ok(output) => output.parameter,
            Err(error) if is_missing(&error) => None,
            Err(error) => return Err(refused("ssm:GetParameter", name, &error)),
        };
        let Some(found) = found else {
            return Ok(None);
        };
        self.with_tags(name, found).await
    }

    /// The names of everything below a path, with what is there, but for the tags. SSM shows ten
    /// of them at a time.
    pub(crate) async fn below(&self, path: &str) -> Result<Vec<(String, Parameter)>, PhaseError> {
        let mut found = Vec::new();
        let mut next = None;
        loop {
            self.looks.turn(None).await;
            let page = self.client.get_parameters_by_path().path(path);
            let page = page.recursive(true).set_next_token(next).send().await;
            let page = page.map_err(|error| {
                AwsError::new("ssm:GetParametersByPath", &error)
                    .about(format!("parameters of {path}"))
            })?;
            let parameters = page.parameters.unwrap_or_default().into_iter();
            found.extend(parameters.filter_map(|it| Some((it.name.clone()?, it))));
            next = page.next_token;
            if next.is_none() {
                return Ok(found);
            }
        }
    }

    /// A parameter together with its tags; `None` where it is gone by now.
    pub(crate) async fn with_tags(
        &self,
        name: &str,
        found: Parameter,
    ) -> Result<Option<FoundParameter>, PhaseError> {
        self.looks.turn(None).await;
        let tags = self.client.list_tags_for_resource().resource_id(name);
        let tags = tags.resource_type(ResourceTypeForTagging::Parameter);
        let tags = match tags.send().await {
            Ok(output) => output.tag_list.unwrap_or_default(),
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(refused("ssm:ListTagsForResource", name, &error)),
        };
        let kind = found.r#type.as_ref().map(ParameterType::as_str);
        Ok(Some(FoundParameter {
            kind: kind.unwrap_or_default().to_owned(),
            value: found.value.unwrap_or_default(),
            tags: tags.into_iter().map(|tag| (tag.key, tag.value)).collect(),
        }))
    }

    /// Writes a parameter, if that may still be done.
    pub(crate) async fn write(
        &self,
        owner: &DeploymentRef,
        name: &str,
        write: ParameterWrite<'_>,
        mandate: &Mandate,
    ) -> Result<(), PhaseError> {
        self.writes.turn(None).await;
        mandate.holds().await?;
        match write {
            ParameterWrite::Nothing => Ok(()),
            ParameterWrite::Create(value) => self.create(owner, name, value).await,
            ParameterWrite::Overwrite(value) => self.overwrite(name, value).await,
            ParameterWrite::Delete => self.delete(name).await,
        }
    }

    /// With its tags in the same call, which SSM only takes where it overwrites nothing.
    async fn create(
        &self,
        owner: &DeploymentRef,
        name: &str,
        value: &str,
    ) -> Result<(), PhaseError> {
        let mut put = self.client.put_parameter().name(name).value(value);
        for (key, value) in owner_tags(owner) {
            let tag = Tag::builder().key(key).value(value).build();
            put = put.tags(tag.map_err(|error| PhaseError::Rejected {
                resource: format!("parameter {name}"),
                reason: format!("its tags cannot be written: {error}"),
            })?);
        }
        let sent = put.r#type(ParameterType::String).send().await;
        match sent {
            Ok(_) => Ok(()),
            // Somebody was quicker, or it was deleted less than 30 s ago: to be looked at again.
            Err(error) if error.code() == Some("ParameterAlreadyExists") => {
                Err(PhaseError::Transient {
                    operation: "ssm:PutParameter".into(),
                    source_text: format!("parameter {name} exists by now"),
                })
            }
            Err(error) => Err(refused("ssm:PutParameter", name, &error)),
        }
    }

    async fn overwrite(&self, name: &str, value: &str) -> Result<(), PhaseError> {
        let put = self.client.put_parameter().name(name).value(value);
        let put = put.r#type(ParameterType::String).overwrite(true);
        let sent = put.send().await;
        sent.map(drop)
            .map_err(|error| refused("ssm:PutParameter", name, &error))
    }

    async fn delete(&self, name: &str) -> Result<(), PhaseError> {
        match self.client.delete_parameter().name(name).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_missing(&error) => Ok(()),
            Err(error) => Err(refused("ssm:DeleteParameter", name, &error)),
        }
    }
}

fn is_missing<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    matches!(
        error.code(),
        Some("ParameterNotFound" | "InvalidResourceId")
    )
}

/// The error of a failed call. `TooManyUpdates` means that somebody else writes the parameter at
/// this moment.
fn refused<E>(operation: &'static str, name: &str, error: &SdkError<E, HttpResponse>) -> PhaseError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    AwsError::new(operation, error).about(format!("parameter {name}"))
}
