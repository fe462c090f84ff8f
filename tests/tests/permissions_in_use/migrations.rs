//! Migrations, with every ending.

use lockstep::verdict::Verdict;
use lockstep_cli::local::gateway::TaskEnding;
use lockstep_tests::World;

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
