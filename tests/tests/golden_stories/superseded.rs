//! Deployments that overtake each other.

use lockstep_cli::local::registry;
use lockstep_tests::{Application, ENVIRONMENT, Execution, World, eventually};

use crate::rejected::put_on;
use crate::story::Story;

pub async fn superseded(world: &World) -> String {
    let (web, worker) = two_containers(world).await;
    let headline = "Two images are pushed while a deployment runs: the newer one goes next and takes over what the older wanted.";
    let mut story = Story::of(world, &web, headline).await;
    web.set_down(true);
    let running = push(&mut story, &web, "web v2", "v2").await;
    again_and_again(&running).await;
    let older = push(&mut story, &web, "web v3", "v3").await;
    waiting(world, &web.name, 1).await;
    let newer = push(&mut story, &worker, "worker v2", "v2").await;
    waiting(world, &web.name, 2).await;
    web.set_down(false);
    story
        .deployment("The push of web v2, which runs", "deployment 1", &running)
        .await;
    story
        .deployment("The push of web v3, which waits", "deployment 2", &older)
        .await;
    story
        .deployment(
            "The push of worker v2, which waits too",
            "deployment 3",
            &newer,
        )
        .await;
    story.end().await
}

pub async fn push<'w>(
    story: &mut Story<'w>,
    app: &Application<'w>,
    name: &str,
    tag: &str,
) -> Execution<'w> {
    let digest = app.push(tag).await;
    story.image(&digest, name);
    app.execution_of_push(&digest).await
}

/// Waits until the execution has asked for health more than once.
pub async fn again_and_again(execution: &Execution<'_>) {
    eventually("the health check fails for the third time", async || {
        let path = execution.path().await;
        let waits = path.iter().filter(|state| *state == "VerifyWait");
        (waits.count() > 2).then_some(())
    })
    .await;
}

/// Waits until this many deployments wait for the lock.
pub async fn waiting(world: &World, app: &str, count: usize) {
    eventually("the deployments wait for the lock", async || {
        let state = world
            .clients()
            .ledger
            .environment(app, ENVIRONMENT)
            .await
            .unwrap();
        (state.queue.len() == count).then_some(())
    })
    .await;
}

/// An application whose service has two containers, each with a repository of its own.
async fn two_containers(world: &World) -> (Application<'_>, Application<'_>) {
    let web = world.application("superseded").await;
    let mut worker = web.clone();
    worker.repository = format!("{}/worker", web.name);
    registry::ensure_repository(&world.endpoint(), &worker.repository)
        .await
        .unwrap();
    put_on(world, &web, &with_worker(world, &web, &worker).await).await;
    let manifest = web.manifest(&world.health_url(&web.name));
    let manifest = manifest.replace(
        &format!("{{ web: {} }}", web.repository),
        &format!(
            "{{ web: {}, worker: {} }}",
            web.repository, worker.repository
        ),
    );
    web.apply(&manifest.replace("attempts: 2", "attempts: 100"))
        .await;
    (web, worker)
}

/// Registers a second container beside the first.
async fn with_worker(world: &World, web: &Application<'_>, worker: &Application<'_>) -> String {
    let ecs = &world.clients().ecs;
    let family = format!("{}-web", web.name);
    let described = ecs.describe_task_definition().task_definition(&family);
    let described = described.send().await.unwrap();
    let definition = described.task_definition().unwrap();
    let mut second = definition.container_definitions()[0].clone();
    second.name = Some("worker".to_owned());
    second.image = second
        .image
        .map(|image| image.replace(&web.repository, &worker.repository));
    let containers = [definition.container_definitions(), &[second]].concat();
    let register = ecs
        .register_task_definition()
        .family(family)
        .requires_compatibilities(aws_sdk_ecs::types::Compatibility::Fargate)
        .network_mode(aws_sdk_ecs::types::NetworkMode::Awsvpc)
        .cpu("256")
        .memory("512")
        .set_execution_role_arn(definition.execution_role_arn.clone())
        .set_task_role_arn(definition.task_role_arn.clone())
        .set_container_definitions(Some(containers));
    let registered = register.send().await.unwrap();
    let definition = registered.task_definition().unwrap();
    definition.task_definition_arn().unwrap().to_owned()
}
