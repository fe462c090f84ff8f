//! Everything that AWS delivers may come twice, late, or not at all: it changes nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test may stop at the first surprise, and says so on the terminal"
)]

mod events;
mod invocations;

use lockstep_tests::{World, run};

/// One test after the other: how events are delivered is a matter of the whole engine.
#[test]
fn nothing_depends_on_what_is_delivered_when() {
    let Some(world) = run(World::start("deliveries")) else {
        return;
    };
    run(async {
        events::twice(&world).await;
        events::late(&world).await;
        events::never(&world).await;
        invocations::again_after_the_end(&world).await;
        invocations::again_while_another_deployment_runs(&world).await;
        world.stop().await;
    });
}
