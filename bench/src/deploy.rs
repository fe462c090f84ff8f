//! A whole deployment on the local engine, from the push to the verdict, against what people use otherwise.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_sfn::types::ExecutionStatus;
use lockstep_cli::local::emulator::{ACCOUNT, REGION};
use lockstep_cli::local::gateway::Call;
use lockstep_tests::{Application, World, eventually};

use crate::calls;
use crate::peers::Peers;
use crate::states::{entered, since_epoch, stays};
use crate::stats::{median, milliseconds, percentile, ratio, seconds};
use crate::table::{Bounds, Row, print};
use crate::{Result, rollouts};

/// The most that a deployment may take of the AWS CLI's time.
const OF_AWS_CLI: f64 = 1.0;

/// One deployment by Lockstep.
#[derive(Debug)]
struct Deployment {
    /// From the push's arrival at the registry to the execution's end.
    total: Duration,
    /// From the push's arrival to the stored conclusion: when the state Conclude is left.
    verdict: Duration,
    /// From the push's arrival to the execution's start.
    event: Duration,
    states: Vec<(String, Duration)>,
    calls: Vec<Call>,
}

/// Runs all three in turns, each on a service of its own.
pub async fn run(runs: usize, bounds: &mut Bounds) -> Result<()> {
    let world = World::start("bench-deploy")
        .await
        .ok_or("the local engine cannot run here")?;
    let peers = Peers::install(&world.endpoint())?;
    let (ours, cli, ecs) = (
        rollouts::application(&world, "bench-lockstep").await?,
        rollouts::application(&world, "bench-aws-cli").await?,
        rollouts::application(&world, "bench-ecs-deploy").await?,
    );
    let (mut deployments, mut cli_times, mut ecs_times) = (Vec::new(), Vec::new(), Vec::new());
    let (mut cli_calls, mut ecs_calls) = (Vec::new(), Vec::new());
    // The first round starts functions and caches files; it is shown, but does not count.
    for round in 0..=runs {
        deployments.push(deploy(&world, &ours, round).await?);
        world.idle().await;
        let revision = cli.register(&image(&cli.repository, round)).await;
        let mark = world.engine().gateway().last_call();
        cli_times.push(peers.aws_cli(&cli.name, "web", &revision)?);
        cli_calls = world.engine().gateway().calls_since(mark);
        let image = image(&ecs.repository, round);
        let mark = world.engine().gateway().last_call();
        ecs_times.push(peers.ecs_deploy(&ecs.name, "web", "web", &image)?);
        ecs_calls = world.engine().gateway().calls_since(mark);
    }
    world.stop().await;
    print_times(&deployments, &cli_times, &ecs_times, bounds);
    print_states(&deployments[1..]);
    let last = deployments.last().map(|last| last.calls.as_slice());
    let mut lines = calls::lines("lockstep", last.unwrap_or_default());
    lines.extend(calls::lines("aws CLI", own(&cli_calls)));
    lines.extend(calls::lines("ecs deploy", own(&ecs_calls)));
    let head = ["tool", "caller", "calls", "which", "time in the emulator"];
    print("AWS calls of one deployment", &head, &lines);
    Ok(())
}

/// The calls of a tool, without those of our functions, which hear of its rollouts as well.
fn own(calls: &[Call]) -> impl Iterator<Item = &Call> {
    let foreign = |call: &&Call| !call.name.caller.starts_with("lockstep-");
    calls.iter().filter(foreign)
}

/// An image that no container ever runs.
fn image(repository: &str, round: usize) -> String {
    format!(
        "{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{repository}@sha256:{:064x}",
        round + 2
    )
}

async fn deploy(world: &World, application: &Application<'_>, round: usize) -> Result<Deployment> {
    let gateway = world.engine().gateway();
    let before = newest_execution(world).await;
    let mark = gateway.last_call();
    application.push(&format!("v{round}")).await;
    let arn = eventually("the push starts an execution", async || {
        tokio::time::sleep(Duration::from_millis(100)).await;
        newest_execution(world)
            .await
            .filter(|newest| Some(newest) != before.as_ref())
    })
    .await;
    let status = eventually("the execution ends", async || {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let described = world.clients().sfn.describe_execution();
        let described = described.execution_arn(&arn).send().await.ok()?;
        (*described.status() != ExecutionStatus::Running).then(|| described.status().clone())
    })
    .await;
    if status != ExecutionStatus::Succeeded {
        return Err(format!("the deployment of round {round} ended as {status}").into());
    }
    let history = world.execution(&arn).history().await;
    world.idle().await;
    let calls = gateway.calls_since(mark);
    let pushed = calls
        .iter()
        .find(|call| call.name.operation == "PutManifest")
        .ok_or("the push is not in the log of calls")?;
    let pushed = rollouts::since_1970(pushed.at)?;
    let ends = history.first().zip(history.last());
    let (first, last) = ends.ok_or("the execution has no history")?;
    let verdict = entered(&history, "Notify").ok_or("the execution did not conclude")?;
    Ok(Deployment {
        total: since_epoch(last.timestamp()).saturating_sub(pushed),
        verdict: verdict.saturating_sub(pushed),
        event: since_epoch(first.timestamp()).saturating_sub(pushed),
        states: stays(&history)
            .into_iter()
            .map(|stay| (stay.name, stay.time))
            .collect(),
        calls: calls
            .into_iter()
            .filter(|call| call.name.caller.starts_with("lockstep-"))
            .collect(),
    })
}

async fn newest_execution(world: &World) -> Option<String> {
    let list = world.clients().sfn.list_executions();
    let list = list
        .state_machine_arn(world.state_machine())
        .max_results(100);
    let list = list.send().await.ok()?;
    let newest = list
        .executions()
        .iter()
        .max_by_key(|execution| since_epoch(execution.start_date()));
    newest.map(|execution| execution.execution_arn().to_owned())
}

fn print_times(
    deployments: &[Deployment],
    cli: &[Duration],
    ecs: &[Duration],
    bounds: &mut Bounds,
) {
    let totals: Vec<Duration> = deployments.iter().map(|one| one.total).collect();
    let verdicts: Vec<Duration> = deployments.iter().map(|one| one.verdict).collect();
    let peer = median(&cli[1..]);
    let row = |what: &str, time: Duration, bound| Row {
        what: what.to_owned(),
        measured: seconds(time),
        against: format!("aws CLI {}", seconds(peer)),
        value: ratio(time, peer),
        bound,
        unit: "×",
    };
    let rows = [
        row(
            "push → verdict stored",
            median(&verdicts[1..]),
            Some(OF_AWS_CLI),
        ),
        row(
            "push → end of execution, people told",
            median(&totals[1..]),
            Some(OF_AWS_CLI),
        ),
        row(
            "the same, 95th percentile",
            percentile(&totals[1..], 95),
            None,
        ),
        row(
            "the same, functions started for the first time",
            totals[0],
            None,
        ),
        row("ecs deploy", median(&ecs[1..]), None),
    ];
    bounds.print(
        "An ECS image deployment without containers (functions of the local engine: opt-level 0, no LTO)",
        &rows,
    );
}

fn print_states(deployments: &[Deployment]) {
    let mut order: Vec<&str> = Vec::new();
    let mut times: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    for (name, time) in deployments.iter().flat_map(|one| &one.states) {
        if !times.contains_key(name.as_str()) {
            order.push(name);
        }
        times.entry(name).or_default().push(*time);
    }
    let events: Vec<Duration> = deployments.iter().map(|one| one.event).collect();
    let mut lines = vec![vec![
        "push → execution started".to_owned(),
        seconds(median(&events)),
    ]];
    lines.extend(
        order
            .into_iter()
            .map(|name| vec![name.to_owned(), milliseconds(median(&times[name]))]),
    );
    print("Time in each state (median)", &["state", "time"], &lines);
}
