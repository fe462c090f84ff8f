//! Builds of images, with every ending.

use lockstep::verdict::Verdict;
use lockstep_tests::{ImageBuild, World, eventually};
use serde_json::json;

use crate::verdict;

/// One succeeds, one fails with its log told, and one is stopped with its deployment.
pub async fn one_of_each_ending(world: &World) {
    let commit = json!({ "commit": "3f2a9c1" });
    let app = world
        .imaged("permitted-image", &ImageBuild::of_example("web"))
        .await;
    let good = app.deploy_with(&commit).await;
    assert_eq!(verdict(&good).await, Verdict::Succeeded, "built");

    let fails = ImageBuild::that_runs("web", "echo no; exit 1");
    let app = world.imaged("permitted-image-failed", &fails).await;
    let bad = app.deploy_with(&commit).await;
    assert_eq!(verdict(&bad).await, Verdict::Rejected, "failed");

    let hangs = ImageBuild::that_runs("web", "sleep 600");
    let app = world.imaged("permitted-image-stopped", &hangs).await;
    let stopped = app.deploy_with(&commit).await;
    eventually("the build runs", async || {
        let builds = app.image_builds("web").await;
        (!builds.is_empty()).then_some(())
    })
    .await;
    stopped.stop().await;
    assert_eq!(verdict(&stopped).await, Verdict::Stopped, "stopped");
}
