//! The local engine as one thing: started, used, stopped.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::containers::ContainerEngine;
use super::emulator::{self, EmulatorOptions};
use super::error::{IoContext, LocalError};
use super::gateway::Gateway;
use super::layout::Layout;
use super::process::Supervised;
use super::state::{EngineState, started};
use super::{ports, venv};

/// Whether ECS tasks are real containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Containers {
    /// If Docker or Podman is there.
    Auto,
    /// Never: tasks are RUNNING at once and no image is pulled.
    Off,
}

/// How an engine is to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The `.lockstep` folder of the project.
    pub home: PathBuf,
    /// Engines with different names run side by side; `None` is the one that the commands find.
    pub name: Option<String>,
    /// Port of the gateway: the endpoint of all AWS calls. 0 takes any free one.
    pub gateway_port: u16,
    /// Port of the emulator behind it. 0 takes any free one.
    pub emulator_port: u16,
    /// Whether ECS tasks are real containers.
    pub containers: Containers,
    /// Whether the emulator verifies signatures and enforces IAM policies.
    pub auth: bool,
    /// How long the state machine's waits and the pauses before its retries take: 1 is as on AWS.
    pub wait_scale: f32,
}

impl Options {
    /// The engine of the project in `root`, on its usual ports.
    pub fn new(root: &std::path::Path) -> Self {
        Self {
            home: root.join(".lockstep"),
            name: None,
            gateway_port: 4565,
            emulator_port: 4566,
            containers: Containers::Auto,
            auth: true,
            wait_scale: 1.0,
        }
    }

    /// An engine for a test: its own folder, any free ports.
    pub fn for_test(root: &std::path::Path, name: &str) -> Self {
        Self {
            name: Some(name.to_owned()),
            gateway_port: 0,
            emulator_port: 0,
            ..Self::new(root)
        }
    }
}

/// What is happening, for whoever shows it to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A step that takes a while has begun.
    Step(String),
    /// Something to know, with nothing to do about it.
    Notice(String),
}

/// Receives the progress.
pub type Report = Arc<dyn Fn(Progress) + Send + Sync>;

/// A running engine. Dropping it stops everything it started.
pub struct LocalEngine {
    layout: Layout,
    gateway: Gateway,
    containers: Option<ContainerEngine>,
    state: EngineState,
    running: Supervised,
    report: Report,
}

impl LocalEngine {
    /// Starts the emulator and the gateway, making the Python environment first if need be.
    pub async fn start(options: Options, report: Report) -> Result<Self, LocalError> {
        if !cfg!(target_os = "linux") {
            return Err(LocalError::NotLinux(std::env::consts::OS));
        }
        let layout = Layout::new(
            &std::path::absolute(&options.home).doing(|| "finding the project".to_owned())?,
            options.name.as_deref(),
        );
        refuse_second_engine(&layout)?;
        super::process::wait_for_leftovers(&layout, emulator::PROCESSES).await;
        layout.create()?;
        let listener = ports::bind(options.gateway_port, "gateway", "--gateway-port")?;
        let emulator_port = ports::reserve(options.emulator_port, "emulator", "--emulator-port")?;
        venv::ensure(&layout, || {
            report(Progress::Step(
                "Installing the AWS emulator and the SAM CLI".into(),
            ));
        })
        .await?;
        let containers = detect_containers(&layout, options.containers, &report);

        report(Progress::Step("Starting the AWS emulator".into()));
        let token = ulid::Ulid::generate().to_string();
        let upstream = SocketAddr::from(([127, 0, 0, 1], emulator_port));
        let gateway = Gateway::start(listener, upstream, &token)
            .doing(|| "starting the gateway".to_owned())?;
        let endpoint = gateway.url();
        let settings = EmulatorOptions {
            port: emulator_port,
            endpoint: &endpoint,
            token: &token,
            auth: options.auth,
            wait_scale: options.wait_scale,
            containers: containers.as_ref(),
        };
        let running = emulator::start(&layout, &settings).await?;
        let state = describe(
            &layout,
            &gateway,
            emulator_port,
            containers.as_ref(),
            options.auth,
        );
        state.write(&layout)?;
        Ok(Self {
            layout,
            gateway,
            containers,
            state,
            running,
            report,
        })
    }

    /// The endpoint for AWS calls: the gateway.
    pub fn endpoint(&self) -> String {
        self.gateway.url()
    }

    /// The gateway: calls, events, faults.
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// The container engine behind ECS, if there is one.
    pub fn containers(&self) -> Option<&ContainerEngine> {
        self.containers.as_ref()
    }

    /// Where its files are.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Ports, processes and log files.
    pub fn state(&self) -> &EngineState {
        &self.state
    }

    /// Makes it known to other commands that the controller is there.
    pub(super) fn mark_deployed(&mut self) -> Result<(), LocalError> {
        self.state.deployed = true;
        self.state.write(&self.layout)
    }

    /// Who receives the progress.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// A configuration for SDK clients that call this engine.
    pub fn sdk_config(&self) -> aws_types::SdkConfig {
        super::sdk::config(&self.endpoint())
    }

    /// Why the engine is no longer running, if it ended by itself.
    pub fn ended(&mut self) -> Option<LocalError> {
        let status = self.running.ended()?;
        let log = self.layout.logs().join("emulator.log");
        let detail = format!(
            "it ended by itself ({status}):\n{}",
            super::process::tail(&log, 15)
        );
        Some(LocalError::Emulator { detail, log })
    }

    /// Stops everything and waits until nothing is left.
    pub async fn stop(self) -> Result<(), LocalError> {
        let stopped = tokio::task::spawn_blocking(move || drop(self)).await;
        stopped
            .map_err(std::io::Error::other)
            .doing(|| "stopping the local engine".to_owned())
    }
}

fn refuse_second_engine(layout: &Layout) -> Result<(), LocalError> {
    match EngineState::read(layout)? {
        Some(state) => Err(LocalError::AlreadyRunning {
            pid: state.pid,
            gateway: state.endpoint(),
        }),
        None => Ok(()),
    }
}

fn detect_containers(
    layout: &Layout,
    wanted: Containers,
    report: &Report,
) -> Option<ContainerEngine> {
    if wanted == Containers::Off {
        return None;
    }
    match ContainerEngine::detect(layout) {
        Ok(engine) => Some(engine),
        Err(why) => {
            let notice = format!(
                "{why}. Until then everything runs but the containers: ECS tasks count as running, nothing serves HTTP"
            );
            report(Progress::Notice(notice));
            None
        }
    }
}

fn describe(
    layout: &Layout,
    gateway: &Gateway,
    emulator_port: u16,
    containers: Option<&ContainerEngine>,
    auth: bool,
) -> EngineState {
    let pid = std::process::id();
    EngineState {
        pid,
        pid_started: started(pid).unwrap_or_default(),
        gateway_port: gateway.port(),
        emulator_port,
        since: Timestamp::now(),
        containers: containers.map(|engine| engine.name().to_owned()),
        auth,
        deployed: false,
        logs: layout.logs(),
    }
}
