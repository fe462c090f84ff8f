//! Gates, with every ending.

use lockstep::verdict::Verdict;
use lockstep_tests::{Gate, World, eventually};

use crate::{pushed, verdict};

/// Pass, fail before with another one still at work, and fail afterwards; and one is stopped with its deployment.
pub async fn one_of_each_ending(world: &World) {
    let passes = [Gate::before("unit", "true"), Gate::after("e2e", "true")];
    let app = world.gated("permitted-gates", &passes).await;
    let good = pushed(&app, app.push("v1").await).await;
    assert_eq!(verdict(&good).await, Verdict::Succeeded, "passed");

    let fails = [
        Gate::before("unit", "echo no; exit 1"),
        Gate::before("slow", "sleep 600"),
    ];
    let app = world.gated("permitted-gates-before", &fails).await;
    let bad = pushed(&app, app.push("v1").await).await;
    assert_eq!(verdict(&bad).await, Verdict::Rejected, "failed before");

    let app = world
        .gated("permitted-gates-after", &[Gate::after("e2e", "exit 1")])
        .await;
    let bad = pushed(&app, app.push("v1").await).await;
    assert_eq!(verdict(&bad).await, Verdict::RolledBack, "failed after");

    let app = world
        .gated(
            "permitted-gates-stopped",
            &[Gate::before("slow", "sleep 600")],
        )
        .await;
    let stopped = pushed(&app, app.push("v1").await).await;
    eventually("the gate is asked", async || {
        let builds = app.gate_builds("slow").await;
        (!builds.is_empty()).then_some(())
    })
    .await;
    stopped.stop().await;
    assert_eq!(verdict(&stopped).await, Verdict::Stopped, "stopped");
}
