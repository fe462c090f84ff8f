//! A function's configuration: what of it counts, its hash, and changes of it.
//!
//! Only settings that `UpdateFunctionConfiguration` takes count, and only those that a
//! published version has in common with the function it was published from. The
//! description does not: it tells what a function is for, or where a version came from.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::manifest::FunctionConfiguration;

/// The body of an `UpdateFunctionConfiguration` in the wire shape, without the function's
/// name. It can hold environment values that only Lambda knows: never store or print it.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigurationRequest(Value);

impl ConfigurationRequest {
    /// The body.
    pub const fn as_value(&self) -> &Value {
        &self.0
    }
}

impl fmt::Debug for ConfigurationRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.0.as_object().into_iter().flat_map(Map::keys).collect();
        f.debug_tuple("ConfigurationRequest").field(&keys).finish()
    }
}

/// The hash of a configuration: SHA-256 in hex, salted with the function's name so that
/// equal configurations of two functions do not show as equal.
pub(super) fn hash(function: &str, configuration: &Value) -> String {
    let counted = json!(counted(function, configuration));
    format!("{:x}", Sha256::digest(format!("{function}\n{counted}")))
}

/// What of the settings differs from what is there.
pub(super) fn differing(
    settings: &FunctionConfiguration,
    configuration: &Value,
) -> FunctionConfiguration {
    let differs = |key: &str, value: &Value| configuration.get(key) != Some(value);
    let number = |wanted: Option<u32>, key| wanted.filter(|it| differs(key, &json!(it)));
    let text = |wanted: &Option<String>, key| wanted.clone().filter(|it| differs(key, &json!(it)));
    let there = variables(configuration);
    let wanted = settings.environment.iter();
    let changed = wanted.filter(|(name, value)| there.get(*name) != Some(*value));
    FunctionConfiguration {
        memory_mb: number(settings.memory_mb, "MemorySize"),
        timeout_seconds: number(settings.timeout_seconds, "Timeout"),
        handler: text(&settings.handler, "Handler"),
        runtime: text(&settings.runtime, "Runtime"),
        environment: changed
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    }
}

/// The configuration with the settings laid over it.
pub(super) fn with(configuration: &Value, settings: &FunctionConfiguration) -> Value {
    let mut changed = configuration.clone();
    if let (Value::Object(fields), Value::Object(new)) =
        (&mut changed, body(configuration, settings))
    {
        fields.extend(new);
    }
    changed
}

/// The request that makes the settings. Environment variables are replaced as a whole by
/// AWS, so those that are there go along.
pub(super) fn request(
    configuration: &Value,
    settings: &FunctionConfiguration,
    revision: &str,
) -> ConfigurationRequest {
    guarded(body(configuration, settings), revision)
}

/// The request that takes back what `settings` changed: the values that `before` has.
pub(super) fn restoring(
    before: &Value,
    settings: &FunctionConfiguration,
    revision: &str,
) -> ConfigurationRequest {
    let mut fields = Map::new();
    let changed = [
        ("MemorySize", settings.memory_mb.is_some()),
        ("Timeout", settings.timeout_seconds.is_some()),
        ("Handler", settings.handler.is_some()),
        ("Runtime", settings.runtime.is_some()),
    ];
    for (key, _) in changed.iter().filter(|(_, changed)| *changed) {
        if let Some(value) = before.get(*key) {
            fields.insert((*key).to_owned(), value.clone());
        }
    }
    if !settings.environment.is_empty() {
        fields.insert(
            "Environment".into(),
            json!({"Variables": variables(before)}),
        );
    }
    guarded(Value::Object(fields), revision)
}

/// Whether Lambda can read the environment variables: without the key they are encrypted
/// with, they come as an error, and merging would wipe them.
pub(super) fn environment_is_readable(configuration: &Value) -> bool {
    configuration
        .get("Environment")
        .and_then(|environment| environment.get("Error"))
        .is_none_or(Value::is_null)
}

fn guarded(mut body: Value, revision: &str) -> ConfigurationRequest {
    if let Value::Object(fields) = &mut body {
        fields.insert("RevisionId".into(), revision.into());
    }
    ConfigurationRequest(body)
}

fn body(configuration: &Value, settings: &FunctionConfiguration) -> Value {
    let mut fields = Map::new();
    let numbers = [
        ("MemorySize", settings.memory_mb),
        ("Timeout", settings.timeout_seconds),
    ];
    for (key, value) in numbers {
        drop(value.map(|value| fields.insert(key.to_owned(), value.into())));
    }
    let texts = [
        ("Handler", &settings.handler),
        ("Runtime", &settings.runtime),
    ];
    for (key, value) in texts {
        drop(
            value
                .as_ref()
                .map(|value| fields.insert(key.to_owned(), value.clone().into())),
        );
    }
    if !settings.environment.is_empty() {
        let mut variables = variables(configuration);
        variables.extend(settings.environment.clone());
        fields.insert("Environment".into(), json!({"Variables": variables}));
    }
    Value::Object(fields)
}

fn variables(configuration: &Value) -> BTreeMap<String, String> {
    let variables = configuration.pointer("/Environment/Variables");
    let variables = variables.and_then(Value::as_object).into_iter().flatten();
    variables
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// The settings that count, without AWS's defaults: a version may leave out what the
/// function itself shows, or the other way round.
fn counted(function: &str, configuration: &Value) -> BTreeMap<&'static str, Value> {
    let field = |path: &str| {
        configuration
            .pointer(path)
            .map(sorted)
            .filter(|it| !is_empty(it))
    };
    let unless = |path: &str, default: Value| field(path).filter(|it| *it != default);
    let set = |path: &str| field(path).map(as_set);
    let log_group = format!("/aws/lambda/{function}");
    let fields = [
        ("Role", field("/Role")),
        ("Handler", field("/Handler")),
        ("Runtime", field("/Runtime")),
        ("Timeout", field("/Timeout")),
        ("MemorySize", field("/MemorySize")),
        ("KMSKeyArn", field("/KMSKeyArn")),
        ("Variables", field("/Environment/Variables")),
        ("VariablesError", field("/Environment/Error/ErrorCode")),
        ("SubnetIds", set("/VpcConfig/SubnetIds")),
        ("SecurityGroupIds", set("/VpcConfig/SecurityGroupIds")),
        (
            "Ipv6",
            unless("/VpcConfig/Ipv6AllowedForDualStack", false.into()),
        ),
        ("DeadLetter", field("/DeadLetterConfig/TargetArn")),
        (
            "Tracing",
            unless("/TracingConfig/Mode", "PassThrough".into()),
        ),
        ("Layers", layers(configuration)),
        ("FileSystemConfigs", field("/FileSystemConfigs")),
        ("ImageConfig", field("/ImageConfigResponse/ImageConfig")),
        (
            "EphemeralStorage",
            unless("/EphemeralStorage/Size", 512.into()),
        ),
        ("SnapStart", unless("/SnapStart/ApplyOn", "None".into())),
        (
            "LogFormat",
            unless("/LoggingConfig/LogFormat", "Text".into()),
        ),
        (
            "ApplicationLogLevel",
            field("/LoggingConfig/ApplicationLogLevel"),
        ),
        ("SystemLogLevel", field("/LoggingConfig/SystemLogLevel")),
        (
            "LogGroup",
            unless("/LoggingConfig/LogGroup", log_group.into()),
        ),
        ("CapacityProvider", field("/CapacityProviderConfig")),
        ("Durable", field("/DurableConfig")),
    ];
    let given = |(name, value): (&'static str, Option<Value>)| Some((name, value?));
    fields.into_iter().filter_map(given).collect()
}

/// The layers by ARN, in their order: later ones win. Sizes come and go.
fn layers(configuration: &Value) -> Option<Value> {
    let layers = configuration.get("Layers")?.as_array()?;
    let arns: Vec<_> = layers
        .iter()
        .filter_map(|layer| layer.get("Arn"))
        .cloned()
        .collect();
    (!arns.is_empty()).then_some(Value::Array(arns))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The same value with the keys of every object in order, and nothing empty in objects.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Object(fields) => {
            let fields: BTreeMap<_, _> = fields
                .iter()
                .map(|(key, value)| (key.clone(), sorted(value)))
                .collect();
            fields
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .collect()
        }
        plain => plain.clone(),
    }
}

fn as_set(value: Value) -> Value {
    let Value::Array(mut items) = value else {
        return value;
    };
    items.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    Value::Array(items)
}

#[cfg(test)]
mod tests;
