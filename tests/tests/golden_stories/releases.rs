//! What releases mostly come to.

use lockstep_tests::World;

use crate::story::Story;

pub async fn succeeded(world: &World) -> String {
    let app = world.application("succeeded").await;
    let headline = "An image is pushed, rolled out and verified: it is live, and what a later rollback goes back to.";
    let mut story = Story::of(world, &app, headline).await;
    let digest = app.push("v2").await;
    story.image(&digest, "v2");
    let execution = app.execution_of_push(&digest).await;
    story
        .deployment("The push of v2", "deployment", &execution)
        .await;
    story.end().await
}

pub async fn no_change(world: &World) -> String {
    let app = world.application("no-change").await;
    let digest = app.push("v2").await;
    let (first, _) = app.execution_of_push(&digest).await.concluded().await;
    let headline = "Somebody deploys by hand what runs already: nothing is touched.";
    let mut story = Story::of(world, &app, headline).await;
    story.image(&digest, "v2");
    story.call(&first.deployment.id.to_string(), "the deployment before");
    let execution = app.deploy(&digest).await;
    story
        .deployment("v2 by hand", "deployment", &execution)
        .await;
    story.end().await
}

pub async fn rolled_back(world: &World) -> String {
    let app = world.application("rolled-back").await;
    let headline = "An image is pushed whose service never answers its health check: exactly what ran before runs again.";
    let mut story = Story::of(world, &app, headline).await;
    let digest = app.push_bad("v2").await;
    story.image(&digest, "v2");
    let execution = app.execution_of_push(&digest).await;
    story
        .deployment("The push of v2", "deployment", &execution)
        .await;
    story.end().await
}
