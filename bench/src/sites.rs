//! A release of a front end on the local engine, against `aws s3 sync` and an invalidation of everything.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use lockstep_cli::local::gateway::Call;
use lockstep_tests::{Sited, World};

use crate::peers::Peers;
use crate::rollouts::since_1970;
use crate::states::entered;
use crate::stats::{median, ratio, seconds};
use crate::table::{Bounds, Row, print};
use crate::{Result, calls};

/// The files of the site.
const FILES: usize = 2_000;
/// How many of them have a hash of their content in their names.
const HASHED: usize = 1_500;
/// How many bytes each of them has, about.
const BYTES: usize = 4_096;
/// What differs from release to release: a page, a script whose name changes with it, and a style.
const CHANGED: usize = 3;
/// The most that going live may take of the time of a sync after a fresh build.
const OF_SYNC: f64 = 1.0;

/// One release by one tool.
#[derive(Debug)]
struct Released {
    /// From the beginning until the new release is served and old answers are forgotten.
    live: Duration,
    /// Until people are told.
    total: Duration,
    /// The paths that were invalidated.
    forgotten: Vec<String>,
    calls: Vec<Call>,
}

/// Runs everything on one engine.
pub async fn run(runs: usize, bounds: &mut Bounds) -> Result<()> {
    let world = World::start("bench-sites")
        .await
        .ok_or("the local engine cannot run here")?;
    let peers = Peers::install(&world.endpoint())?;
    let ours = world.sited("bench-site").await;
    let (synced, built) = (
        world.sited("bench-synced").await,
        world.sited("bench-built").await,
    );
    ours.apply("").await;
    for site in [&ours, &synced, &built] {
        write_all(site);
    }
    let (mut released, mut fewest, mut fresh) = (Vec::new(), Vec::new(), Vec::new());
    // The first round brings all files there; it does not count.
    for round in 0..=runs {
        for site in [&ours, &synced, &built] {
            if let Some(before) = round.checked_sub(1) {
                site.remove(&script(before));
            }
            change(site, round);
        }
        let one = release(&world, &ours, round).await?;
        let few = sync(&world, &peers, &synced).await?;
        // A build on a machine of its own writes every file anew.
        write_all(&built);
        change(&built, round);
        let all = sync(&world, &peers, &built).await?;
        if round > 0 {
            released.push(one);
            fewest.push(few);
            fresh.push(all);
        }
    }
    world.stop().await;
    let tools = [
        ("Lockstep", &released),
        ("sync, three files newer", &fewest),
        ("sync after a fresh build", &fresh),
    ];
    print_times(&tools, bounds);
    print_requests(&tools, bounds);
    Ok(())
}

/// Everything that stays as it is from release to release.
fn write_all(site: &Sited<'_>) {
    for number in 0..FILES - CHANGED {
        let path = if number < HASHED {
            format!("assets/part-{number:04}aBcDeF.js")
        } else {
            format!("images/{number:04}.svg")
        };
        site.write(&path, &content(number));
    }
}

/// Text that does not pack away to nothing.
fn content(number: usize) -> String {
    let mut seed = u64::try_from(number).unwrap_or_default() + 1;
    let mut text = String::new();
    while text.len() < BYTES {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let _ = write!(text, "{seed:x}");
    }
    text
}

fn script(round: usize) -> String {
    format!("assets/index-{round:04}aBcDeF.js")
}

fn change(site: &Sited<'_>, round: usize) {
    site.write(&script(round), &format!("console.log({round})"));
    site.write(
        "style.css",
        &format!("p {{ border-width: {:05}px }}", round + 1),
    );
    let name = script(round);
    site.write(
        "index.html",
        &format!("<link rel=\"stylesheet\" href=\"/style.css\"><script src=\"/{name}\"></script>"),
    );
}

async fn release(world: &World, site: &Sited<'_>, round: usize) -> Result<Released> {
    let version = format!("1.{round}.0");
    let gateway = world.engine().gateway();
    let mark = gateway.last_call();
    let begun = since_1970(Timestamp::now())?;
    let execution = site.release(&version).await;
    let ended = execution.ended().await;
    if ended.status != "SUCCEEDED" {
        return Err(format!("release {version} ended as {ended:?}").into());
    }
    let history = execution.history().await;
    let live = entered(&history, "RolloutSettled").ok_or("the execution changed no site")?;
    let told = entered(&history, "Verdict").ok_or("the execution told nobody")?;
    world.idle().await;
    let calls = gateway.calls_since(mark).into_iter();
    Ok(Released {
        live: live.saturating_sub(begun),
        total: told.saturating_sub(begun),
        forgotten: last_of(site.invalidations().await),
        calls: calls
            .filter(|call| call.name.caller.starts_with("lockstep-"))
            .collect(),
    })
}

async fn sync(world: &World, peers: &Peers, site: &Sited<'_>) -> Result<Released> {
    let gateway = world.engine().gateway();
    let mark = gateway.last_call();
    let took = peers.sync_site(site.folder(), &site.name, &site.distribution)?;
    let calls = gateway.calls_since(mark).into_iter();
    Ok(Released {
        live: took,
        total: took,
        forgotten: last_of(site.invalidations().await),
        calls: calls.filter(|call| call.name.caller == "aws-cli").collect(),
    })
}

fn last_of(mut all: Vec<Vec<String>>) -> Vec<String> {
    all.pop().unwrap_or_default()
}

type Tools<'r> = [(&'static str, &'r Vec<Released>); 3];

fn print_times(tools: &Tools<'_>, bounds: &mut Bounds) {
    let time = |released: &[Released], time: fn(&Released) -> Duration| {
        median(&released.iter().map(time).collect::<Vec<_>>())
    };
    let [(_, ours), (few, fewest), (all, fresh)] = tools;
    let (live, total) = (time(ours, |it| it.live), time(ours, |it| it.total));
    let (fewest, fresh) = (time(fewest, |it| it.live), time(fresh, |it| it.live));
    let row = |what: &str, measured: Duration, name: &str, peer: Duration, bound| Row {
        what: what.to_owned(),
        measured: seconds(measured),
        against: format!("{name} {}", seconds(peer)),
        value: ratio(measured, peer),
        bound,
        unit: "×",
    };
    bounds.print(
        &format!("A site of {FILES} files, {CHANGED} of them changed"),
        &[
            row(
                "upload → live and looked at",
                live,
                all,
                fresh,
                Some(OF_SYNC),
            ),
            row("upload → live and looked at", live, few, fewest, None),
            row("upload → verified, people told", total, all, fresh, None),
            row("upload → verified, people told", total, few, fewest, None),
        ],
    );
}

/// What the last release of each tool took.
fn print_requests(tools: &Tools<'_>, bounds: &mut Bounds) {
    let mut lines = Vec::new();
    let mut rows = Vec::new();
    let mut all = Vec::new();
    for (tool, released) in tools {
        let Some(last) = released.last() else {
            continue;
        };
        let count = |operations: &[&str]| {
            let made = last.calls.iter();
            made.filter(|call| call.name.service == "s3" || call.name.service == "cloudfront")
                .filter(|call| operations.contains(&call.name.operation.as_str()))
                .count()
        };
        let sent = count(&["PutObject"]);
        let paths = match last.forgotten.as_slice() {
            few if few.len() <= 5 => few.join(" "),
            many => format!("{} paths", many.len()),
        };
        lines.push(vec![
            (*tool).to_owned(),
            sent.to_string(),
            count(&["CopyObject"]).to_string(),
            count(&["DeleteObject", "DeleteObjects"]).to_string(),
            count(&["ListObjectsV2"]).to_string(),
            last.calls.len().to_string(),
            paths,
        ]);
        if *tool == tools[0].0 {
            // The list of the release's files is one more.
            rows.push(bound("files sent, with the list", sent, CHANGED + 1));
            rows.push(bound("paths forgotten", last.forgotten.len(), CHANGED));
        }
        all.extend(calls::lines(tool, &last.calls));
    }
    bounds.print("What one release takes", &rows);
    let head = [
        "",
        "PutObject",
        "CopyObject",
        "deleted",
        "lists",
        "all AWS calls",
        "invalidated",
    ];
    print("Requests of one release", &head, &lines);
    let head = ["tool", "caller", "calls", "which", "time in the emulator"];
    print("All AWS calls of one release of a site", &head, &all);
}

fn bound(what: &str, found: usize, most: usize) -> Row {
    let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    Row {
        what: what.to_owned(),
        measured: found.to_string(),
        against: String::new(),
        value: number(found),
        bound: Some(number(most)),
        unit: "",
    }
}
