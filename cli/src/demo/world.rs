//! What the demo deploys to: the example's AWS resources on the local engine.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::example::Example;
use super::http;
use super::images::{self, Version};
use super::releases::FIRST;
use super::service::Service;
use super::stage::Stage;
use super::stand_in::StandIn;
use crate::aws::Controller;
use crate::error::CliError;
use crate::local::containers::ContainerEngine;
use crate::local::emulator::{ACCOUNT, REGION};
use crate::local::sam::STACK;
use crate::local::{LocalEngine, process, registry, sam};

/// The stack of the example, and the name of its load balancer.
const EXAMPLE: &str = "hello";
/// The emulator's default VPC and two of its subnets.
const NETWORK: [(&str, &str); 2] = [
    ("VpcId", "vpc-00000001"),
    ("SubnetIds", "subnet-00000001,subnet-00000002"),
];
/// How long the first container may take to answer.
const FIRST_ANSWER: Duration = Duration::from_mins(1);

/// The example, deployed in its first version, with its manifest in force.
#[derive(Debug)]
pub struct World {
    /// The controller.
    pub controller: Controller,
    /// The application's name.
    pub application: String,
    /// What the service runs.
    pub service: Arc<Service>,
    /// Where a visitor reaches the service, without a path.
    pub url: String,
    /// The container engine's name; `None` where this demo answers in the tasks' place.
    pub containers: Option<&'static str>,
    program: PathBuf,
    endpoint: String,
    _stand_in: Option<StandIn>,
}

impl World {
    /// Builds and creates everything, from the repository to the manifest.
    pub async fn create(
        engine: &LocalEngine,
        project: &Path,
        example: &Example,
        stage: &Stage,
    ) -> Result<Self, CliError> {
        stage.step("Building the example, examples/hello-service");
        let program = images::build_program(engine.layout(), &example.folder).await?;
        stage.step("Deploying the example's cluster, service and load balancer with the SAM CLI");
        let endpoint = engine.endpoint();
        registry::ensure_repository(&endpoint, &example.repository).await?;
        let digest = push(&endpoint, &program, &example.repository, FIRST).await?;
        let image = format!(
            "{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{}@{digest}",
            example.repository
        );
        deploy_stack(engine, project, example, &image).await?;

        let config = engine.sdk_config();
        let service = Arc::new(Service {
            ecs: aws_sdk_ecs::Client::new(&config),
            endpoint: endpoint.clone(),
            cluster: example.service.cluster.clone(),
            name: example.service.service.clone(),
            repository: example.repository.clone(),
        });
        let containers = engine.containers().map(ContainerEngine::name);
        let stand_in = match containers {
            Some(_) => None,
            None => Some(StandIn::start(Arc::clone(&service)).await?),
        };
        let behind = format!(
            "http://127.0.0.1:{}/_alb/{EXAMPLE}",
            engine.state().emulator_port
        );
        let world = Self {
            controller: Controller::over(&config, STACK),
            application: example.application().to_owned(),
            service,
            url: stand_in.as_ref().map_or(behind, StandIn::url),
            containers,
            program,
            endpoint,
            _stand_in: stand_in,
        };
        world.wait_for_first_answer(stage).await?;
        stage.step("Applying the example's manifest");
        let manifest = example.manifest_with_health_url(&format!("{}/health", world.url));
        crate::commands::apply(&world.controller, &manifest, "demo").await?;
        Ok(world)
    }

    /// Pushes a version, as `docker push` would.
    pub async fn push(&self, version: Version) -> Result<(), CliError> {
        push(
            &self.endpoint,
            &self.program,
            &self.service.repository,
            version,
        )
        .await
        .map(drop)
    }

    /// What the person who watches has to know first.
    pub fn introduction(&self) -> String {
        let url = &self.url;
        let how = match self.containers {
            Some(engine) => {
                format!("Its tasks are real containers, run by {engine}; it answers at {url}/")
            }
            None => format!(
                "No container engine runs its tasks: the emulator only says that they run. So this demo answers\n\
                 at {url}/ in their place, as the image that the service is on says it would.\n\
                 With Docker or Podman the tasks are real containers."
            ),
        };
        format!(
            "The controller and the example are deployed; the service runs {}.\n{how}\n\
             Every image that is pushed now is deployed by itself.",
            FIRST.tag
        )
    }

    /// How to go on playing.
    pub fn leftovers(&self) -> String {
        format!(
            "Everything is still running. In another terminal:\n  \
             cargo run -- --local --application {} status\n  \
             cargo run -- --local --application {} deploy local --image web=v1 --allow-older\n\
             Ctrl-C ends it.",
            self.application, self.application
        )
    }

    /// The service is ready when it answers: from here on a failure is a release's.
    async fn wait_for_first_answer(&self, stage: &Stage) -> Result<(), CliError> {
        stage.step("Waiting for the service's first answer");
        let url = format!("{}/health", self.url);
        let limit = Instant::now() + FIRST_ANSWER;
        let mut last = String::new();
        while Instant::now() < limit {
            match http::get(&url, "*/*").await {
                Ok((200, _)) => return Ok(()),
                Ok((status, _)) => last = format!("HTTP {status}"),
                Err(why) => last = why,
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        Err(CliError::Failed {
            message: format!("the service does not answer at {url}: {last}"),
            help: Some(
                "its container may not start, or its address may not be reachable from here (rootless engines, Docker \
                 Desktop): look at .lockstep/logs/emulator.log, or go without containers: --no-containers"
                    .to_owned(),
            ),
        })
    }
}

async fn push(
    endpoint: &str,
    program: &Path,
    repository: &str,
    version: Version,
) -> Result<String, CliError> {
    let image = images::build(program, version)?;
    Ok(registry::push(endpoint, &image, repository, version.tag).await?)
}

/// The same command that deploys the example to AWS.
async fn deploy_stack(
    engine: &LocalEngine,
    project: &Path,
    example: &Example,
    image: &str,
) -> Result<(), CliError> {
    let template = example
        .folder
        .join("infrastructure.yaml")
        .display()
        .to_string();
    let architecture = if cfg!(target_arch = "aarch64") {
        "ARM64"
    } else {
        "X86_64"
    };
    let parameters = [("Image", image), ("Architecture", architecture)];
    let parameters: Vec<_> = parameters
        .iter()
        .chain(&NETWORK)
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let mut arguments = vec![
        "deploy",
        "--template-file",
        &template,
        "--stack-name",
        EXAMPLE,
    ];
    arguments.extend([
        "--capabilities",
        "CAPABILITY_IAM",
        "--no-confirm-changeset",
        "--parameter-overrides",
    ]);
    arguments.extend(parameters.iter().map(String::as_str));
    let mut process = sam::sam(engine.layout(), project, &arguments);
    process
        .environment
        .insert("AWS_ENDPOINT_URL".into(), engine.endpoint());
    let python = engine.layout().program("python");
    Ok(process::run(
        engine.layout(),
        &python,
        "sam deploy of the example",
        process,
    )
    .await?)
}
