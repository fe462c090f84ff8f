//! One local engine with the controller deployed to it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use lockstep_cli::local::emulator::ACCOUNT;
use lockstep_cli::local::{
    Containers, LocalEngine, LocalError, Options, Progress, Report, sam, sdk, state,
};

use crate::health::Health;
use crate::inbox::Inbox;
use crate::web::Web;
use crate::{Clients, Message, eventually};

/// A local engine with the real template deployed to it, and what the tests need around it.
pub struct World {
    engine: LocalEngine,
    clients: Clients,
    health: Arc<Health>,
    inbox: Arc<Inbox>,
    web: Web,
    /// The inputs of executions, which never change: one look goes through all of them.
    pub(crate) inputs: Mutex<HashMap<String, String>>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World")
            .field("endpoint", &self.endpoint())
            .finish_non_exhaustive()
    }
}

/// The folder of the project.
pub fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ is in the project")
        .to_path_buf()
}

impl World {
    /// Starts an engine and deploys the controller to it. `None`, with a line that says why, where Python is missing
    /// or its packages cannot be downloaded: the rest of the tests needs neither.
    pub async fn start(name: &str) -> Option<Self> {
        Self::start_with(name, Containers::Off).await
    }

    /// [`Self::start`], with or without a container engine behind ECS.
    pub async fn start_with(name: &str, containers: Containers) -> Option<Self> {
        Self::start_as(name, containers, &[]).await
    }

    /// [`Self::start_with`], with these values for the template's parameters.
    pub async fn start_as(
        name: &str,
        containers: Containers,
        parameters: &[(&str, &str)],
    ) -> Option<Self> {
        let change = |options| Options {
            containers,
            ..options
        };
        Self::launch(name, change, parameters).await
    }

    /// [`Self::start`], with all waits and pauses of the state machine cut to a tenth, and a call that changes
    /// Lambda functions made again after seconds when the one before was killed.
    pub async fn hurried(name: &str) -> Option<Self> {
        let change = |options| Options {
            containers: Containers::Off,
            wait_scale: 0.1,
            ..options
        };
        let soon = [("FunctionTimeout", "6"), ("FunctionSeconds", "7")];
        Self::launch(name, change, &soon).await
    }

    async fn launch(
        name: &str,
        change: impl FnOnce(Options) -> Options,
        parameters: &[(&str, &str)],
    ) -> Option<Self> {
        let begun = Instant::now();
        let root = project();
        remove_dead_engines(&root, name);
        let unique = format!("{name}-{}", std::process::id());
        let options = change(Options::for_test(&root, &unique));
        let mut engine = match LocalEngine::start(options, report(name)).await {
            Ok(engine) => engine,
            Err(
                why @ (LocalError::NoPython { .. }
                | LocalError::NoVenvModule { .. }
                | LocalError::NoNetwork { .. }
                | LocalError::NotLinux(_)),
            ) => {
                println!("skipped: {name}: {why}");
                return None;
            }
            Err(error) => panic!("the local engine did not start: {error}"),
        };
        engine
            .deploy_controller(&root, parameters)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        let world = Self::around(engine).await;
        eprintln!(
            "{name}: the local engine is ready after {:.0} s",
            begun.elapsed().as_secs_f64()
        );
        Some(world)
    }

    async fn around(engine: LocalEngine) -> Self {
        let direct = format!("http://127.0.0.1:{}", engine.state().emulator_port);
        let clients = Clients::new(&sdk::config(&direct), &format!("{}-ledger", sam::STACK));
        let health = Arc::new(Health::new(clients.clone()));
        let inbox = Arc::new(Inbox::new(clients.clone()));
        let web = Web::start(Arc::clone(&health), Arc::clone(&inbox)).await;
        let world = Self {
            engine,
            clients,
            health,
            inbox,
            web,
            inputs: Mutex::default(),
        };
        world.create_task_role().await;
        world.subscribe().await;
        world
    }

    /// The engine.
    pub fn engine(&self) -> &LocalEngine {
        &self.engine
    }

    /// Clients that bypass the gateway.
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    /// The gateway's endpoint.
    pub fn endpoint(&self) -> String {
        self.engine.endpoint()
    }

    /// The URL that says whether an application is healthy.
    pub fn health_url(&self, application: &str) -> String {
        self.web.health(application)
    }

    /// The messages about one deployment (or execution without one) so far.
    pub fn messages(&self, thread: &str) -> Vec<Message> {
        self.inbox
            .messages()
            .into_iter()
            .filter(|message| message.thread == thread)
            .collect()
    }

    /// The controller's state machine.
    pub fn state_machine(&self) -> String {
        let region = lockstep_cli::local::emulator::REGION;
        format!(
            "arn:aws:states:{region}:{ACCOUNT}:stateMachine:{}-deploy",
            sam::STACK
        )
    }

    /// The last calls of the functions, for messages.
    pub(crate) fn last_calls(&self) -> String {
        let calls = self.engine.gateway().calls();
        let calls = calls
            .iter()
            .filter(|call| call.name.caller.starts_with("lockstep-"))
            .rev()
            .take(20);
        let line = |call: &lockstep_cli::local::gateway::Call| {
            let answer: String = call.response.chars().take(1000).collect();
            format!(
                "{} {} {} {:?}\n  {answer}",
                call.at, call.name.caller, call.name.operation, call.status
            )
        };
        calls.map(line).collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn health(&self) -> &Health {
        &self.health
    }

    /// The role of every task, and of every function that tests make.
    pub fn task_role() -> String {
        format!("arn:aws:iam::{ACCOUNT}:role/{TASK_ROLE}")
    }

    async fn create_task_role(&self) {
        let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["ecs-tasks.amazonaws.com","lambda.amazonaws.com"]},"Action":"sts:AssumeRole"}]}"#;
        let create = self
            .clients
            .iam
            .create_role()
            .role_name(TASK_ROLE)
            .assume_role_policy_document(trust);
        create.send().await.expect("the task role can be created");
    }

    async fn subscribe(&self) {
        let topics = self.clients.sns.list_topics().send().await.unwrap();
        let topics = topics.topics().iter().filter_map(|topic| topic.topic_arn());
        let topic = topics
            .into_iter()
            .find(|arn| arn.ends_with("-notifications"))
            .unwrap()
            .to_owned();
        let subscribe = self
            .clients
            .sns
            .subscribe()
            .topic_arn(&topic)
            .protocol("http")
            .endpoint(self.web.messages());
        subscribe.send().await.unwrap();
        eventually("the subscription to the topic is confirmed", async || {
            let list = self
                .clients
                .sns
                .list_subscriptions_by_topic()
                .topic_arn(&topic)
                .send()
                .await
                .unwrap();
            let confirmed = |arn: &str| arn.starts_with("arn:");
            list.subscriptions()
                .iter()
                .any(|one| one.subscription_arn().is_some_and(confirmed))
                .then_some(())
        })
        .await;
    }

    /// Ends everything.
    pub async fn stop(self) {
        self.engine.stop().await.unwrap();
    }
}

const TASK_ROLE: &str = "lockstep-tests-task";

fn report(name: &str) -> Report {
    let name = name.to_owned();
    Arc::new(move |progress| match progress {
        Progress::Step(text) | Progress::Notice(text) => eprintln!("{name}: {text}"),
    })
}

/// Folders of engines whose test process is gone.
fn remove_dead_engines(root: &Path, name: &str) {
    let engines = root.join(".lockstep/engines");
    for entry in std::fs::read_dir(engines).into_iter().flatten().flatten() {
        let file = entry.file_name();
        let pid = file
            .to_str()
            .and_then(|file| file.strip_prefix(name)?.strip_prefix('-')?.parse().ok());
        if pid.is_some_and(|pid| state::started(pid).is_none()) {
            drop(std::fs::remove_dir_all(entry.path()));
        }
    }
}

static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();

/// Runs a test on the one runtime of its process: engines outlive the test that started them.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime")
    });
    runtime.block_on(test)
}

static SHARED: tokio::sync::OnceCell<Option<World>> = tokio::sync::OnceCell::const_new();

/// The one world of a test binary, started by whichever test comes first. It ends with the process.
pub async fn shared(name: &str) -> Option<&'static World> {
    shared_as(name, &[]).await
}

/// [`shared`], with these values for the template's parameters.
pub async fn shared_as(name: &str, parameters: &[(&str, &str)]) -> Option<&'static World> {
    let start = || async { Box::pin(World::start_as(name, Containers::Off, parameters)).await };
    let limit = Duration::from_mins(20);
    let world = tokio::time::timeout(limit, SHARED.get_or_init(start)).await;
    world
        .expect("the local engine is ready within 20 minutes")
        .as_ref()
}

/// Looks that must show the same number of calls before everything counts as over.
const QUIET: u32 = 3;

impl World {
    /// Waits until no execution runs and no function calls AWS any more.
    pub async fn idle(&self) {
        let (mut last, mut quiet) = (0, 0);
        eventually("everything is over", async || {
            let running = self.running().await;
            let now = self.engine.gateway().last_call();
            quiet = if running.is_empty() && now == last {
                quiet + 1
            } else {
                0
            };
            last = now;
            (quiet >= QUIET).then_some(())
        })
        .await;
    }

    async fn running(&self) -> Vec<String> {
        running(&self.clients.sfn, &self.state_machine()).await
    }

    /// Stops every execution that runs, and returns how many did: for a moment at which nothing may go on meanwhile,
    /// from any thread.
    pub fn stopper(&self) -> impl Fn() -> usize + Send + Sync + 'static {
        let (direct, machine) = (
            format!("http://127.0.0.1:{}", self.engine.state().emulator_port),
            self.state_machine(),
        );
        move || {
            let (direct, machine) = (direct.clone(), machine.clone());
            // A runtime of its own: that of the caller may be waiting for us on every thread.
            let stop = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .expect("a runtime");
                runtime.block_on(async {
                    let sfn = aws_sdk_sfn::Client::new(&sdk::config(&direct));
                    let running = running(&sfn, &machine).await;
                    for arn in &running {
                        sfn.stop_execution()
                            .execution_arn(arn)
                            .cause("stopped by a test")
                            .send()
                            .await
                            .unwrap();
                    }
                    running.len()
                })
            });
            stop.join().expect("the executions can be stopped")
        }
    }
}

async fn running(sfn: &aws_sdk_sfn::Client, machine: &str) -> Vec<String> {
    let list = sfn.list_executions().state_machine_arn(machine);
    let list = list
        .status_filter(aws_sdk_sfn::types::ExecutionStatus::Running)
        .send()
        .await
        .unwrap();
    list.executions()
        .iter()
        .map(|execution| execution.execution_arn().to_owned())
        .collect()
}
