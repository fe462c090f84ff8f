//! A release of Lambda functions on the local engine, against scripts and against the bare API calls.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use lockstep_cli::local::gateway::Call;
use lockstep_tests::{ALIAS, Fleet, Shape, World};

use crate::floor::Floor;
use crate::peers::Peers;
use crate::rollouts::since_1970;
use crate::states::{Stay, entered, stays};
use crate::stats::{median, milliseconds, ratio, seconds};
use crate::table::{Bounds, Row, print};
use crate::{Result, calls, sam_sync};

/// How many functions are released at once.
const SIZES: [usize; 3] = [1, 20, 100];
/// Where the script is compared.
const COMPARED: usize = 20;
/// The most that a release may take of the script's time there.
const OF_SCRIPT: f64 = 0.1;
/// Where the bare calls are compared.
const LARGEST: usize = 100;
/// The most that the step may take of the bare calls' time there.
const OF_FLOOR: f64 = 1.5;
/// How many functions the quicker script updates at the same time.
const WORKERS: usize = 8;
/// The state in which all functions are changed.
const STEP: &str = "Rollout";

/// One release by Lockstep.
#[derive(Debug)]
struct Released {
    /// From the beginning of the upload until all functions run the new code: the end of what a script does.
    live: Duration,
    /// From the beginning of the upload until people are told, after the health check, which starts the new code for
    /// the first time. Old versions are deleted after that.
    total: Duration,
    /// All functions, from the first look to the last alias.
    step: Duration,
    states: Vec<Stay>,
    calls: Vec<Call>,
}

/// All tools on fleets of one size.
#[derive(Debug, Default)]
struct Size {
    functions: usize,
    aliased: Vec<Released>,
    direct: Vec<Released>,
    /// The script that only sends the code, as functions without an alias take it.
    script: Vec<Duration>,
    /// The script that keeps a version and points the alias to it.
    aliasing_script: Vec<Duration>,
    workers: Vec<Duration>,
    floor: Vec<Duration>,
    unpaced: Vec<Duration>,
}

/// Runs everything on one engine. Scripts are slow: the largest size is measured once.
pub async fn run(runs: usize, bounds: &mut Bounds) -> Result<()> {
    let world = World::start("bench-functions")
        .await
        .ok_or("the local engine cannot run here")?;
    let peers = Peers::install(&world.endpoint())?;
    let mut sizes = Vec::new();
    for functions in SIZES {
        let rounds = if functions < LARGEST { runs } else { 1 };
        let size = measure(&world, &peers, functions, rounds).await?;
        print_size(&size, bounds);
        sizes.push(size);
    }
    let sam = sam_sync::run(&world, COMPARED).await;
    world.stop().await;
    print_sam(&sizes, sam);
    print_calls(&sizes);
    Ok(())
}

async fn measure(world: &World, peers: &Peers, functions: usize, rounds: usize) -> Result<Size> {
    let mut size = Size {
        functions,
        ..Size::default()
    };
    let aliased = format!("bench-aliased-{functions}-f");
    let aliased = world.fleet(&aliased, Shape::aliased(functions)).await;
    let direct = format!("bench-direct-{functions}-f");
    let direct = world.fleet(&direct, Shape::direct(functions)).await;
    // The first round starts the controller's functions; it does not count.
    for round in 0..=rounds {
        let ours = release(world, &aliased, round).await?;
        let ours_direct = release(world, &direct, round).await?;
        if round == 0 {
            continue;
        }
        size.aliased.push(ours);
        size.direct.push(ours_direct);
        let zips = build(&direct, &format!("script {round}"));
        let took = peers.update_functions(&zips, 1, None)?;
        size.script.push(took);
        let zips = build(&direct, &format!("workers {round}"));
        let took = peers.update_functions(&zips, WORKERS, None)?;
        size.workers.push(took);
        let zips = build(&aliased, &format!("aliasing script {round}"));
        let took = peers.update_functions(&zips, 1, Some(ALIAS))?;
        size.aliasing_script.push(took);
        let floor = Floor::new(&world.endpoint());
        for (times, paced) in [(&mut size.floor, true), (&mut size.unpaced, false)] {
            let version = format!("0.{round}.{}", u8::from(paced));
            build(&aliased, &version);
            aliased.upload_only(&version).await;
            let begun = Instant::now();
            floor.update(&aliased, &version, paced).await?;
            times.push(begun.elapsed());
        }
    }
    aliased.delete().await;
    direct.delete().await;
    Ok(size)
}

/// Builds every function anew; gives each function's zip file.
fn build(fleet: &Fleet<'_>, label: &str) -> Vec<(String, Vec<u8>)> {
    for function in &fleet.functions {
        fleet.build(function, label);
    }
    let artifacts = fleet.artifacts("0");
    let zip = |artifact: &lockstep_cli::release::Artifact| {
        let name = artifact.path.trim_end_matches(".zip").to_owned();
        (name, std::fs::read(&artifact.file).unwrap_or_default())
    };
    artifacts.iter().map(zip).collect()
}

async fn release(world: &World, fleet: &Fleet<'_>, round: usize) -> Result<Released> {
    let version = format!("1.{round}.0");
    build(fleet, &version);
    let gateway = world.engine().gateway();
    let mark = gateway.last_call();
    let begun = since_1970(Timestamp::now())?;
    fleet.release(&version).await;
    let execution = fleet.execution_of_release(&version).await;
    let ended = execution.ended().await;
    if ended.status != "SUCCEEDED" {
        return Err(format!("release {version} of {} ended as {ended:?}", fleet.name).into());
    }
    let history = execution.history().await;
    let live = entered(&history, "RolloutSettled").ok_or("the execution rolled nothing out")?;
    let told = entered(&history, "Verdict").ok_or("the execution told nobody")?;
    world.idle().await;
    let states = stays(&history);
    let step = states.iter().filter(|stay| stay.name == STEP);
    let step = step.map(|stay| stay.time).sum();
    let ours = |call: &Call| call.name.caller.starts_with("lockstep-");
    Ok(Released {
        live: live.saturating_sub(begun),
        total: told.saturating_sub(begun),
        step,
        states,
        calls: gateway.calls_since(mark).into_iter().filter(ours).collect(),
    })
}

fn times(released: &[Released], time: impl Fn(&Released) -> Duration) -> Duration {
    median(&released.iter().map(time).collect::<Vec<_>>())
}

fn print_size(size: &Size, bounds: &mut Bounds) {
    let (script, aliasing) = (median(&size.script), median(&size.aliasing_script));
    let floor = median(&size.floor);
    let row = |what: &str, time: Duration, name: &str, peer: Duration, bound| Row {
        what: what.to_owned(),
        measured: seconds(time),
        against: format!("{name} {}", seconds(peer)),
        value: ratio(time, peer),
        bound,
        unit: "×",
    };
    let of_script = (size.functions == COMPARED).then_some(OF_SCRIPT);
    let of_floor = (size.functions == LARGEST).then_some(OF_FLOOR);
    let live = |released: &[Released]| times(released, |one| one.live);
    let step = times(&size.aliased, |one| one.step);
    let own = times(&size.aliased, |one| one.total.saturating_sub(one.step));
    let total = times(&size.aliased, |one| one.total);
    let rows = [
        row(
            "upload → all updated, without alias",
            live(&size.direct),
            "script",
            script,
            of_script,
        ),
        row(
            "upload → all updated, with alias",
            live(&size.aliased),
            "script that keeps versions",
            aliasing,
            of_script,
        ),
        row(
            "upload → verified, people told, without alias",
            times(&size.direct, |one| one.total),
            "script",
            script,
            None,
        ),
        row(
            "upload → verified, people told, with alias",
            total,
            "script that keeps versions",
            aliasing,
            None,
        ),
        row(
            "script, 8 in parallel",
            median(&size.workers),
            "script",
            script,
            None,
        ),
        row(
            "the functions' step alone, with alias",
            step,
            "bare calls",
            floor,
            of_floor,
        ),
        row(
            "all the rest: upload, state machine, checks, messages",
            own,
            "bare calls",
            floor,
            None,
        ),
        row(
            "upload → verified, people told, with alias",
            total,
            "bare calls",
            floor,
            None,
        ),
        row(
            "bare calls without a pace",
            median(&size.unpaced),
            "bare calls",
            floor,
            None,
        ),
    ];
    let title = format!(
        "{} Lambda functions, new code for each (15 calls a second; functions of the local engine: opt-level 0, no LTO)",
        size.functions
    );
    bounds.print(&title, &rows);
    print_states(size);
}

/// How long the executions were in each state: in the last round, with alias and without.
fn print_states(size: &Size) {
    let (Some(aliased), Some(direct)) = (size.aliased.last(), size.direct.last()) else {
        return;
    };
    let time = |released: &Released, name: &str| {
        let stays = released.states.iter().filter(|stay| stay.name == name);
        milliseconds(stays.map(|stay| stay.time).sum())
    };
    let mut names: Vec<_> = aliased.states.iter().map(|stay| &stay.name).collect();
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(*name));
    let line = |name: &String| vec![name.clone(), time(aliased, name), time(direct, name)];
    let lines: Vec<_> = names.into_iter().map(line).collect();
    let title = format!("Time in each state, {} functions", size.functions);
    print(&title, &["state", "with alias", "without alias"], &lines);
}

fn print_sam(sizes: &[Size], sam: Result<Duration>) {
    let ours = sizes.iter().find(|size| size.functions == COMPARED);
    let ours = ours.map(|size| times(&size.direct, |one| one.total));
    let line = match (sam, ours) {
        (Ok(time), Some(ours)) => vec![
            seconds(time),
            format!("{} ({:.2} ×)", seconds(ours), ratio(ours, time)),
        ],
        (Ok(time), None) => vec![seconds(time), String::new()],
        (Err(error), _) => vec![format!("could not be run: {error}"), String::new()],
    };
    let title = format!("`sam sync --code` of {COMPARED} functions");
    print(
        &title,
        &["sam sync --code", "Lockstep, without alias"],
        &[line],
    );
}

/// How often each operation of Lambda was called for one function, by the controller's functions.
fn print_calls(sizes: &[Size]) {
    let mut lines = Vec::new();
    for size in sizes {
        let kinds = [
            ("with alias", &size.aliased),
            ("without alias", &size.direct),
        ];
        for (kind, released) in kinds {
            let Some(last) = released.last() else {
                continue;
            };
            let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
            for call in last
                .calls
                .iter()
                .filter(|call| call.name.service == "lambda")
            {
                let key = (call.name.caller.as_str(), call.name.operation.as_str());
                *counts.entry(key).or_default() += 1;
            }
            for ((caller, operation), count) in counts {
                lines.push(vec![
                    format!("{} {kind}", size.functions),
                    caller.to_owned(),
                    operation.to_owned(),
                    count.to_string(),
                    per_function(count, size.functions),
                ]);
            }
        }
    }
    let head = [
        "functions",
        "caller",
        "operation",
        "calls",
        "for each function",
    ];
    print("Calls of Lambda in one release", &head, &lines);
    let last = sizes.last().and_then(|size| size.aliased.last());
    let lines = last.map(|last| calls::lines("lockstep", &last.calls));
    let head = ["tool", "caller", "calls", "which", "time in the emulator"];
    print(
        "All AWS calls of the largest release",
        &head,
        &lines.unwrap_or_default(),
    );
}

fn per_function(count: usize, functions: usize) -> String {
    let hundredths = count * 100 / functions;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
