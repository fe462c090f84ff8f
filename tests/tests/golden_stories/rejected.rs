//! What is refused before anything is changed.

use aws_sdk_ecs::types::{
    Compatibility, ContainerDefinition, CpuArchitecture, Deployment, DeploymentConfiguration,
    DeploymentRolloutState, LogConfiguration, LogDriver, NetworkMode, RuntimePlatform,
};
use lockstep_cli::local::emulator::ACCOUNT;
use lockstep_tests::{Application, World, eventually};
use serde_json::json;

use crate::story::Story;

pub async fn checks(world: &World) -> String {
    let app = world.application("rejected").await;
    hopeless_task_definition(world, &app).await;
    let headline = "A task definition that cannot start: every check that fails is told at once, and nothing is changed.";
    let mut story = Story::of(world, &app, headline).await;
    story.call(
        "linux/amd64",
        if cfg!(target_arch = "x86_64") {
            "one platform"
        } else {
            "another platform"
        },
    );
    story.call(
        "linux/arm64",
        if cfg!(target_arch = "x86_64") {
            "another platform"
        } else {
            "one platform"
        },
    );
    let digest = app.push("v2").await;
    story.image(&digest, "v2");
    let execution = app.execution_of_push(&digest).await;
    story
        .deployment("The push of v2", "deployment", &execution)
        .await;
    story.end().await
}

/// Roles that a task definition once named.
const ROLES: [&str; 2] = ["deleted-execution-role", "deleted-task-role"];

/// Puts the service on a task definition whose roles and log group are not there, and which is for another processor
/// than the images.
async fn hopeless_task_definition(world: &World, app: &Application<'_>) {
    let other = if cfg!(target_arch = "x86_64") {
        CpuArchitecture::Arm64
    } else {
        CpuArchitecture::X8664
    };
    let logs = LogConfiguration::builder()
        .log_driver(LogDriver::Awslogs)
        .options("awslogs-group", "/ecs/nowhere")
        .options("awslogs-region", "us-east-1")
        .options("awslogs-stream-prefix", "web")
        .build();
    let container = ContainerDefinition::builder()
        .name("web")
        .image(&app.first_image)
        .essential(true)
        .log_configuration(logs.unwrap())
        .build();
    let ecs = &world.clients().ecs;
    let register = ecs
        .register_task_definition()
        .family(format!("{}-web", app.name))
        .requires_compatibilities(Compatibility::Fargate)
        .network_mode(NetworkMode::Awsvpc)
        .runtime_platform(RuntimePlatform::builder().cpu_architecture(other).build())
        .cpu("256")
        .memory("512")
        .execution_role_arn(format!("arn:aws:iam::{ACCOUNT}:role/{}", ROLES[0]))
        .task_role_arn(format!("arn:aws:iam::{ACCOUNT}:role/{}", ROLES[1]))
        .container_definitions(container);
    let iam = &world.clients().iam;
    for role in ROLES {
        let create = iam.create_role().role_name(role);
        create
            .assume_role_policy_document("{}")
            .send()
            .await
            .unwrap();
    }
    let registered = register.send().await.unwrap();
    for role in ROLES {
        iam.delete_role().role_name(role).send().await.unwrap();
    }
    put_on(
        world,
        app,
        registered
            .task_definition()
            .unwrap()
            .task_definition_arn()
            .unwrap(),
    )
    .await;
}

/// Puts the service on a task definition, and waits until it serves.
pub async fn put_on(world: &World, app: &Application<'_>, revision: &str) {
    let ecs = &world.clients().ecs;
    let update = ecs.update_service().cluster(&app.name).service("web");
    // With the settings of a new application, one task could not be replaced.
    let settings = DeploymentConfiguration::builder()
        .maximum_percent(200)
        .minimum_healthy_percent(100)
        .build();
    let update = update.deployment_configuration(settings);
    update.task_definition(revision).send().await.unwrap();
    eventually("the service runs its new task definition", async || {
        let services = ecs.describe_services().cluster(&app.name).services("web");
        let services = services.send().await.unwrap();
        let is_done = |deployment: &Deployment| {
            deployment.rollout_state() == Some(&DeploymentRolloutState::Completed)
        };
        let service = &services.services()[0];
        let is_on = service.task_definition() == Some(revision);
        let is_done = is_on && service.deployments().iter().all(is_done);
        is_done.then_some(())
    })
    .await;
}

pub async fn image_missing(world: &World) -> String {
    let app = world.application("image-missing").await;
    let headline = "Somebody deploys a tag by hand that nobody ever pushed.";
    let mut story = Story::of(world, &app, headline).await;
    let execution = app.deploy("v9").await;
    let title = "v9 by hand";
    story.deployment(title, "deployment", &execution).await;
    story.end().await
}

pub async fn unreadable(world: &World) -> String {
    let app = world.application("unreadable").await;
    let headline = "Somebody starts the state machine by hand, with a typing error in the input.";
    let mut story = Story::of(world, &app, headline).await;
    let input = json!({ "application": app.name, "enviroment": "test" });
    let execution = world.start_execution(&input).await;
    // Without a deployment, its messages are found by its own name.
    story.call(execution.name(), "execution");
    story.execution("The execution", &execution).await;
    assert_eq!(execution.deployment().await, None);
    story.messages(execution.name()).await;
    story.end().await
}
