//! The phase against a small Lambda that can fail at every call, before and after it acts.

mod world;

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use lockstep::lambda::{
    FunctionChange, FunctionInputs, FunctionsStep, LiveAlias, LiveFunction, plan_function,
};
use lockstep::manifest::{
    CodeSource, FunctionCheck, FunctionConfiguration, FunctionTarget, ResolvedFunction,
};
use lockstep::release::{Artifact, ZipArtifact};
use lockstep::{Phase, PhaseError, Progress};
use lockstep_lambda::{Lambda, Mandate};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::FunctionsPhase;
use crate::fleet::Permit;
use crate::prune::prune;
use world::{FakeLambda, Fault, Faults};

/// More rounds than any ending takes.
const ROUNDS: usize = 60;

/// What the template gives an invocation.
const TIMEOUT: Duration = Duration::from_secs(50);

/// Functions with an alias get new code, `configured` new configuration as well, `direct` has
/// no alias.
const FLEET: [(&str, bool, bool); 4] = [
    ("api", true, false),
    ("configured", true, true),
    ("direct", false, true),
    ("worker", true, false),
];

fn zip(key: &str) -> Artifact {
    Artifact::Zip(ZipArtifact {
        bucket: "releases".into(),
        key: key.into(),
        version_id: Some("o1".into()),
        sha256: format!("{:x}", Sha256::digest(key)),
        size: 3,
        path: "api.zip".into(),
        release: "v2".into(),
        released_at: jiff::Timestamp::UNIX_EPOCH,
    })
}

/// A Lambda with these functions, all with code `old`.
fn lambda(fleet: &[(&str, bool, bool)]) -> FakeLambda {
    let fake = FakeLambda::default();
    for (name, ..) in fleet {
        fake.add(name, "old");
    }
    fake
}

fn change(fake: &FakeLambda, name: &str, alias: bool, configured: bool) -> FunctionChange {
    let environment = [("LOG_LEVEL".to_owned(), "info".to_owned())];
    let resolved = ResolvedFunction {
        target: FunctionTarget::One(name.into()),
        code: CodeSource::Zip("api.zip".into()),
        alias: alias.then(|| "live".to_owned()),
        keep: 2,
        check: None,
        configuration: FunctionConfiguration {
            memory_mb: configured.then_some(512),
            environment: environment.into_iter().filter(|_| configured).collect(),
            ..FunctionConfiguration::default()
        },
    };
    let latest = LiveFunction::parse(&fake.show(name));
    let live = LiveAlias::parse(&fake.show(&format!("{name}/aliases/live")));
    let serving = fake.show(&format!("{name}?Qualifier={}", live.version));
    let serving = LiveFunction::parse(&serving);
    let inputs = FunctionInputs {
        component: name,
        resolved: &resolved,
        artifact: Some(&zip("new")),
        verified: Some(&zip("old")),
        latest: &latest,
        alias: alias.then_some(&live),
        serving: alias.then_some(&serving),
    };
    plan_function(&inputs).unwrap().unwrap()
}

fn step(fake: &FakeLambda, fleet: &[(&str, bool, bool)]) -> FunctionsStep {
    let change =
        |(name, alias, configured): &(&str, bool, bool)| change(fake, name, *alias, *configured);
    FunctionsStep {
        deployment: "01D".into(),
        application: "shop".into(),
        environment: "production".into(),
        release: Some("v2".into()),
        functions: fleet.iter().map(change).collect(),
        checks: BTreeMap::new(),
        traffic: None,
        rate_per_second: 15,
        deadline_seconds: 900,
    }
}

fn phase(fake: &FakeLambda) -> FunctionsPhase {
    phase_of(Lambda::new(fake.client(), None))
}

fn phase_of(lambda: Lambda) -> FunctionsPhase {
    let phase = FunctionsPhase::new(lambda, Permit::default());
    phase.permit.begin(TIMEOUT, None);
    phase
}

/// What the runner does with a phase.
async fn run(phase: &FunctionsPhase, step: &FunctionsStep) -> Result<String, PhaseError> {
    for _ in 0..ROUNDS {
        phase.permit.begin(TIMEOUT, None);
        let seen = match phase.observe(step).await {
            Ok(Progress::NotStarted) => match phase.start(step).await {
                Ok(()) => phase.observe(step).await,
                Err(error) => Err(error),
            },
            seen => seen,
        };
        match seen {
            Ok(Progress::Done { summary }) => return Ok(summary),
            Err(error) if !error.is_transient() => return Err(error),
            _ => {}
        }
    }
    panic!("no end after {ROUNDS} rounds");
}

/// An invocation that begins now.
fn soon() -> Permit {
    let permit = Permit::default();
    permit.begin(TIMEOUT, None);
    permit
}

async fn put_back(phase: &FunctionsPhase, step: &FunctionsStep) -> Result<String, PhaseError> {
    for _ in 0..ROUNDS {
        phase.permit.begin(TIMEOUT, None);
        match phase.undo(step).await {
            Ok(Progress::Done { summary }) => return Ok(summary),
            Err(error) if !error.is_transient() => return Err(error),
            _ => {}
        }
    }
    panic!("not put back after {ROUNDS} rounds");
}

fn serving(fake: &FakeLambda, fleet: &[(&str, bool, bool)]) -> Vec<Value> {
    let serving = |(name, alias, _): &(&str, bool, bool)| fake.serving(name, *alias);
    fleet.iter().map(serving).collect()
}

/// Code, memory, environment and version of what serves after the release.
fn released() -> Vec<Value> {
    let new = world::code_sha256(b"new");
    let plain = json!({"Variables": {"SECRET": "hush"}});
    let merged = json!({"Variables": {"SECRET": "hush", "LOG_LEVEL": "info"}});
    vec![
        json!([[new, 128, plain, "2"], null]),
        json!([[new, 512, merged, "2"], null]),
        json!([new, 512, merged, "$LATEST"]),
        json!([[new, 128, plain, "2"], null]),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_release_goes_live_on_all_functions_with_no_call_too_many() {
    let fake = lambda(&FLEET);
    let step = step(&fake, &FLEET);
    let summary = run(&phase(&fake), &step).await.unwrap();
    assert_eq!(
        summary,
        "4 functions run api.zip v2 (11507a0e2f5e), api.zip v2 (11507a0e2f5e) with new configuration"
    );
    assert_eq!(serving(&fake, &FLEET), released());
    let changes = ["/configuration", "/code", "POST", "aliases"];
    let planning = FLEET.len();
    assert_eq!(
        changes.map(|part| fake.count(part)),
        [2, 4, 4, 3 + planning]
    );
}

#[tokio::test(start_paused = true)]
async fn a_hundred_functions_are_as_fast_as_the_budget_allows() {
    let names: Vec<_> = (0..100).map(|number| format!("shop-{number:03}")).collect();
    let fleet: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), true, false))
        .collect();
    let fake = lambda(&fleet);
    let step = step(&fake, &fleet);
    let looks = fake.count("GET");
    let start = Instant::now();
    run(&phase(&fake), &step).await.unwrap();
    let took = start.elapsed().as_secs_f64();
    // Three calls for each function at 15 a second: within one invocation.
    assert!((19.5..23.0).contains(&took), "{took}");
    assert_eq!(fake.count("PUT") + fake.count("POST"), 300);
    let looks = fake.count("GET") - looks;
    assert!(looks <= 100 * 7 + 5, "{looks}");
}

#[tokio::test(start_paused = true)]
async fn what_runs_already_is_only_looked_at() {
    let fake = lambda(&FLEET);
    let step = step(&fake, &FLEET);
    run(&phase(&fake), &step).await.unwrap();
    let writes = fake.count("PUT") + fake.count("POST");
    run(&phase(&fake), &step).await.unwrap();
    assert_eq!(fake.count("PUT") + fake.count("POST"), writes);
}

#[tokio::test(start_paused = true)]
async fn one_broken_function_stops_the_others_and_all_are_put_back() {
    let fake = lambda(&FLEET);
    let before = serving(&fake, &FLEET);
    fake.breaks("configured");
    let step = step(&fake, &FLEET);
    let phase = phase(&fake);
    let error = run(&phase, &step).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "function configured:live: the update failed: \
         Lambda cannot use the image; it must be built for Lambda, for the function's architecture (InvalidImage)"
    );
    let summary = put_back(&phase, &step).await.unwrap();
    assert_eq!(summary, "4 of 4 functions are as before");
    assert_eq!(serving(&fake, &FLEET), before);
    // Nothing is left to do: four looks, and not one call of those that are few.
    let calls = (fake.calls(), fake.count("PUT"), fake.count("aliases"));
    put_back(&phase, &step).await.unwrap();
    let (all, ..) = calls;
    assert_eq!(
        (all + 4, calls.1, calls.2),
        (fake.calls(), fake.count("PUT"), fake.count("aliases"))
    );
}

#[tokio::test(start_paused = true)]
async fn weights_are_cleared_and_put_back_exactly() {
    let fleet = [("api", true, false)];
    let fake = lambda(&fleet);
    fake.publish_past("api", &["by somebody"]);
    fake.set_weights("api", &json!({"2": 0.25}));
    let before = serving(&fake, &fleet);
    let step = step(&fake, &fleet);
    let phase = phase(&fake);
    run(&phase, &step).await.unwrap();
    assert_eq!(serving(&fake, &fleet)[0][1], Value::Null);
    let summary = put_back(&phase, &step).await.unwrap();
    assert_eq!(summary, "function api:live serves version 1");
    assert_eq!(serving(&fake, &fleet), before);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_did_in_between_is_told_and_not_lost() {
    let fake = lambda(&FLEET);
    let before = serving(&fake, &FLEET);
    fake.is_meddled_with("worker");
    let step = step(&fake, &FLEET);
    let phase = phase(&fake);
    let error = run(&phase, &step).await.unwrap_err();
    assert_eq!(error.name(), "Diverged", "{error}");
    put_back(&phase, &step).await.unwrap();
    assert_eq!(serving(&fake, &FLEET), before);
    let foreign = LiveFunction::parse(&fake.show("worker"));
    assert_eq!(foreign.code_sha256, world::code_sha256(b"foreign"));
}

#[tokio::test(start_paused = true)]
async fn a_throttled_account_only_takes_longer() {
    let fake = lambda(&FLEET);
    let step = step(&fake, &FLEET);
    fake.inject(Some((30, 40, Fault::Throttled)));
    run(&phase(&fake), &step).await.unwrap();
    assert_eq!(serving(&fake, &FLEET), released());
}

/// An execution that is stopped leaves its invocation behind, which goes on: nothing that it
/// would change would be put back.
#[tokio::test(start_paused = true)]
async fn nothing_is_changed_any_more_once_it_is_not_wanted() {
    const WANTED: usize = 3;
    let fake = lambda(&FLEET);
    let step = step(&fake, &FLEET);
    let phase = phase(&fake);
    let writes = move |fake: &FakeLambda| fake.count("PUT") + fake.count("POST");
    let (asked, planned) = (fake.clone(), writes(&fake));
    let mandate = Mandate::new(move || {
        let wanted = writes(&asked) - planned < WANTED;
        let stopped = PhaseError::Halted {
            by: "deployment 01E".into(),
        };
        async move { wanted.then_some(()).ok_or(stopped) }
    });
    phase.permit.begin(TIMEOUT, Some(mandate));
    let error = phase.start(&step).await.unwrap_err();
    assert_eq!(error.name(), "Halted", "{error}");
    assert_eq!(writes(&fake) - planned, WANTED);
}

#[tokio::test(start_paused = true)]
async fn an_invocation_ends_in_time_and_says_how_far_it_came() {
    let fake = lambda(&FLEET);
    let step = step(&fake, &FLEET);
    fake.inject(Some((fake.calls() + 4, usize::MAX, Fault::Throttled)));
    let phase = phase(&fake);
    let start = Instant::now();
    phase.start(&step).await.unwrap();
    let took = start.elapsed().as_secs();
    assert!((24..35).contains(&took), "{took}");
    let Progress::Running { note } = phase.observe(&step).await.unwrap() else {
        unreachable!()
    };
    assert!(note.starts_with("0 of 4 functions done; lambda:"), "{note}");
}

/// The same with a check of every function's new version.
fn checking(fake: &FakeLambda, fleet: &[(&str, bool, bool)]) -> FunctionsStep {
    let mut step = step(fake, fleet);
    let check = serde_json::from_value(json!({"payload": {"ping": true}}));
    let check: FunctionCheck = check.unwrap();
    let names = fleet.iter().map(|(name, ..)| (*name).to_owned());
    step.checks = names.map(|name| (name, check.clone())).collect();
    step
}

#[tokio::test(start_paused = true)]
async fn every_new_version_is_invoked_once_before_it_serves() {
    let fake = lambda(&FLEET);
    let step = checking(&fake, &FLEET);
    let phase = phase(&fake);
    run(&phase, &step).await.unwrap();
    assert_eq!(serving(&fake, &FLEET), released());
    let invoked =
        |name: &str, version: &str| fake.count(&format!("{name}/invocations?Qualifier={version}"));
    for (name, alias, _) in FLEET {
        let version = if alias { "2" } else { "%24LATEST" };
        assert_eq!(invoked(name, version), 1, "{name}");
    }
    run(&phase, &step).await.unwrap();
    assert_eq!(fake.count("invocations"), 4, "this process remembers");
    run(&self::phase(&fake), &step).await.unwrap();
    assert_eq!(
        fake.count("invocations"),
        5,
        "another one checks what no alias tells"
    );
}

#[tokio::test(start_paused = true)]
async fn code_that_does_not_start_never_serves() {
    for crashing in ["worker", "direct"] {
        let fake = lambda(&FLEET);
        let before = serving(&fake, &FLEET);
        fake.crashes(crashing);
        let step = checking(&fake, &FLEET);
        let phase = phase(&fake);
        let error = run(&phase, &step).await.unwrap_err();
        assert_eq!(error.name(), "Unhealthy");
        let text = error.to_string();
        assert!(
            text.contains("failed its check: SyntaxError: invalid syntax; see https://"),
            "{text}"
        );
        assert_eq!(fake.count(&format!("{crashing}/invocations")), 1);
        if crashing == "worker" {
            assert_eq!(serving(&fake, &FLEET)[3], before[3], "it never served");
        }
        put_back(&phase, &step).await.unwrap();
        assert_eq!(serving(&fake, &FLEET), before);
    }
}

/// An answer that is lost is asked for once more; one that Lambda has no time for as long as
/// it takes.
#[tokio::test(start_paused = true)]
async fn a_check_may_fail_for_now() {
    let fleet = &FLEET[..1];
    for (fault, times, ends_well) in [
        (Fault::LosesTheAnswer, 1, true),
        (Fault::LosesTheAnswer, 9, false),
        (Fault::Throttled, 5, true),
    ] {
        let fake = lambda(fleet);
        let step = checking(&fake, fleet);
        fake.inject_at("invocations", (times, fault));
        let result = run(&phase(&fake), &step).await;
        assert_eq!(result.is_ok(), ends_well, "{fault:?} {times}: {result:?}");
        if let Err(error) = result {
            let text = error.to_string();
            assert!(
                text.contains("version 2 could not be checked: ServiceException"),
                "{text}"
            );
            assert_eq!(fake.count("invocations"), 2);
        }
    }
}

/// Every call of every ending, failing before it acts, after it acted, by throttling and by
/// an update of somebody else's, once and several times: what serves is exactly what was
/// released or exactly what was there, and nothing is published twice.
#[tokio::test(start_paused = true)]
async fn every_call_may_fail() {
    for broken in [None, Some("configured")] {
        let (_, calls) = ending(broken, None).await;
        for call in 0..calls {
            for fault in Fault::ALL {
                ending(broken, Some((call, 1, fault))).await;
            }
            ending(broken, Some((call, 4, Fault::LosesTheAnswer))).await;
        }
    }
}

async fn ending(broken: Option<&str>, faults: Faults) -> (FakeLambda, usize) {
    let fleet = &FLEET[..3];
    let fake = lambda(fleet);
    let step = step(&fake, fleet);
    let before = serving(&fake, fleet);
    if let Some(broken) = broken {
        fake.breaks(broken);
    }
    let planned = fake.calls();
    fake.inject(faults.map(|(call, times, fault)| (planned + call, times, fault)));
    let phase = phase(&fake);
    let result = run(&phase, &step).await;
    if broken.is_none() {
        assert!(result.is_ok(), "{faults:?}: {result:?}");
        assert_eq!(serving(&fake, fleet), released()[..3], "{faults:?}");
    } else {
        assert_eq!(result.unwrap_err().name(), "Unhealthy", "{faults:?}");
        put_back(&phase, &step).await.unwrap();
        assert_eq!(serving(&fake, fleet), before, "{faults:?}");
    }
    for (name, ..) in fleet {
        assert!(fake.versions(name).len() <= 2, "{faults:?}: {name}");
    }
    let calls = fake.calls() - planned;
    (fake, calls)
}

/// The handler is killed after any call, and undo runs all the same.
#[tokio::test(start_paused = true)]
async fn undo_restores_whatever_was_reached() {
    let (_, calls) = ending(None, None).await;
    for call in 0..calls {
        for fault in Fault::ALL {
            let fake = lambda(&FLEET[..3]);
            let step = step(&fake, &FLEET[..3]);
            let before = serving(&fake, &FLEET[..3]);
            let phase = phase(&fake);
            fake.inject(Some((fake.calls() + call, usize::MAX, fault)));
            let _ = phase.start(&step).await;
            fake.inject(None);
            put_back(&phase, &step).await.unwrap();
            assert_eq!(serving(&fake, &FLEET[..3]), before, "{call} {fault:?}");
        }
    }
}

/// Gives the code of versions, as presigned addresses do.
fn serve_code(fake: FakeLambda) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 1024];
            let read = stream.read(&mut request).unwrap();
            let line = String::from_utf8_lossy(&request[..read]).into_owned();
            let mut path = line.split(' ').nth(1).unwrap().trim_matches('/').split('/');
            let zip = fake.zip(path.next().unwrap(), path.next().unwrap().parse().unwrap());
            let head = format!("content-length: {}\r\nconnection: close", zip.len());
            write!(stream, "HTTP/1.1 200 OK\r\n{head}\r\n\r\n").unwrap();
            stream.write_all(&zip).unwrap();
        }
    });
    address
}

#[tokio::test]
async fn code_that_no_release_has_comes_back_from_the_version_published_before() {
    let fleet = [("direct", false, true)];
    let fake = lambda(&fleet);
    let before = serving(&fake, &fleet);
    let mut step = step(&fake, &fleet);
    step.functions[0].put_back = None;
    let endpoint = serve_code(fake.clone());
    let phase = phase_of(Lambda::new(fake.client(), Some(endpoint)));
    run(&phase, &step).await.unwrap();
    assert_ne!(serving(&fake, &fleet), before);
    let summary = put_back(&phase, &step).await.unwrap();
    assert_eq!(summary, "function direct runs its previous code");
    assert_eq!(serving(&fake, &fleet), before);
}

#[tokio::test(start_paused = true)]
async fn only_old_versions_of_our_own_are_deleted() {
    const OURS: &str = "lockstep deployment 01C";
    let fleet = [("api", true, false)];
    let fake = lambda(&fleet);
    fake.publish_past("api", &[OURS, "by somebody", OURS, OURS, OURS]);
    let step = step(&fake, &fleet);
    run(&phase(&fake), &step).await.unwrap();
    assert_eq!(fake.versions("api"), [1, 2, 3, 4, 5, 6, 7]);
    fake.set_weights("api", &json!({"4": 0.5}));
    let lambda = Lambda::new(fake.client(), None);
    // 7 and 6 are the newest two, 4 has a weight, 3 and 1 are not ours, and 1 is the way back.
    let mut step = step;
    for change in &mut step.functions {
        change.before.latest_code_sha256 = "something else".into();
    }
    assert_eq!(prune(&lambda, &step, &soon()).await, 2);
    assert_eq!(fake.versions("api"), [1, 3, 4, 6, 7]);
    assert_eq!(prune(&lambda, &step, &soon()).await, 0);
}

#[tokio::test(start_paused = true)]
async fn pruning_that_fails_keeps_everything() {
    let fake = lambda(&FLEET);
    let step = step(&fake, &FLEET);
    run(&phase(&fake), &step).await.unwrap();
    fake.inject(Some((fake.calls(), usize::MAX, Fault::FailsBeforeActing)));
    assert_eq!(
        prune(&Lambda::new(fake.client(), None), &step, &soon()).await,
        0
    );
    assert_eq!(fake.versions("api"), [1, 2]);
}
