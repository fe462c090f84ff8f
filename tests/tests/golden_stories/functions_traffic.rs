//! Releases of functions whose traffic is shifted in stages. Each invocation is one of ours, so that a stage that waits
//! for enough of them is over when the story says so.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_cloudwatch::types::{ComparisonOperator, StateValue, Statistic};
use aws_sdk_lambda::primitives::Blob;
use lockstep::verdict::Verdict;
use lockstep_tests::{ALIAS, Execution, Fleet, Shape, World, eventually};
use tokio::task::JoinSet;

use crate::functions::{MANY, begin, end, told};
use crate::story::Story;

/// How often each function is invoked in a stage: its new version reaches its minimum of five at 20 % already.
const INVOCATIONS: usize = 25;

pub async fn canary(world: &World) -> String {
    let fleet = world.fleet("canary", Shape::aliased(MANY)).await;
    shift(&fleet, "strategy: canary, percent: 20, seconds: 2").await;
    let headline = "A release of 20 functions gets a fifth of their traffic first. All new versions answer well, and \
                    get all of it.";
    let mut story = begin(world, &fleet, headline).await;
    let execution = release(&fleet).await;
    stage(&mut story, world, &fleet, 20).await;
    assert_eq!(told(&mut story, &execution).await, Verdict::Succeeded);
    assert!(unweighted(&fleet).await);
    end(story, fleet).await
}

pub async fn linear(world: &World) -> String {
    let fleet = world.fleet("linear", Shape::aliased(2)).await;
    // Long enough for all calls of a stage, also on a busy machine.
    shift(&fleet, "strategy: linear, percent: 40, seconds: 20").await;
    let headline = "A release gets two fifths of the traffic, then four fifths, then all of it.";
    let mut story = begin(world, &fleet, headline).await;
    let execution = release(&fleet).await;
    stage(&mut story, world, &fleet, 40).await;
    stage(&mut story, world, &fleet, 80).await;
    assert_eq!(told(&mut story, &execution).await, Verdict::Succeeded);
    assert!(unweighted(&fleet).await);
    end(story, fleet).await
}

pub async fn errors(world: &World) -> String {
    let fleet = world.fleet("canary-errors", Shape::aliased(5)).await;
    shift(&fleet, "strategy: canary, percent: 20, minutes: 10").await;
    let headline = "The new code of one of five functions fails at each call. With a fifth of the traffic it is noticed \
                    long before the stage is over, and all of them are as before.";
    let mut story = begin(world, &fleet, headline).await;
    let before = fleet.snapshot().await;
    let execution = release_with(&fleet, Some(3)).await;
    let artifacts = fleet.artifacts("0");
    story.call(&artifacts[2].sha256, "hash of what fails");
    stage(&mut story, world, &fleet, 20).await;
    assert_eq!(told(&mut story, &execution).await, Verdict::RolledBack);
    assert!(fleet.snapshot().await.runs_the_same_as(&before));
    end(story, fleet).await
}

pub async fn alarm(world: &World) -> String {
    let fleet = world.fleet("canary-alarm", Shape::aliased(2)).await;
    let name = "canary-alarm-5xx";
    alarm_is(world, name, StateValue::Ok).await;
    shift(
        &fleet,
        &format!("strategy: canary, percent: 20, seconds: 150, alarms: [{name}]"),
    )
    .await;
    let headline = "An alarm goes off while new versions have a fifth of the traffic: it is taken away from them.";
    let mut story = begin(world, &fleet, headline).await;
    let before = fleet.snapshot().await;
    let execution = release(&fleet).await;
    reached(&fleet, 20).await;
    alarm_is(world, name, StateValue::Alarm).await;
    assert_eq!(told(&mut story, &execution).await, Verdict::RolledBack);
    assert!(fleet.snapshot().await.runs_the_same_as(&before));
    end(story, fleet).await
}

pub async fn quiet(world: &World) -> String {
    let fleet = world.fleet("quiet", Shape::aliased(2)).await;
    shift(
        &fleet,
        "strategy: canary, percent: 20, seconds: 2, when_quiet: stop",
    )
    .await;
    let headline = "Nobody calls the functions. Where the manifest says `when_quiet: stop`, the release is put back; \
                    where it says `proceed`, it gets all traffic.";
    let mut story = begin(world, &fleet, headline).await;
    let before = fleet.snapshot().await;
    let execution = release(&fleet).await;
    let verdict = story.deployment("stop", "deployment", &execution).await;
    assert_eq!(verdict, Verdict::RolledBack);
    assert!(fleet.snapshot().await.runs_the_same_as(&before));
    shift(
        &fleet,
        "strategy: canary, percent: 20, seconds: 5, when_quiet: proceed",
    )
    .await;
    fleet.release("1.2.0").await;
    let execution = fleet.execution_of_release("1.2.0").await;
    reached(&fleet, 20).await;
    warm(world, &fleet).await;
    let verdict = story
        .deployment("proceed", "second deployment", &execution)
        .await;
    assert_eq!(verdict, Verdict::Succeeded);
    assert!(unweighted(&fleet).await);
    end(story, fleet).await
}

pub async fn stopped(world: &World) -> String {
    let fleet = world.fleet("canary-stopped", Shape::aliased(2)).await;
    shift(&fleet, "strategy: canary, percent: 20, minutes: 60").await;
    let headline = "Somebody stops the execution while new versions have a fifth of the traffic: the watchdog takes it \
                    away from them.";
    let mut story = begin(world, &fleet, headline).await;
    let before = fleet.snapshot().await;
    let execution = release(&fleet).await;
    reached(&fleet, 20).await;
    execution.reaches("TrafficWait").await;
    execution.stop().await;
    assert_eq!(told(&mut story, &execution).await, Verdict::Stopped);
    assert!(fleet.snapshot().await.runs_the_same_as(&before));
    end(story, fleet).await
}

/// Makes an alarm, and puts it into a state.
async fn alarm_is(world: &World, name: &str, state: StateValue) {
    let cloudwatch = &world.clients().cloudwatch;
    let put = cloudwatch.put_metric_alarm().alarm_name(name);
    let put = put
        .namespace("Shop")
        .metric_name("5xx")
        .statistic(Statistic::Sum);
    let put = put.period(60).evaluation_periods(1).threshold(1.0);
    let put = put.comparison_operator(ComparisonOperator::GreaterThanThreshold);
    put.send().await.unwrap();
    let set = cloudwatch.set_alarm_state().alarm_name(name);
    let set = set
        .state_value(state)
        .state_reason("Threshold Crossed: 7 is greater than 1.");
    set.send().await.unwrap();
}

/// Stores the fleet's manifest with a way to shift its traffic. Quiet stages wait, unless it says otherwise.
pub async fn shift(fleet: &Fleet<'_>, how: &str) {
    let traffic = format!(
        "    traffic: {{ {how}, minimum_invocations: 5, metrics_delay_seconds: 1 }}\n    trigger:"
    );
    let manifest = fleet.manifest("");
    fleet
        .apply(&manifest.replace("    trigger:", &traffic))
        .await;
}

pub async fn release<'w>(fleet: &Fleet<'w>) -> Execution<'w> {
    release_with(fleet, None).await
}

/// Releases v2 of every function; that of one of them fails at each call.
async fn release_with<'w>(fleet: &Fleet<'w>, crashing: Option<usize>) -> Execution<'w> {
    fleet.build_all("v2");
    if let Some(number) = crashing {
        fleet.build_crashing(fleet.function(number));
    }
    fleet.release("1.1.0").await;
    fleet.execution_of_release("1.1.0").await
}

/// Waits for a stage, and has people use the functions in it.
async fn stage(story: &mut Story<'_>, world: &World, fleet: &Fleet<'_>, percent: u32) {
    reached(fleet, percent).await;
    warm(world, fleet).await;
    let mut calling = JoinSet::new();
    for function in fleet.functions.clone() {
        let lambda = world.clients().lambda.clone();
        calling.spawn(async move { invoked(&lambda, &function).await });
    }
    let shares: BTreeSet<_> = calling.join_all().await.into_iter().collect();
    story.heading(&format!("With {percent} % of the traffic"));
    for share in shares {
        story.line(&share);
    }
}

/// How many invocations of a function's alias each version had.
async fn invoked(lambda: &aws_sdk_lambda::Client, function: &str) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..INVOCATIONS {
        let call = lambda.invoke().function_name(function).qualifier(ALIAS);
        let answer = call.payload(Blob::new("{}")).send().await.unwrap();
        let failed = if answer.function_error().is_some() {
            ", and failed"
        } else {
            ""
        };
        let version = answer.executed_version().unwrap_or_default();
        *counts
            .entry(format!("version {version}{failed}"))
            .or_insert(0) += 1;
    }
    let told = counts
        .iter()
        .map(|(what, times)| format!("{times} by {what}"));
    format!(
        "of {INVOCATIONS} calls of one function: {}",
        told.collect::<Vec<_>>().join("; ")
    )
}

/// Waits until each function's new version has this share.
pub async fn reached(fleet: &Fleet<'_>, percent: u32) {
    let wanted = BTreeMap::from([("2".to_owned(), f64::from(percent) / 100.0)]);
    eventually(&format!("{percent} % of {}", fleet.name), async || {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let now = fleet.snapshot().await.functions;
        now.values()
            .all(|it| it.weights == wanted && it.version == "1")
            .then_some(())
    })
    .await;
}

/// Invokes both versions by their number, which counts for no alias: a first call takes a while, on a busy machine
/// longer than the function's timeout.
pub async fn warm(world: &World, fleet: &Fleet<'_>) {
    let mut calling = JoinSet::new();
    for function in fleet.functions.clone() {
        let lambda = world.clients().lambda.clone();
        calling.spawn(async move {
            for version in ["1", "2", "1", "2"] {
                let call = lambda.invoke().function_name(&function);
                call.qualifier(version).send().await.unwrap();
            }
        });
    }
    calling.join_all().await;
}

pub async fn unweighted(fleet: &Fleet<'_>) -> bool {
    let now = fleet.snapshot().await.functions;
    now.values()
        .all(|it| it.weights.is_empty() && it.version == "2")
}
