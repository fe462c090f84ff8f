//! Events of uploads to the bucket of releases.

use lockstep::verdict::Verdict;
use lockstep_tests::{ENVIRONMENT, Fleet, Shape, World};
use serde_json::{Value, json};

use crate::subject::verdict;

/// Every event comes again, as itself and as another one about the same upload, after a good and after a bad release.
pub async fn twice(world: &World) {
    let fleet = world.fleet("uploaded-twice", Shape::aliased(2)).await;
    let good = release(&fleet, "1.1.0", "v2").await;
    again(world, &good).await;
    fleet.spoil("v3");
    let bad = release(&fleet, "1.2.0", "v3").await;
    again(world, &bad).await;
    again(world, &good).await;
    let expected = [Verdict::Succeeded, Verdict::RolledBack];
    assert_eq!(verdicts(&fleet).await, expected);
    assert_eq!(labels(&fleet).await, ["v2", "v2"]);
    for record in fleet.records().await {
        let told = world.messages(record.deployment.id.as_str());
        let last = told.iter().filter(|message| message.is_final()).count();
        assert_eq!(last, 1, "{told:#?}");
    }
    fleet.delete().await;
}

/// Two uploads are told of in the wrong order, and late; one that nobody was told of is deployed by hand.
pub async fn late_and_lost(world: &World) {
    let fleet = world.fleet("uploaded-late", Shape::aliased(2)).await;
    let manifest = fleet.manifest("");
    let deaf = manifest.replace("trigger: { releases: true }", "trigger: { tags: [none] }");
    fleet.apply(&deaf).await;
    let mut events = Vec::new();
    for (version, label) in [("1.1.0", "v2"), ("1.2.0", "v3"), ("1.3.0", "v4")] {
        fleet.build_all(label);
        fleet.release(version).await;
        let unheard = fleet.execution_of_release(version).await;
        unheard.ended().await;
        events.push(event(&unheard.input().await));
    }
    assert!(fleet.records().await.is_empty());
    fleet.apply(&manifest).await;
    for event in [&events[1], &events[0]] {
        world.start_execution(event).await.ended().await;
    }
    assert_eq!(verdicts(&fleet).await, [Verdict::Succeeded]);
    assert_eq!(labels(&fleet).await, ["v3", "v3"]);
    let by_hand = json!({
        "application": fleet.name, "environment": ENVIRONMENT, "release": "1.3.0", "by": "a test"
    });
    let by_hand = world.start_execution(&by_hand).await;
    assert_eq!(verdict(&by_hand).await, Verdict::Succeeded);
    assert_eq!(labels(&fleet).await, ["v4", "v4"]);
    fleet.delete().await;
}

/// Uploads a release; gives its event once it is over.
async fn release(fleet: &Fleet<'_>, version: &str, label: &str) -> Value {
    fleet.build_all(label);
    fleet.release(version).await;
    let execution = fleet.execution_of_release(version).await;
    execution.concluded().await;
    event_of(&execution.input().await)
}

/// Sends an event twice more: as it came, and as another one about the same upload.
async fn again(world: &World, event: &Value) {
    for event in [event.clone(), renamed(event.clone())] {
        let ended = world.start_execution(&event).await.ended().await;
        assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    }
    world.idle().await;
}

fn event_of(input: &str) -> Value {
    serde_json::from_str(input).unwrap()
}

/// The event, as if it had not been delivered before.
fn event(input: &str) -> Value {
    renamed(event_of(input))
}

fn renamed(mut event: Value) -> Value {
    let id = event["id"].as_str().unwrap();
    event["id"] = format!("{id}-again").into();
    event
}

async fn labels(fleet: &Fleet<'_>) -> Vec<String> {
    fleet.labels().await.into_values().collect()
}

async fn verdicts(fleet: &Fleet<'_>) -> Vec<Verdict> {
    let records = fleet.records().await.into_iter();
    let conclusions = records.map(|record| record.conclusion);
    let verdict = |it: Option<lockstep::record::Conclusion>| it.expect("it is concluded").verdict;
    conclusions.map(verdict).collect()
}
