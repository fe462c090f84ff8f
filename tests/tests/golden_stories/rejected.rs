//! What is refused before anything is changed.

use aws_sdk_ecs::types::{
    Compatibility, ContainerDefinition, CpuArchitecture, LogConfiguration, LogDriver, NetworkMode,
    RuntimePlatform,
};
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
        .execution_role_arn("arn:aws:iam::000000000000:role/no-such-execution-role")
        .task_role_arn("arn:aws:iam::000000000000:role/no-such-task-role")
        .container_definitions(container);
    let registered = register.send().await.unwrap();
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
    update.task_definition(revision).send().await.unwrap();
    eventually("the service is on its new task definition", async || {
        let services = ecs.describe_services().cluster(&app.name).services("web");
        let services = services.send().await.unwrap();
        let deployments = services.services()[0].deployments();
        let is_done = deployments.len() == 1 && deployments[0].running_count() == 1;
        is_done.then_some(())
    })
    .await;
}

pub async fn image_missing(world: &World) -> String {
    let app = world.application("image-missing").await;
    let headline = "Somebody deploys a tag by hand that nobody ever pushed.";
    let mut story = Story::of(world, &app, headline).await;
    let execution = app.deploy("v9").await;
    without_deployment(&mut story, "v9 by hand", &execution).await;
    story.end().await
}

pub async fn unreadable(world: &World) -> String {
    let app = world.application("unreadable").await;
    let headline = "Somebody starts the state machine by hand, with a typing error in the input.";
    let mut story = Story::of(world, &app, headline).await;
    let input = json!({ "application": app.name, "enviroment": "test" });
    let execution = world.start_execution(&input).await;
    without_deployment(&mut story, "The execution", &execution).await;
    story.end().await
}

/// Such an execution tells its verdict itself; its messages are found by its name.
async fn without_deployment(
    story: &mut Story<'_>,
    title: &str,
    execution: &lockstep_tests::Execution<'_>,
) {
    story.call(execution.name(), "execution");
    story.execution(title, execution).await;
    assert_eq!(execution.deployment().await, None);
    story.messages(execution.name()).await;
}
