//! Lambda functions of one test case, with the manifest that deploys them.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{Environment, FunctionCode, Runtime, State};
use lockstep_cli::release::Artifact;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::{ENVIRONMENT, World, build};

/// The alias that serves.
pub const ALIAS: &str = "live";

/// The label of the code that every function has in the beginning.
pub const FIRST: &str = "v1";

/// A variable that every function has from the beginning and that no manifest names.
pub const OLD_VARIABLE: (&str, &str) = ("FLEET_KEPT", "from before");

/// What the functions of a fleet are like.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// How many there are.
    pub functions: usize,
    /// Whether they serve through [`ALIAS`], or themselves.
    pub aliased: bool,
    /// Whether every second one is a `bootstrap` of its own for `provided.al2023` instead of a Python handler.
    pub custom: bool,
}

impl Shape {
    /// This many Python functions that serve through an alias.
    pub const fn aliased(functions: usize) -> Self {
        Self {
            functions,
            aliased: true,
            custom: false,
        }
    }

    /// This many Python functions without an alias.
    pub const fn direct(functions: usize) -> Self {
        Self {
            functions,
            aliased: false,
            custom: false,
        }
    }
}

/// An application of Lambda functions that answer the label of their code.
#[derive(Debug, Clone)]
pub struct Fleet<'w> {
    pub(crate) world: &'w World,
    /// The application's name; its functions are called `<name>-01` and so on.
    pub name: String,
    /// The functions' names.
    pub functions: Vec<String>,
    /// What they are like.
    pub shape: Shape,
    /// What a build would leave behind: a folder or a zip file for each function.
    pub(crate) build: Arc<TempDir>,
}

impl World {
    /// Creates a fleet that answers [`FIRST`], with nothing deployed by the controller yet.
    pub async fn fleet(&self, name: &str, shape: Shape) -> Fleet<'_> {
        let fleet = self.fleet_of_others(name, shape).await;
        fleet.create().await;
        fleet
    }

    /// A fleet whose functions somebody else creates, with nothing deployed by the controller yet.
    pub async fn fleet_of_others(&self, name: &str, shape: Shape) -> Fleet<'_> {
        let functions = (1..=shape.functions).map(|number| format!("{name}-{number:02}"));
        let fleet = Fleet {
            world: self,
            name: name.to_owned(),
            functions: functions.collect(),
            shape,
            build: Arc::new(tempfile::tempdir().unwrap()),
        };
        for function in &fleet.functions {
            fleet.build(function, FIRST);
        }
        let qualifier = shape.aliased.then_some(ALIAS);
        let first = &fleet.functions[0];
        self.health().watch_function(name, first, qualifier);
        fleet.apply(&fleet.manifest("")).await;
        fleet
    }
}

impl Fleet<'_> {
    /// A manifest with all functions as one group, a quick health check, and no settle time. `settings` is what
    /// stands below `configuration`, in YAML's short form: `memory_mb: 256`.
    pub fn manifest(&self, settings: &str) -> String {
        let name = &self.name;
        let alias = if self.shape.aliased { ALIAS } else { "" };
        let alias = match alias {
            "" => String::new(),
            alias => format!("    alias: {alias}\n"),
        };
        let health = self.world.health_url(name);
        format!(
            "application: {name}\n\
             functions:\n  fleet:\n    match: \"{name}-[0-9]*\"\n{alias}    configuration: {{ {settings} }}\n\
             environments:\n  {ENVIRONMENT}:\n    trigger: {{ releases: true }}\n    verify:\n      \
             http: [{{ url: \"{health}\", attempts: 2, interval_seconds: 1, timeout_seconds: 5 }}]\n      \
             settle_seconds: 0\n"
        )
    }

    /// Stores a manifest as `lockstep apply` does.
    pub async fn apply(&self, text: &str) -> u64 {
        self.world.apply(&self.name, text).await
    }

    /// The name of the nth function, counting from 1.
    pub fn function(&self, number: usize) -> &str {
        &self.functions[number - 1]
    }

    /// The folder with what a build left behind.
    pub fn folder(&self) -> &str {
        self.build.path().to_str().unwrap()
    }

    /// The key at which a template finds the live code of a function.
    pub fn live_key(&self, function: &str) -> String {
        format!("live/{}/{ENVIRONMENT}/fleet/{function}.zip", self.name)
    }

    /// Whether a function is a `bootstrap` of its own.
    pub(crate) fn is_custom(&self, function: &str) -> bool {
        let number = self.functions.iter().position(|name| name == function);
        self.shape.custom && number.is_some_and(|number| number % 2 == 0)
    }

    /// From now on the fleet is unhealthy while its first function answers this label.
    pub fn spoil(&self, label: &str) {
        self.world.health().spoil(&self.name, label);
    }

    /// Whether the fleet is unhealthy whatever it answers.
    pub fn set_down(&self, down: bool) {
        self.world.health().set_down(&self.name, down);
    }

    async fn create(&self) {
        let artifacts = self.artifacts(FIRST);
        let mut creating = JoinSet::new();
        for (function, artifact) in self.functions.iter().zip(&artifacts) {
            let custom = self.is_custom(function);
            let (function, code) = (function.clone(), zip_file(artifact));
            let lambda = self.world.clients().lambda.clone();
            let shape = Shape {
                custom,
                ..self.shape
            };
            creating.spawn(async move { create(&lambda, &function, code, shape).await });
        }
        creating.join_all().await;
    }

    /// Deletes the functions: each version that was invoked is a process of the emulator.
    pub async fn delete(self) {
        let lambda = &self.world.clients().lambda;
        for function in &self.functions {
            let delete = lambda.delete_function().function_name(function);
            delete.send().await.unwrap();
        }
    }
}

fn zip_file(artifact: &Artifact) -> FunctionCode {
    let bytes = std::fs::read(&artifact.file).unwrap();
    FunctionCode::builder().zip_file(Blob::new(bytes)).build()
}

async fn create(lambda: &aws_sdk_lambda::Client, name: &str, code: FunctionCode, shape: Shape) {
    let runtime = if shape.custom {
        Runtime::Providedal2023
    } else {
        Runtime::Python312
    };
    let (variable, value) = OLD_VARIABLE;
    let create = lambda
        .create_function()
        .function_name(name)
        .runtime(runtime)
        .handler(build::HANDLER)
        .role(World::task_role())
        .memory_size(128)
        .timeout(10)
        .environment(Environment::builder().variables(variable, value).build())
        .code(code);
    create.send().await.unwrap();
    settled(lambda, name).await;
    if shape.aliased {
        let published = lambda.publish_version().function_name(name).send();
        let published = published.await.unwrap();
        let version = published.version().unwrap();
        let alias = lambda.create_alias().function_name(name).name(ALIAS);
        alias.function_version(version).send().await.unwrap();
    }
}

/// Waits until Lambda is no longer at work on a function.
async fn settled(lambda: &aws_sdk_lambda::Client, name: &str) {
    for _ in 0..100 {
        let found = lambda.get_function().function_name(name).send().await;
        let found = found.unwrap().configuration;
        if found.is_some_and(|found| found.state() == Some(&State::Active)) {
            return;
        }
        // Without a pause, so many questions make the emulator slow.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("{name} does not become active");
}
