//! `lockstep sync` as a person runs it: the real command, a folder of builds, and functions that answer.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise, and says so on the terminal"
)]

mod command;

use std::time::Instant;

use command::Command;
use lockstep_tests::{Fleet, Shape, World, eventually, run, shared};

#[test]
fn a_changed_build_is_deployed_at_once() {
    run(async {
        let Some(world) = shared("sync").await else {
            return;
        };
        let fleet = world.fleet("synced", Shape::aliased(3)).await;
        fleet.spoil("bad");
        let mut sync = Command::start(
            world,
            &fleet.name,
            &["sync", "test", "--from", fleet.folder()],
        );
        sync.line("watching").await;
        let first = sync.line(" in ").await;
        assert!(
            first.contains("fleet/synced-01, fleet/synced-02, fleet/synced-03"),
            "{first}"
        );

        let begun = Instant::now();
        fleet.build(fleet.function(2), "v2");
        let line = sync.line(" in ").await;
        println!("seen after {:.1} s: {line}", begun.elapsed().as_secs_f64());
        assert!(line.contains("  fleet/synced-02  SUCCEEDED in "), "{line}");
        assert_eq!(labels(&fleet).await, ["v1", "v2", "v1"]);
        assert_eq!(uploaded(&fleet).await, ["synced-02.zip"]);

        fleet.build(fleet.function(1), "bad");
        let line = sync.line(" in ").await;
        assert!(
            line.contains("  fleet/synced-01  ROLLED_BACK in "),
            "{line}"
        );
        let reason = sync.line("  ").await;
        assert!(reason.contains("Put back and verified"), "{reason}");
        assert_eq!(labels(&fleet).await, ["v1", "v2", "v1"]);

        fleet.build(fleet.function(1), "v3");
        let line = sync.line(" in ").await;
        assert!(line.contains("  fleet/synced-01  SUCCEEDED in "), "{line}");
        assert_eq!(labels(&fleet).await, ["v3", "v2", "v1"]);
        assert_eq!(sync.interrupt().await, Some(0));
        no_other_deployment(world, &fleet).await;
        fleet.delete().await;
    });
}

#[test]
fn a_protected_environment_is_refused() {
    run(async {
        let Some(world) = shared("sync").await else {
            return;
        };
        let fleet = world.fleet("guarded", Shape::aliased(1)).await;
        let manifest = fleet.manifest("");
        let protected = manifest.replace("    trigger:", "    protected: true\n    trigger:");
        assert_ne!(manifest, protected);
        fleet.apply(&protected).await;
        let mut sync = Command::start(
            world,
            &fleet.name,
            &["sync", "test", "--from", fleet.folder()],
        );
        let why = sync.line("protected").await;
        assert!(why.contains("environment test is protected"), "{why}");
        assert_eq!(sync.ended().await, Some(2));
        assert!(fleet.records().await.is_empty());
        fleet.delete().await;
    });
}

/// What the functions answer, in their order.
async fn labels(fleet: &Fleet<'_>) -> Vec<String> {
    let labels = fleet.labels().await;
    fleet
        .functions
        .iter()
        .map(|name| labels[name].clone())
        .collect()
}

/// The artifacts of the newest deployment's release.
async fn uploaded(fleet: &Fleet<'_>) -> Vec<String> {
    let records = fleet.records().await;
    let zips = records.last().unwrap().requested.values();
    zips.map(|artifact| artifact.as_zip().unwrap().path.clone())
        .collect()
}

/// The uploads' own events start executions, and these find nothing to deploy.
async fn no_other_deployment(world: &World, fleet: &Fleet<'_>) {
    let verdicts = fleet.records().await.len();
    assert_eq!(verdicts, 4);
    let text = format!("releases/{}/sync-", fleet.name);
    eventually("all events of uploads are ignored", async || {
        let executions = world.executions_with(&text).await;
        let mut ended = 0;
        for execution in &executions {
            let status = execution.status().await?;
            assert!(
                status.output["reason"]
                    .as_str()
                    .unwrap()
                    .contains("lockstep sync")
            );
            ended += 1;
        }
        (ended == verdicts).then_some(())
    })
    .await;
}
