//! The handlers as they are shipped, and the floor they are measured against.

use std::path::PathBuf;
use std::process::Command;

use lockstep_cli::local::emulator::ACCOUNT;
use lockstep_tests::project;
use serde_json::{Value, json};

use crate::{Result, aws_environment};

/// The handlers.
pub const HANDLERS: [&str; 21] = [
    "trigger",
    "release",
    "lock",
    "plan",
    "plan-functions",
    "plan-stacks",
    "infrastructure",
    "infrastructure-build",
    "migrate",
    "image-build",
    "gate",
    "service",
    "function",
    "site",
    "traffic",
    "verify",
    "publish-live",
    "conclude",
    "notify",
    "wake",
    "watchdog",
];
/// The least a function can be.
pub const HELLO: &str = "lockstep-bench-hello";

/// The system's certificates, one file on Debian and its relatives.
pub const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Builds all of them in one command: built one by one, they would share fewer of their dependencies.
pub fn build() -> Result<()> {
    let packages = HANDLERS.iter().chain([&HELLO]);
    let status = Command::new("cargo")
        .args(["build", "--release", "--quiet"])
        .args(packages.flat_map(|package| ["-p", package]))
        .current_dir(project())
        .status()?;
    if !status.success() {
        return Err("`cargo build --release` of the handlers failed".into());
    }
    Ok(())
}

/// The program of a handler, or of [`HELLO`].
pub fn program(name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR");
    target
        .map_or_else(|| project().join("target"), PathBuf::from)
        .join("release")
        .join(name)
}

/// What Lambda puts into a function's environment, for a function whose AWS is at `endpoint`.
pub fn environment(name: &str, runtime_api: &str, endpoint: &str) -> Vec<(&'static str, String)> {
    let machine = format!("arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:lockstep-deploy");
    let topic = format!("arn:aws:sns:us-east-1:{ACCOUNT}:lockstep-notifications");
    let function = format!("lockstep-{name}");
    let mut environment = vec![
        ("AWS_LAMBDA_RUNTIME_API", runtime_api.to_owned()),
        ("AWS_LAMBDA_FUNCTION_NAME", function.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", function),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "stream".to_owned()),
        ("AWS_SESSION_TOKEN", "token".to_owned()),
        ("LOCKSTEP_TABLE", "lockstep-ledger".to_owned()),
        ("LOCKSTEP_STATE_MACHINE_ARN", machine),
        ("LOCKSTEP_TOPIC_ARN", topic),
        (
            "LOCKSTEP_RELEASES_BUCKET",
            format!("lockstep-releases-{ACCOUNT}"),
        ),
        ("LOCKSTEP_LOG", "info".to_owned()),
    ];
    environment.extend(aws_environment(endpoint));
    environment
}

/// An event that makes the handler ask AWS before anything else.
pub fn event(name: &str) -> Value {
    let execution = json!({
        "name": "01JD5Q6Z8G0000000000000000",
        "arn": "arn:aws:states:us-east-1:000000000000:execution:lockstep-deploy:01JD5Q6Z8G0000000000000000",
        "started_at": "2026-11-20T12:00:00Z",
    });
    match name {
        "trigger" => json!({
            "execution": execution,
            "input": { "application": "shop", "environment": "test" },
        }),
        "wake" => json!({ "keys": ["lock/shop/test"] }),
        "watchdog" => json!({ "detail": {
            "executionArn": execution["arn"], "name": execution["name"], "status": "ABORTED",
        }}),
        _ => json!({
            "deployment": { "id": "01JD5Q6Z8G0000000000000000", "application": "shop", "environment": "test" },
            "execution": execution,
            "fence": 1,
            "step": if name == "lock" { Value::Null } else { json!(0) },
            "verb": "do",
            "task_token": "token",
            "target": "after",
            "progress": null,
            "failure": null,
            "undo": [],
            "restored": null,
            "steps": [0],
            "moment": "concluded",
        }),
    }
}
