//! How soon a deployment goes on after a rollout has finished, with events and without.

use std::time::Duration;

use lockstep_cli::local::Containers;
use lockstep_cli::local::gateway::Delivery;
use lockstep_tests::World;

use crate::Result;
use crate::rollouts::{Rollouts, Wake};
use crate::stats::{median, percentile, seconds};
use crate::table::{Bounds, Row, print};

/// Long enough that no poll can be taken for an event.
const POLL_SECONDS: u32 = 5;
/// The most that may pass with events, at the 95th percentile.
const WITH_EVENTS: f64 = 1.0;

/// Releases one service of real containers again and again.
pub async fn run(runs: usize, bounds: &mut Bounds) -> Result<()> {
    let poll = POLL_SECONDS.to_string();
    let parameters = [("PollSeconds", poll.as_str())];
    let world = World::start_as("bench-wake", Containers::Auto, &parameters)
        .await
        .ok_or("the local engine cannot run here")?;
    if world.engine().containers().is_none() {
        return Err(
            "without Docker or Podman every rollout ends as it begins: nothing to measure".into(),
        );
    }
    let mut rollouts = Rollouts::new(&world, "bench-wake").await?;
    rollouts.release(Delivery::Once).await?;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        with.push(rollouts.release(Delivery::Once).await?);
        without.push(rollouts.release(Delivery::Never).await?);
    }
    drop(rollouts);
    world.stop().await;
    let bound = f64::from(POLL_SECONDS) + 1.0;
    let rows = [
        row("with events", &with, WITH_EVENTS),
        row(
            &format!("without events, poll {POLL_SECONDS} s"),
            &without,
            bound,
        ),
    ];
    bounds.print("Rollout finished → next state, 95th percentile", &rows);
    print_slowest("with events", &with);
    print_slowest("without events", &without);
    Ok(())
}

fn row(what: &str, wakes: &[Wake], bound: f64) -> Row {
    let latencies: Vec<Duration> = wakes.iter().map(|wake| wake.latency).collect();
    let rollouts: Vec<Duration> = wakes.iter().map(|wake| wake.rollout).collect();
    let late = percentile(&latencies, 95);
    Row {
        what: format!("{what} ({} releases)", wakes.len()),
        measured: format!(
            "median {}, 95 % {}, longest {}",
            seconds(median(&latencies)),
            seconds(late),
            seconds(percentile(&latencies, 100))
        ),
        against: format!("rollouts of {} (median)", seconds(median(&rollouts))),
        value: late.as_secs_f64(),
        bound: Some(bound),
        unit: "s",
    }
}

/// What happened in the longest wait.
fn print_slowest(what: &str, wakes: &[Wake]) {
    if let Some(slowest) = wakes.iter().max_by_key(|wake| wake.latency) {
        let title = format!(
            "The longest wait {what}, {} after the rollout: calls of the functions",
            seconds(slowest.latency)
        );
        print(&title, &["at", "who", "what", "took"], &slowest.calls);
    }
}
