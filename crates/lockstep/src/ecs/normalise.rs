//! When two task definitions mean the same.
//!
//! What AWS prints is never what was sent: it adds read-only fields, fills in defaults and
//! empty lists, turns `0.5 vCPU` into `512`, and may change the order of variables. Two
//! definitions mean the same when their normal forms are equal.

use serde_json::{Map, Value};

use super::definition::READ_ONLY;
use super::json::text;

/// The normal form: read-only fields, tags, defaults and empty fields dropped, sizes in
/// units, and lists sorted where their order means nothing.
///
/// A normal form is its own normal form.
pub fn normalise(definition: &Value) -> Value {
    let shares_ports = shares_ports(definition);
    let fargate = is_fargate(definition);
    let fields = definition.as_object().cloned().unwrap_or_default();
    let kept = fields
        .into_iter()
        .filter(|(key, _)| !READ_ONLY.contains(&key.as_str()) && key != "tags");
    let normal = kept
        .map(|(key, value)| (top_level(&key, value, shares_ports), key))
        .map(|(value, key)| (key, value));
    let mut normal: Map<_, _> = normal
        .filter(|(key, value)| !is_top_level_default(key, value, fargate))
        .collect();
    drop_default_platform(&mut normal);
    Value::Object(normal)
}

fn top_level(key: &str, value: Value, shares_ports: bool) -> Value {
    match (key, value) {
        ("containerDefinitions", Value::Array(list)) => Value::Array(
            list.into_iter()
                .map(|item| container(item, shares_ports))
                .collect(),
        ),
        ("volumes", Value::Array(list)) => Value::Array(list.into_iter().map(volume).collect()),
        ("cpu", value) => size(value, "vcpu"),
        ("memory", value) => size(value, "gb"),
        ("requiresCompatibilities", value) => sorted(compact(value), Value::to_string),
        (_, value) => compact(value),
    }
}

fn is_top_level_default(key: &str, value: &Value, fargate: bool) -> bool {
    let default = match key {
        "networkMode" => Value::from(if fargate { "awsvpc" } else { "bridge" }),
        "requiresCompatibilities" => serde_json::json!(["EC2"]),
        _ => return is_empty(value),
    };
    is_empty(value) || *value == default
}

/// Without a platform a task is Linux on x86.
fn drop_default_platform(definition: &mut Map<String, Value>) {
    let Some(Value::Object(platform)) = definition.get_mut("runtimePlatform") else {
        return;
    };
    platform.retain(|key, value| {
        !(key == "cpuArchitecture" && value == "X86_64"
            || key == "operatingSystemFamily" && value == "LINUX")
    });
    if platform.is_empty() {
        definition.remove("runtimePlatform");
    }
}

fn container(value: Value, shares_ports: bool) -> Value {
    let Value::Object(fields) = value else {
        return value;
    };
    let normal = fields.into_iter().map(|(key, value)| {
        let value = match key.as_str() {
            "environment" => variables(value),
            "secrets" => sorted(compact(value), |item| text(item, "name").to_owned()),
            "portMappings" => each(value, |item| port(item, shares_ports)),
            "healthCheck" => without(
                compact(value),
                &[("interval", 30), ("timeout", 5), ("retries", 3)],
            ),
            // An empty label says something; so does an option.
            "dockerLabels" => value,
            _ => compact(value),
        };
        (key, value)
    });
    Value::Object(
        normal
            .filter(|(key, value)| !is_container_default(key, value))
            .collect(),
    )
}

fn is_container_default(key: &str, value: &Value) -> bool {
    match key {
        "essential" => *value == true || value.is_null(),
        "cpu" => *value == 0 || value.is_null(),
        "versionConsistency" => value == "enabled" || is_empty(value),
        _ => is_empty(value),
    }
}

/// Variables by name. A variable without a value is one with an empty value.
fn variables(value: Value) -> Value {
    let filled = each(value, |mut item| {
        if let Some(fields) = item.as_object_mut()
            && fields.get("value").is_none_or(Value::is_null)
        {
            fields.insert("value".into(), "".into());
        }
        item
    });
    sorted(filled, |item| text(item, "name").to_owned())
}

fn port(value: Value, shares_ports: bool) -> Value {
    let Value::Object(mut fields) = compact(value) else {
        return Value::Null;
    };
    let host = fields.get("hostPort");
    if host.is_some_and(|host| {
        *host == 0 || (shares_ports && Some(host) == fields.get("containerPort"))
    }) {
        fields.remove("hostPort");
    }
    if fields
        .get("protocol")
        .is_some_and(|protocol| protocol == "tcp")
    {
        fields.remove("protocol");
    }
    Value::Object(fields)
}

fn volume(value: Value) -> Value {
    let mut value = compact(value);
    let efs = value
        .get_mut("efsVolumeConfiguration")
        .and_then(Value::as_object_mut);
    if let Some(efs) = efs
        && efs.get("rootDirectory").is_some_and(|root| root == "/")
    {
        efs.remove("rootDirectory");
    }
    value
}

/// Drops nulls, empty lists and objects, and `false` (AWS's default for every flag but
/// `essential`), inside out, so that what becomes empty is dropped as well.
fn compact(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(key, value)| (key, compact(value)));
            Value::Object(fields.filter(|(_, value)| !is_absent(value)).collect())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(compact).collect()),
        other => other,
    }
}

fn is_absent(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(true) | Value::Number(_) | Value::String(_) => false,
    }
}

fn is_empty(value: &Value) -> bool {
    is_absent(value) || value == ""
}

fn each(value: Value, change: impl Fn(Value) -> Value) -> Value {
    match value {
        Value::Array(list) => Value::Array(list.into_iter().map(change).collect()),
        other => other,
    }
}

fn sorted(value: Value, key: impl Fn(&Value) -> String) -> Value {
    match value {
        Value::Array(mut list) => {
            list.sort_by_cached_key(&key);
            Value::Array(list)
        }
        other => other,
    }
}

fn without(value: Value, defaults: &[(&str, u64)]) -> Value {
    let Value::Object(mut fields) = value else {
        return value;
    };
    fields.retain(|key, value| {
        !defaults
            .iter()
            .any(|(name, default)| key == name && *value == *default)
    });
    Value::Object(fields)
}

/// Task sizes in CPU units and MiB: `0.5 vCPU` is `512`, `2 GB` is `2048`, 256 is `256`.
fn size(value: Value, unit: &str) -> Value {
    match value {
        Value::Number(number) => number.to_string().into(),
        Value::String(text) => {
            let lower = text.to_lowercase();
            let units = lower
                .strip_suffix(unit)
                .and_then(|amount| thousandths(amount.trim()));
            units.map_or(Value::String(text), |units| {
                (units * 1024 / 1000).to_string().into()
            })
        }
        other => other,
    }
}

/// A decimal number in thousandths, without the rounding of floats.
fn thousandths(amount: &str) -> Option<u64> {
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 3 {
        return None;
    }
    format!("{whole}{fraction:0<3}")
        .parse::<u64>()
        .ok()
        .filter(|amount| *amount < 1_000_000_000)
}

/// Host and container port are the same thing where the task has its own network, or the
/// host's.
fn shares_ports(definition: &Value) -> bool {
    match text(definition, "networkMode") {
        "" => is_fargate(definition),
        mode => matches!(mode, "awsvpc" | "host"),
    }
}

fn is_fargate(definition: &Value) -> bool {
    super::json::items(definition, "requiresCompatibilities")
        .iter()
        .any(|item| item == "FARGATE")
}

#[cfg(test)]
mod tests;
