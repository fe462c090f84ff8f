//! The handle, and what changes something.

use std::collections::BTreeMap;

use aws_sdk_cloudwatchlogs::Client as Logs;
use aws_sdk_codebuild::Client;
use aws_sdk_codebuild::types::{EnvironmentVariable, EnvironmentVariableType, SourceType};
use aws_types::SdkConfig;
use lockstep::PhaseError;
use lockstep_aws::AwsError;

use crate::error::{explain, is_full, is_gone};
use crate::{Build, IDENTITY};

/// A handle on CodeBuild and the logs of builds. Cheap to clone.
#[derive(Debug, Clone)]
pub struct CodeBuild {
    pub(crate) client: Client,
    pub(crate) logs: Logs,
}

/// What a build is asked to do. Whatever is not named here is as the project says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildRequest {
    /// The project's name.
    pub project: String,
    /// Who the build is.
    pub identity: String,
    /// By what CodeBuild tells that a call is one that it took already, for five minutes: at
    /// most 64 characters of ASCII.
    pub token: String,
    /// The source in place of the project's own.
    pub source: Option<Source>,
    /// What of the project's own source is built in place of what the project says: a commit, a
    /// branch, a tag, or the version of an object.
    pub source_version: Option<String>,
    /// Environment variables of the build, added to the project's own.
    pub variables: BTreeMap<String, String>,
    /// How long it may run, and wait for a machine before that. CodeBuild takes 5 minutes at least
    /// and 36 hours at most, and lets it wait for 8 hours at most.
    pub timeout_minutes: Option<u32>,
}

/// A zip file in S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The bucket.
    pub bucket: String,
    /// The object's key.
    pub key: String,
}

/// What came of asking for a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Started {
    /// There is one now, or was already.
    Build(Box<Build>),
    /// CodeBuild takes no more builds at the moment. In its words.
    NoRoom(String),
}

/// The bounds of a build's time in minutes.
const TIMEOUT_MINUTES: (u32, u32) = (5, 36 * 60);
/// The longest time in minutes that a build may wait for a machine; the shortest is the same.
const QUEUED_MINUTES: u32 = 8 * 60;

impl CodeBuild {
    /// A handle that calls through clients of `config`.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
            logs: Logs::new(config),
        }
    }

    /// Starts a build. A second call with the same token answers the first one's build, for
    /// five minutes; look for the build before ([`Self::find`]).
    pub async fn start(&self, request: &BuildRequest) -> Result<Started, PhaseError> {
        const OPERATION: &str = "codebuild:StartBuild";
        let identity = (IDENTITY.to_owned(), request.identity.clone());
        let variables = request.variables.clone().into_iter().chain([identity]);
        let variables = variables.map(variable).collect::<Result<_, _>>()?;
        let mut call = self.client.start_build();
        if let Some(source) = &request.source {
            call = call
                .source_type_override(SourceType::S3)
                .source_location_override(format!("{}/{}", source.bucket, source.key));
        }
        let (least, most) = TIMEOUT_MINUTES;
        let minutes = request.timeout_minutes.map(|it| it.clamp(least, most));
        let number = |minutes| i32::try_from(minutes).ok();
        let sent = call
            .project_name(&request.project)
            .idempotency_token(&request.token)
            .set_environment_variables_override(Some(variables))
            .set_source_version(request.source_version.clone())
            .set_timeout_in_minutes_override(minutes.and_then(number))
            .set_queued_timeout_in_minutes_override(
                minutes.map(|it| it.min(QUEUED_MINUTES)).and_then(number),
            )
            .send()
            .await;
        match sent.map_err(|error| AwsError::new(OPERATION, &error)) {
            Ok(answer) => answer
                .build_value()
                .map(|build| Started::Build(Box::new(Build::read(build))))
                .ok_or_else(|| empty(OPERATION)),
            Err(error) if is_full(&error) => Ok(Started::NoRoom(error.message)),
            Err(error) => Err(explain(error, &request.project)),
        }
    }

    /// Stops a build. One that ended meanwhile stays as it is.
    pub async fn stop(&self, build: &Build) -> Result<(), PhaseError> {
        let sent = self.client.stop_build().id(&build.id).send().await;
        match sent.map_err(|error| AwsError::new("codebuild:StopBuild", &error)) {
            Ok(_) => Ok(()),
            Err(error) if is_gone(&error) => {
                tracing::info!(build = build.id, code = error.code, "{}", error.message);
                Ok(())
            }
            Err(error) => Err(explain(error, &build.project)),
        }
    }
}

fn variable((name, value): (String, String)) -> Result<EnvironmentVariable, PhaseError> {
    let built = EnvironmentVariable::builder()
        .name(name)
        .value(value)
        .r#type(EnvironmentVariableType::Plaintext)
        .build();
    built.map_err(|error| PhaseError::InvalidRequest {
        field: "variables".to_owned(),
        reason: error.to_string(),
    })
}

/// An answer without what it is about.
fn empty(operation: &str) -> PhaseError {
    PhaseError::Transient {
        operation: operation.to_owned(),
        source_text: "the answer names no build".to_owned(),
    }
}

#[cfg(test)]
mod tests;
