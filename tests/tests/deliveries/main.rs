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
mod subject;
mod uploads;

use lockstep_tests::{Shape, World, run};
use subject::Subject;

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
        uploads::twice(&world).await;
        uploads::late_and_lost(&world).await;
        let application = world.application("again").await;
        invocations::again_after_the_end(&world, &Subject::Service(application)).await;
        let fleet = world.fleet("again-fleet", Shape::aliased(2)).await;
        invocations::again_after_the_end(&world, &Subject::Functions(fleet)).await;
        let application = world.application("overlap").await;
        let subject = Subject::Service(application);
        invocations::again_while_another_deployment_runs(&world, &subject).await;
        let fleet = world.fleet("overlap-fleet", Shape::aliased(2)).await;
        let subject = Subject::Functions(fleet);
        invocations::again_while_another_deployment_runs(&world, &subject).await;
        world.stop().await;
    });
}
