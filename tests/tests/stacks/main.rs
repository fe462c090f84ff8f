//! Functions that belong to a CloudFormation stack: whatever the stack is deployed for, what runs is what was released.
//!
//! The stack is deployed by the real SAM CLI, and every answer is a function's own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise, and says so on the terminal"
)]

mod template;

use std::collections::BTreeSet;

use lockstep::verdict::Verdict;
use lockstep_cli::local::gateway::{Fault, FaultRule};
use lockstep_tests::{Fleet, Shape, World, releases_bucket, run, shared};
use template::Stack;

#[test]
fn no_stack_deployment_brings_old_code_back() {
    run(async {
        let Some(world) = shared("stacks").await else {
            return;
        };
        let fleet = world.fleet_of_others("stacked", Shape::direct(2)).await;
        let mut stack = Stack::of(&fleet);
        seed(world, &fleet).await;
        world.deploy_stack("stacked", &stack.template()).await;
        assert_eq!(labels(&fleet).await, ["v1"]);

        fleet.build(fleet.function(1), "v2");
        fleet.build(fleet.function(2), "v2");
        assert_eq!(released(&fleet, "1.1.0").await, Verdict::Succeeded);
        assert_eq!(labels(&fleet).await, ["v2"]);

        let printed = world.deploy_stack("stacked", &stack.template()).await;
        assert!(printed.contains("No changes to deploy"), "{printed}");
        assert_eq!(
            labels(&fleet).await,
            ["v2"],
            "nothing in the template changed"
        );

        stack.queue = true;
        world.deploy_stack("stacked", &stack.template()).await;
        assert_eq!(labels(&fleet).await, ["v2"], "something else changed");

        stack.memory = 256;
        world.deploy_stack("stacked", &stack.template()).await;
        assert_eq!(
            labels(&fleet).await,
            ["v2"],
            "the functions themselves changed"
        );
        let snapshot = fleet.snapshot().await;
        let settings = &snapshot.functions[fleet.function(1)].settings;
        assert!(settings.contains("memory_size: Some(256)"), "{settings}");

        stack.functions = 1;
        world.deploy_stack("stacked", &stack.template()).await;
        stack.functions = 2;
        world.deploy_stack("stacked", &stack.template()).await;
        assert_eq!(
            labels(&fleet).await,
            ["v2"],
            "one was deleted and created again"
        );

        rolled_back(world, &fleet, &mut stack).await;
        fleet.delete().await;
    });
}

/// A release that is put back leaves behind what templates read as it was.
async fn rolled_back(world: &World, fleet: &Fleet<'_>, stack: &mut Stack) {
    let before = live(world, fleet).await;
    fleet.build(fleet.function(1), "v3");
    fleet.build(fleet.function(2), "v3");
    fleet.spoil("v3");
    assert_eq!(released(fleet, "1.2.0").await, Verdict::RolledBack);
    assert_eq!(labels(fleet).await, ["v2"]);
    assert_eq!(live(world, fleet).await, before);
    stack.functions = 1;
    world.deploy_stack("stacked", &stack.template()).await;
    stack.functions = 2;
    world.deploy_stack("stacked", &stack.template()).await;
    assert_eq!(
        labels(fleet).await,
        ["v2"],
        "created again after a rollback"
    );
}

#[test]
fn the_first_release_creates_what_templates_read_and_one_that_ends_badly_does_not() {
    run(async {
        let Some(world) = shared("stacks").await else {
            return;
        };
        let fleet = world.fleet("unstacked", Shape::aliased(2)).await;
        fleet.build(fleet.function(1), "v2");
        fleet.spoil("v2");
        assert_eq!(released(&fleet, "1.0.0").await, Verdict::RolledBack);
        assert_eq!(live(world, &fleet).await, ["nothing", "nothing"]);
        fleet.build(fleet.function(1), "v3");
        assert_eq!(released(&fleet, "1.1.0").await, Verdict::Succeeded);
        let live = live(world, &fleet).await;
        assert_ne!(live[0], "nothing");
        assert_eq!(
            live[1], "nothing",
            "the release did not change this function"
        );
        fleet.delete().await;
    });
}

#[test]
fn a_release_whose_code_cannot_be_kept_is_put_back_with_what_was_kept_of_it() {
    run(async {
        let Some(world) = shared("stacks").await else {
            return;
        };
        let fleet = world.fleet("unkept", Shape::aliased(2)).await;
        fleet.build(fleet.function(1), "v2");
        fleet.build(fleet.function(2), "v2");
        let refuse = FaultRule::on("lockstep-publish-live", "CopyObject", Fault::RefuseBefore);
        let refused = refuse.that_says(fleet.function(2)).times(usize::MAX);
        let refused = world.engine().gateway().inject(refused);
        assert_eq!(released(&fleet, "1.0.0").await, Verdict::RolledBack);
        assert!(refused.fired() > 0);
        assert_eq!(labels(&fleet).await, ["v1"]);
        assert_eq!(live(world, &fleet).await, ["nothing", "nothing"]);
        let records = fleet.records().await;
        let message = &records.last().unwrap().conclusion.as_ref().unwrap().message;
        let key = fleet.live_key(fleet.function(2));
        assert!(message.contains(&key), "{message}");
        fleet.delete().await;
    });
}

/// The first artifacts, as a person uploads them before the stack exists.
async fn seed(world: &World, fleet: &Fleet<'_>) {
    for (function, artifact) in fleet.functions.iter().zip(fleet.artifacts("0")) {
        let bytes = std::fs::read(&artifact.file).unwrap();
        let put = world.clients().s3.put_object().bucket(releases_bucket());
        let put = put.key(fleet.live_key(function)).body(bytes.into());
        put.send().await.unwrap();
    }
}

/// Releases what was built, and gives the verdict.
async fn released(fleet: &Fleet<'_>, version: &str) -> Verdict {
    fleet.release(version).await;
    let execution = fleet.execution_of_release(version).await;
    let (record, _) = execution.concluded().await;
    let conclusion = record.conclusion.unwrap();
    println!("{version}: {}: {}", conclusion.verdict, conclusion.message);
    println!("  {}", execution.path().await.join(" "));
    conclusion.verdict
}

/// The labels that the functions answer, each once.
async fn labels(fleet: &Fleet<'_>) -> Vec<String> {
    let labels: BTreeSet<_> = fleet.labels().await.into_values().collect();
    labels.into_iter().collect()
}

/// The hashes of what templates read, function by function.
async fn live(world: &World, fleet: &Fleet<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for function in &fleet.functions {
        let get = world.clients().s3.get_object().bucket(releases_bucket());
        let sent = get.key(fleet.live_key(function)).send().await;
        found.push(match sent {
            Ok(output) => {
                let bytes = output.body.collect().await.unwrap().into_bytes();
                assert!(!bytes.is_empty());
                let marks = output.metadata.unwrap_or_default();
                format!("{} {}", bytes.len(), marks["sha256"])
            }
            Err(_) => "nothing".to_owned(),
        });
    }
    found
}
