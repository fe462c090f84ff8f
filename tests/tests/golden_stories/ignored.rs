//! Pushes that lead to no deployment: none of them is a failure, nobody is told, and each keeps its reason.

use lockstep_cli::local::registry;
use lockstep_tests::{Application, Execution, World, eventually};
use serde_json::Value;

use crate::story::Story;

pub async fn pushes(world: &World) -> String {
    let app = world.application("ignored").await;
    let headline = "Images are pushed that nobody wants to be deployed: each push keeps its reason, and nobody is told.";
    let mut story = Story::of(world, &app, headline).await;
    let mut stranger = app.clone();
    "ignored-stranger".clone_into(&mut stranger.repository);
    registry::ensure_repository(&world.endpoint(), &stranger.repository)
        .await
        .unwrap();
    let digest = stranger.push("v1").await;
    story.image(&digest, "the stranger");
    ignored(
        &mut story,
        world,
        "A push to a repository of which no manifest tells",
        &digest,
        1,
    )
    .await;
    let digest = app.push("latest").await;
    story.image(&digest, "latest");
    ignored(
        &mut story,
        world,
        "A push of a tag that no environment deploys",
        &digest,
        1,
    )
    .await;
    let of = "ab".repeat(32);
    let digest = app.push(&format!("sha256-{of}.sig")).await;
    ignored(&mut story, world, "A push of a signature", &digest, 1).await;
    story.end().await
}

pub async fn repeats(world: &World) -> String {
    let app = world.application("repeats").await;
    let (second, by_second) = live(&app, "v2").await;
    let (third, by_third) = live(&app, "v3").await;
    let headline = "Events come twice or late, and an image that was put back is pushed again: v3 stays live, and nobody is told.";
    let mut story = Story::of(world, &app, headline).await;
    story.image(&second, "v2");
    story.image(&third, "v3");
    story.call(&by_second, "deployment of v2");
    story.call(&by_third, "deployment of v3");
    let execution = app.execution_of_push(&third).await;
    let input: Value = serde_json::from_str(&execution.input().await).unwrap();
    world.start_execution(&input).await;
    let title = "The event of v3 is delivered a second time";
    ignored(&mut story, world, title, &third, 2).await;
    announce(world, &third).await;
    ignored(&mut story, world, "v3 is pushed again", &third, 3).await;
    announce(world, &second).await;
    let title = "The push of v2 is announced after v3 went live";
    ignored(&mut story, world, title, &second, 2).await;
    let bad = app.push_bad("v4").await;
    let put_back = app.execution_of_push(&bad).await;
    put_back.concluded().await;
    story.image(&bad, "v4");
    story.call(
        put_back.deployment().await.unwrap().as_str(),
        "deployment of v4",
    );
    announce(world, &bad).await;
    let title = "v4, which was deployed and put back, is pushed again";
    ignored(&mut story, world, title, &bad, 2).await;
    story.end().await
}

/// Pushes an image and waits until it is live. Returns its digest and its deployment.
async fn live(app: &Application<'_>, tag: &str) -> (String, String) {
    let digest = app.push(tag).await;
    let (record, _) = app.execution_of_push(&digest).await.concluded().await;
    (digest, record.deployment.id.to_string())
}

/// Announces a push again, as a new event.
async fn announce(world: &World, digest: &str) {
    let gateway = world.engine().gateway();
    let events = gateway.events();
    let event = events
        .iter()
        .find(|event| event.detail["image-digest"] == digest);
    gateway.send_event(event.unwrap()).await.unwrap();
}

/// Tells the `nth` execution of this digest, and the reason that is kept with its event.
async fn ignored(story: &mut Story<'_>, world: &World, title: &str, digest: &str, nth: usize) {
    let execution = nth_execution(world, digest, nth).await;
    story.execution(title, &execution).await;
    let input: Value = serde_json::from_str(&execution.input().await).unwrap();
    let event = world
        .clients()
        .ledger
        .event(input["id"].as_str().unwrap())
        .await
        .unwrap()
        .unwrap();
    story.line(&format!("{}: {}", event.subject, event.reason));
    let output = execution.ended().await.output;
    assert_eq!(output["reason"], event.reason, "{output}");
    assert_eq!(world.messages(execution.name()), []);
}

async fn nth_execution<'w>(world: &'w World, digest: &str, nth: usize) -> Execution<'w> {
    eventually("the event starts an execution", async || {
        let found = world.executions_with(digest).await;
        found.get(nth - 1).cloned()
    })
    .await
}
