//! The AWS emulator: how it is started, and when it is ready.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use super::containers::{self, ContainerEngine};
use super::error::LocalError;
use super::layout::Layout;
use super::process::{Plan, Process, Supervised, tail};

const LAUNCHER: &str = include_str!("../../local/emulator.py");
/// Modules of the launcher's, found because they lie beside it.
const MODULES: [(&str, &str); 6] = [
    ("builds.py", include_str!("../../local/builds.py")),
    ("codebuild.py", include_str!("../../local/codebuild.py")),
    ("edge.py", include_str!("../../local/edge.py")),
    ("resources.py", include_str!("../../local/resources.py")),
    ("stacks.py", include_str!("../../local/stacks.py")),
    ("tasks.py", include_str!("../../local/tasks.py")),
];

/// The one region of the local engine.
pub const REGION: &str = "us-east-1";
/// The one account of the local engine.
pub const ACCOUNT: &str = "000000000000";
/// Access key and secret of the account's root user in the emulator.
pub const ROOT_KEY: &str = "test";

/// The name of the plan of all processes of an engine.
pub(super) const PROCESSES: &str = "engine-processes";

/// A cold start took 2 s; a loaded machine gets plenty more.
const READY_LIMIT: Duration = Duration::from_mins(1);

/// How the emulator is to run.
#[derive(Debug, Clone)]
pub struct EmulatorOptions<'a> {
    /// Its own port.
    pub port: u16,
    /// The endpoint that Lambda functions get: the gateway.
    pub endpoint: &'a str,
    /// Proves to the emulator that a call comes from the gateway.
    pub token: &'a str,
    /// Verify signatures and enforce IAM policies.
    pub auth: bool,
    /// How long the state machine's waits and the pauses before its retries take: 1 is as on AWS.
    pub wait_scale: f32,
    /// Runs the ECS tasks.
    pub containers: Option<&'a ContainerEngine>,
}

/// Starts the emulator (and Podman's service, if that is the container engine) and waits until it answers.
pub async fn start(
    layout: &Layout,
    options: &EmulatorOptions<'_>,
) -> Result<Supervised, LocalError> {
    let python = layout.program("python");
    let launcher = layout.engine.join("emulator.py");
    layout.write(&launcher, LAUNCHER.as_bytes())?;
    for (name, text) in MODULES {
        layout.write(&layout.engine.join(name), text.as_bytes())?;
    }
    let plan = plan(layout, &python, &launcher, options)?;
    let mut running = Supervised::start(layout, &python, PROCESSES, &plan)?;
    wait_until_ready(layout, options, &mut running).await?;
    Ok(running)
}

fn plan(
    layout: &Layout,
    python: &Path,
    launcher: &Path,
    options: &EmulatorOptions,
) -> Result<Plan, LocalError> {
    let python_command = |arguments: &[&str]| {
        let mut command = vec![python.display().to_string(), launcher.display().to_string()];
        command.extend(arguments.iter().map(|&argument| argument.to_owned()));
        command
    };
    let mut plan = Plan {
        remove: vec![layout.state(), layout.temporary()],
        ..Plan::default()
    };
    if let Some(engine) = options.containers {
        plan.processes.extend(engine.service(layout, options.port)?);
        plan.cleanup = Some(Process {
            command: python_command(&["clean-up", &format!("{}:", layout.instance())]),
            environment: [
                ("DOCKER_HOST".to_owned(), engine.host()),
                ("GATEWAY_PORT".to_owned(), options.port.to_string()),
            ]
            .into(),
            ..Process::default()
        });
    }
    if let Some(ContainerEngine::Podman { socket, .. }) = options.containers {
        plan.remove.push(socket.clone());
    }
    plan.processes.push(Process {
        command: python_command(&["serve"]),
        environment: environment(layout, options),
        log: Some(layout.logs().join("emulator.log")),
        ..Process::default()
    });
    Ok(plan)
}

fn environment(layout: &Layout, options: &EmulatorOptions) -> BTreeMap<String, String> {
    // A socket that does not exist: without a container engine the emulator must not find one by itself.
    let no_engine = format!(
        "unix://{}",
        layout.engine.join("no-container-engine").display()
    );
    let host = options.containers.map_or(no_engine, ContainerEngine::host);
    let reachable = options
        .containers
        .is_none_or(ContainerEngine::has_reachable_addresses);
    let publish = if reachable { "no" } else { "loopback" };
    let pairs = [
        ("LOCKSTEP_PUBLISH", publish.to_owned()),
        ("GATEWAY_PORT", options.port.to_string()),
        ("BIND_HOST", "127.0.0.1".to_owned()),
        ("AWS_ENDPOINT_URL", options.endpoint.to_owned()),
        ("AWS_ACCESS_KEY_ID", ROOT_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", ROOT_KEY.to_owned()),
        ("AWS_SESSION_TOKEN", String::new()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("MINISTACK_REGION", REGION.to_owned()),
        ("MINISTACK_ACCOUNT_ID", ACCOUNT.to_owned()),
        ("MINISTACK_HOSTNAME", layout.instance()),
        ("AUTH", options.auth.to_string()),
        ("SFN_WAIT_SCALE", options.wait_scale.to_string()),
        ("IOT_MTLS_ENABLED", "0".to_owned()),
        ("SFTP_ENABLED", "0".to_owned()),
        ("LAMBDA_EXECUTOR", "local".to_owned()),
        ("LOCKSTEP_TOKEN", options.token.to_owned()),
        ("TMPDIR", layout.temporary().display().to_string()),
        ("PYTHONUNBUFFERED", "1".to_owned()),
        ("DOCKER_HOST", host),
    ];
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

async fn wait_until_ready(
    layout: &Layout,
    options: &EmulatorOptions<'_>,
    running: &mut Supervised,
) -> Result<(), LocalError> {
    let log = layout.logs().join("emulator.log");
    let limit = Instant::now() + READY_LIMIT;
    let health = format!("tcp://127.0.0.1:{}", options.port);
    while Instant::now() < limit {
        if let Some(status) = running.ended() {
            let detail = format!("it ended ({status}):\n{}", tail(&log, 15));
            return Err(LocalError::Emulator { detail, log });
        }
        let address = health.clone();
        let answered = tokio::task::spawn_blocking(move || {
            containers::asks_ok(&address, "/_ministack/health")
        })
        .await;
        if answered.unwrap_or(false) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let detail = format!(
        "no answer on port {} within {} s",
        options.port,
        READY_LIMIT.as_secs()
    );
    Err(LocalError::Emulator { detail, log })
}
