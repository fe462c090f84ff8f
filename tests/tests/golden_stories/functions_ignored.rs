//! Releases that change nothing, because they cannot or should not.

use lockstep::verdict::Verdict;
use lockstep_tests::{FIRST, Fleet, Shape, World};
use serde_json::{Value, json};

use crate::functions::{begin, end};

pub async fn rejected(world: &World) -> String {
    let fleet = world.fleet("refused", Shape::aliased(2)).await;
    let headline = "Three releases that are not what they should be: nothing of them is deployed.";
    let mut story = begin(world, &fleet, headline).await;
    let before = fleet.snapshot().await;
    let (first, second) = (fleet.function(1), fleet.function(2));
    let path = format!("{first}.zip");
    let bytes = b"not what was meant".as_slice();
    let wrong_hash = release_file(&fleet, "1.1.0", &[&path]);
    let missing = release_file(&fleet, "1.2.0", &[&path, &format!("{second}.zip")]);
    let trick = release_file(&fleet, "1.3.0", &["../../other/1.0.0/stolen.zip"]);
    let told = [
        ("1.1.0", "the hash of another file", wrong_hash),
        ("1.2.0", "an artifact that was not uploaded", missing),
        ("1.3.0", "a path that leads elsewhere", trick),
    ];
    for (version, what, file) in told {
        fleet.release_raw(version, &file, &[(&path, bytes)]).await;
        let execution = fleet.execution_of_release(version).await;
        let title = format!("{version}, with {what}");
        let name = format!("deployment of {version}");
        let verdict = story.deployment(&title, &name, &execution).await;
        assert_eq!(verdict, Verdict::Rejected);
    }
    assert!(fleet.snapshot().await.runs_the_same_as(&before));
    end(story, fleet).await
}

/// A release.json whose artifacts have the hash of nothing that was uploaded.
fn release_file(fleet: &Fleet<'_>, version: &str, paths: &[&str]) -> Value {
    let artifact = |path: &&str| json!({ "path": path, "sha256": "a".repeat(64) });
    let artifacts: Vec<_> = paths.iter().map(artifact).collect();
    json!({ "application": fleet.name, "version": version, "artifacts": artifacts })
}

pub async fn older(world: &World) -> String {
    let shape = Shape {
        custom: true,
        ..Shape::aliased(2)
    };
    let fleet = world.fleet("older", shape).await;
    fleet.build_all("v2");
    fleet.release("1.2.0").await;
    let newer = fleet.execution_of_release("1.2.0").await;
    let (record, _) = newer.concluded().await;
    let verdict = record.conclusion.map(|conclusion| conclusion.verdict);
    assert_eq!(verdict, Some(Verdict::Succeeded));
    let headline = "1.2.0 is deployed, and then 1.1.0 is uploaded: a job of CI that was slow brings nothing old back.";
    let mut story = begin(world, &fleet, headline).await;
    story.call(record.deployment.id.as_str(), "the deployment of 1.2.0");
    fleet.build_all(FIRST);
    fleet.release("1.1.0").await;
    let execution = fleet.execution_of_release("1.1.0").await;
    story.execution("The upload of 1.1.0", &execution).await;
    assert_eq!(fleet.records().await.len(), 1);
    end(story, fleet).await
}
