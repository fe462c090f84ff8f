//! Migrations, with every ending.

use std::time::Duration;

use lockstep::verdict::Verdict;
use lockstep_cli::local::gateway::{BuildFault, TaskEnding};
use lockstep_tests::{World, eventually};

use crate::{pushed, verdict};

/// Fails, hangs until a person stops the deployment, runs with its contract, and is undone.
pub async fn one_of_each_ending(world: &World) {
    const NAME: &str = "permitted-migrations";
    let up = format!("up:test {NAME}");
    let more = format!(
        "    undo: [\"db\", \"down\"]\n    contract: {{ command: [\"db\", \"contract\", \"{NAME}\"] }}\n"
    );
    let app = world.migrated(NAME, &more).await;
    let failing = TaskEnding::of(&up).exits(3).says(&["no such column"]);
    world.end_tasks(&[failing]).await;
    let failed = pushed(&app, app.push("v1").await).await;
    assert_eq!(verdict(&failed).await, Verdict::RolledBack, "failed");

    world.end_tasks(&[TaskEnding::of(&up)]).await;
    let stopped = pushed(&app, app.push("v2").await).await;
    stopped.reaches("Migrations").await;
    stopped.stop().await;
    assert_eq!(verdict(&stopped).await, Verdict::Stopped, "stopped");

    world.end_tasks(&[]).await;
    let good = pushed(&app, app.push("v3").await).await;
    assert_eq!(verdict(&good).await, Verdict::Succeeded, "ran");
    let bad = pushed(&app, app.push_bad("v4").await).await;
    assert_eq!(verdict(&bad).await, Verdict::RolledBack, "undone");
}

/// A build fails, hangs until a person stops the deployment, and runs with its contract.
pub async fn by_builds(world: &World) {
    const UP: &str = "/schema/expand";
    let app = world
        .migrated_by_builds("permitted-migrated-builds", "")
        .await;
    let gateway = world.engine().gateway();
    let fails = BuildFault::after(UP).ends("FAILED");
    gateway.hit_builds(&[fails]).await.unwrap();
    let failed = pushed(&app, app.push("v1").await).await;
    assert_eq!(verdict(&failed).await, Verdict::RolledBack, "failed");

    let hangs = BuildFault::before(UP).takes(Duration::from_mins(2));
    gateway.hit_builds(&[hangs]).await.unwrap();
    let stopped = pushed(&app, app.push("v2").await).await;
    eventually("the build runs", async || {
        (app.migration_builds().await.len() == 2).then_some(())
    })
    .await;
    stopped.stop().await;
    assert_eq!(verdict(&stopped).await, Verdict::Stopped, "stopped");
    let runs = app.migration_build_runs().await;
    assert_eq!(runs.last().map(String::as_str), Some("up: STOPPED"));

    gateway.hit_builds(&[]).await.unwrap();
    let good = pushed(&app, app.push("v3").await).await;
    assert_eq!(verdict(&good).await, Verdict::Succeeded, "ran");
}
