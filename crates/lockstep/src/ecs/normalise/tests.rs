#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::normalise;

/// What a person writes.
fn written() -> Value {
    json!({
        "family": "web", "cpu": "0.25 vCPU", "memory": "0.5 GB",
        "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
        "executionRoleArn": "arn:aws:iam::1:role/execution",
        "volumes": [{"name": "data", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}],
        "tags": [{"key": "team", "value": "quiz"}],
        "containerDefinitions": [{
            "name": "web", "image": "web@sha256:a",
            "portMappings": [{"containerPort": 8080}],
            "environment": [{"name": "B", "value": ""}, {"name": "A", "value": "1"}],
            "healthCheck": {"command": ["CMD", "/health"]},
            "mountPoints": [{"sourceVolume": "data", "containerPath": "/data"}],
        }],
    })
}

/// What AWS prints after it was registered.
fn described() -> Value {
    json!({
        "taskDefinitionArn": "arn:aws:ecs:eu-west-1:1:task-definition/web:3", "revision": 3, "status": "ACTIVE",
        "registeredAt": 1_700_000_000.123, "registeredBy": "arn:aws:iam::1:root",
        "compatibilities": ["EC2", "FARGATE"], "requiresAttributes": [{"name": "ecs.capability.task-eni"}],
        "family": "web", "cpu": "256", "memory": "512", "taskRoleArn": "", "pidMode": "", "proxyConfiguration": null,
        "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "placementConstraints": [],
        "executionRoleArn": "arn:aws:iam::1:role/execution",
        "runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
        "enableFaultInjection": false,
        "volumes": [{"name": "data", "host": {}, "efsVolumeConfiguration": {"fileSystemId": "fs-1", "rootDirectory": "/"}}],
        "containerDefinitions": [{
            "name": "web", "image": "web@sha256:a", "cpu": 0, "essential": true,
            "portMappings": [{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp"}],
            "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": ""}],
            "healthCheck": {"command": ["CMD", "/health"], "interval": 30, "timeout": 5, "retries": 3},
            "mountPoints": [{"sourceVolume": "data", "containerPath": "/data", "readOnly": false}],
            "volumesFrom": [], "systemControls": [],
        }],
    })
}

#[test]
fn what_aws_prints_means_what_was_sent() {
    assert_eq!(normalise(&described()), normalise(&written()));
}

#[test]
fn every_change_that_means_something_is_seen() {
    let changes: [(&str, Value); 9] = [
        ("/cpu", json!("512")),
        ("/networkMode", json!("host")),
        ("/containerDefinitions/0/image", json!("web@sha256:b")),
        ("/containerDefinitions/0/essential", json!(false)),
        ("/containerDefinitions/0/cpu", json!(10)),
        ("/containerDefinitions/0/environment/0/value", json!("")),
        (
            "/containerDefinitions/0/portMappings/0/protocol",
            json!("udp"),
        ),
        (
            "/containerDefinitions/0/mountPoints/0/readOnly",
            json!(true),
        ),
        ("/runtimePlatform/cpuArchitecture", json!("ARM64")),
    ];
    for (path, value) in changes {
        let mut other = described();
        *other.pointer_mut(path).unwrap() = value;
        assert_ne!(normalise(&other), normalise(&described()), "{path}");
    }
}

#[test]
fn unknown_fields_count() {
    let mut newer = described();
    newer["fieldOfTomorrow"] = json!({"mode": "new"});
    assert_ne!(normalise(&newer), normalise(&described()));
}

#[test]
fn sizes_that_are_none_stay_as_they_are() {
    for odd in ["vCPU", "1.2.3 vCPU", "lots", "99999999999999999999 vCPU"] {
        assert_eq!(normalise(&json!({"cpu": odd})), json!({"cpu": odd}));
    }
    assert_eq!(normalise(&json!({"cpu": 256})), json!({"cpu": "256"}));
}

fn any_json() -> impl Strategy<Value = Value> {
    let text = prop::sample::select(vec![
        "", "tcp", "awsvpc", "FARGATE", "EC2", "enabled", "/", "1 vCPU", "X86_64", "LINUX", "a",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop::sample::select(vec![0, 3, 5, 30, 80]).prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    let key = prop::sample::select(vec![
        "name",
        "value",
        "environment",
        "secrets",
        "portMappings",
        "hostPort",
        "containerPort",
        "protocol",
        "essential",
        "cpu",
        "memory",
        "healthCheck",
        "interval",
        "volumes",
        "efsVolumeConfiguration",
        "rootDirectory",
        "networkMode",
        "requiresCompatibilities",
        "containerDefinitions",
        "runtimePlatform",
        "cpuArchitecture",
        "operatingSystemFamily",
        "dockerLabels",
        "tags",
        "revision",
        "other",
    ]);
    leaf.prop_recursive(5, 64, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..6).prop_map(|fields| fields
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect::<Value>()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_normal_form_is_its_own(definition in any_json()) {
        let once = normalise(&definition);
        prop_assert_eq!(normalise(&once), once);
    }
}
