//! Telling the kinds of execution input apart, and reading their fields strictly.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::ecr_push::EcrPush;
use super::manual::ManualRequest;
use super::recover::{Recover, StoppedStatus};
use super::s3_release::{self, OtherUpload, S3Release};
use crate::manifest::names::nearest;
use crate::{DeploymentId, PhaseError};

/// What an execution was started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TriggerInput {
    /// An image was pushed (or something else happened to an image) in ECR.
    EcrPush(EcrPush),
    /// A release was uploaded to S3.
    S3Release(S3Release),
    /// Something else was uploaded to the releases bucket.
    OtherUpload(OtherUpload),
    /// A person or a pipeline asks for a deployment.
    Manual(ManualRequest),
    /// A deployment whose execution was stopped is to be put back.
    Recover(Recover),
}

impl TriggerInput {
    /// Reads the input of an execution.
    ///
    /// # Errors
    /// Always [`PhaseError::InvalidRequest`], naming the field, what was found and what
    /// was expected. Fields of EventBridge events that we do not know are fine, AWS adds
    /// some every year; in input that people write, an unknown key is an error.
    pub fn parse(input: &Value) -> Result<Self, PhaseError> {
        let object = Fields::of("input", input)?;
        if object.optional_text("source")? == Some("aws.s3") {
            let upload = s3_release::read(&object)?;
            return Ok(upload.map_or_else(Self::OtherUpload, Self::S3Release));
        }
        if object.has("detail-type") || object.has("source") {
            return EcrPush::read(&object).map(Self::EcrPush);
        }
        if object.has("recover") {
            return recover(&object).map(Self::Recover);
        }
        ManualRequest::read(&object).map(Self::Manual)
    }
}

fn recover(input: &Fields<'_>) -> Result<Recover, PhaseError> {
    input.only(&["recover"])?;
    let recover = input.object("recover")?;
    recover.only(&["deployment", "status", "cause"])?;
    let id = recover.text("deployment")?;
    let deployment = DeploymentId::parse(id).ok_or_else(|| {
        recover.invalid(
            "deployment",
            format!("found `{id}`, expected a deployment id (a ULID)"),
        )
    })?;
    let status = recover.text("status")?;
    let names = StoppedStatus::ALL.map(StoppedStatus::as_str).join(", ");
    let status = StoppedStatus::parse(status).ok_or_else(|| {
        recover.invalid(
            "status",
            format!("found `{status}`, expected one of: {names}"),
        )
    })?;
    let cause = recover.optional_text("cause")?.map(str::to_owned);
    Ok(Recover {
        deployment,
        status,
        cause,
    })
}

/// A JSON object and the path it stands at.
pub(super) struct Fields<'a> {
    path: String,
    object: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    fn of(path: &str, value: &'a Value) -> Result<Self, PhaseError> {
        let object = value
            .as_object()
            .ok_or_else(|| PhaseError::InvalidRequest {
                field: path.to_owned(),
                reason: format!("found {}, expected an object", kind(value)),
            })?;
        let path = if path == "input" {
            String::new()
        } else {
            path.to_owned()
        };
        Ok(Self { path, object })
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.object.contains_key(key)
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        self.object.iter()
    }

    /// Refuses every key but these.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), PhaseError> {
        let Some(key) = self
            .object
            .keys()
            .find(|key| !known.contains(&key.as_str()))
        else {
            return Ok(());
        };
        let meant = nearest(key, known.iter().copied()).map(|it| format!("; did you mean `{it}`?"));
        let reason = format!(
            "unknown key, expected one of: {}{}",
            known.join(", "),
            meant.unwrap_or_default()
        );
        Err(self.invalid(key, reason))
    }

    pub(super) fn object(&self, key: &str) -> Result<Self, PhaseError> {
        let value = self
            .object
            .get(key)
            .ok_or_else(|| self.missing(key, "an object"))?;
        Self::of(&self.join(key), value)
    }

    pub(super) fn optional_object(&self, key: &str) -> Result<Option<Self>, PhaseError> {
        self.has(key).then(|| self.object(key)).transpose()
    }

    pub(super) fn text(&self, key: &str) -> Result<&'a str, PhaseError> {
        self.optional_text(key)?
            .ok_or_else(|| self.missing(key, "text"))
    }

    pub(super) fn optional_text(&self, key: &str) -> Result<Option<&'a str>, PhaseError> {
        let read = |value: &'a Value| value.as_str().ok_or_else(|| self.wrong(key, value, "text"));
        self.object.get(key).map(read).transpose()
    }

    pub(super) fn optional_bool(&self, key: &str) -> Result<Option<bool>, PhaseError> {
        let read = |value: &Value| {
            value
                .as_bool()
                .ok_or_else(|| self.wrong(key, value, "true or false"))
        };
        self.object.get(key).map(read).transpose()
    }

    pub(super) fn optional_list(&self, key: &str) -> Result<&'a [Value], PhaseError> {
        let read = |value: &'a Value| {
            let list = value
                .as_array()
                .ok_or_else(|| self.wrong(key, value, "a list"))?;
            Ok(list.as_slice())
        };
        Ok(self
            .object
            .get(key)
            .map(read)
            .transpose()?
            .unwrap_or_default())
    }

    /// A time as EventBridge writes it.
    pub(super) fn time(&self, key: &str) -> Result<Timestamp, PhaseError> {
        let text = self.text(key)?;
        let expected = "a time such as 2026-01-31T12:00:00Z";
        text.parse()
            .map_err(|_| self.invalid(key, format!("found `{text}`, expected {expected}")))
    }

    pub(super) fn wrong(&self, key: &str, value: &Value, expected: &str) -> PhaseError {
        self.invalid(key, format!("found {}, expected {expected}", kind(value)))
    }

    pub(super) fn invalid(&self, key: &str, reason: impl Into<String>) -> PhaseError {
        PhaseError::InvalidRequest {
            field: self.join(key),
            reason: reason.into(),
        }
    }

    fn missing(&self, key: &str, expected: &str) -> PhaseError {
        self.invalid(key, format!("found nothing, expected {expected}"))
    }

    fn join(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => format!("`{value}`"),
        Value::String(_) => "text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
