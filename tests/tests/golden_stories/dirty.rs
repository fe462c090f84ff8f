//! What cannot be put back: a person is needed.

use lockstep_cli::local::gateway::{Fault, FaultRule};
use lockstep_tests::World;

use crate::story::Story;

pub async fn undo_refused(world: &World) -> String {
    let app = world.application("undo-refused").await;
    let headline = "An image fails its health check, and AWS refuses to put back what ran before: a person has to.";
    let mut story = Story::of(world, &app, headline).await;
    // The first call brings the image. Every later one, which would put it back, is refused.
    let refuse = FaultRule::on("lockstep-service", "UpdateService", Fault::RefuseBefore);
    let refuse = refuse.that_says(&app.name).nth(2).times(usize::MAX);
    world.engine().gateway().inject(refuse);
    let digest = app.push_bad("v2").await;
    story.image(&digest, "v2");
    let execution = app.execution_of_push(&digest).await;
    story
        .deployment("The push of v2", "deployment", &execution)
        .await;
    story.end().await
}

pub async fn still_unhealthy(world: &World) -> String {
    let app = world.application("still-unhealthy").await;
    let headline = "An image fails its health check; what ran before is put back, and fails it too: the cause is elsewhere.";
    let mut story = Story::of(world, &app, headline).await;
    app.set_down(true);
    let digest = app.push("v2").await;
    story.image(&digest, "v2");
    let execution = app.execution_of_push(&digest).await;
    story
        .deployment("The push of v2", "deployment", &execution)
        .await;
    story.end().await
}
