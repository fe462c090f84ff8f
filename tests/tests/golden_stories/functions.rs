//! What releases of functions mostly come to.

use std::collections::{BTreeMap, BTreeSet};

use lockstep::release::base64_of_hex;
use lockstep::verdict::Verdict;
use lockstep_tests::{Execution, FIRST, Fleet, Shape, World};

use crate::story::Story;

/// How many functions a fleet has.
pub const MANY: usize = 20;

pub async fn released(world: &World) -> String {
    let fleet = world.fleet("released", Shape::aliased(MANY)).await;
    let headline = "A release of 20 functions is uploaded, and the code of 3 of them is new: only these are touched.";
    let mut story = begin(world, &fleet, headline).await;
    for number in [4, 11, 17] {
        fleet.build(fleet.function(number), "v2");
    }
    let mark = world.engine().gateway().last_call();
    assert_eq!(uploaded(&mut story, &fleet).await, Verdict::Succeeded);
    tell_writes(&mut story, world, &fleet, mark);
    end(story, fleet).await
}

pub async fn no_change(world: &World) -> String {
    let fleet = world.fleet("unchanged", Shape::aliased(3)).await;
    let headline =
        "A release is uploaded whose code runs already, in all functions: nothing is touched.";
    let mut story = begin(world, &fleet, headline).await;
    let mark = world.engine().gateway().last_call();
    assert_eq!(uploaded(&mut story, &fleet).await, Verdict::NoChange);
    tell_writes(&mut story, world, &fleet, mark);
    end(story, fleet).await
}

/// Begins a story; the hashes of the code of every label have names.
pub async fn begin<'w>(world: &'w World, fleet: &Fleet<'w>, headline: &str) -> Story<'w> {
    let mut story = Story::of(world, fleet, headline).await;
    // Every second one may be another kind of program, with code of its own.
    for function in fleet.functions.iter().take(2) {
        for label in ["v2", "v3", FIRST] {
            fleet.build(function, label);
            let artifacts = fleet.artifacts("0");
            let path = format!("{function}.zip");
            let artifact = artifacts.iter().find(|artifact| artifact.path == path);
            let hex = &artifact.unwrap().sha256;
            story.call(hex, &format!("hash of {label}"));
            story.call(&hex[..12], &format!("hash of {label}"));
            let shown = base64_of_hex(hex);
            story.call(&shown, &format!("CodeSha256 of {label}"));
            story.call(&shown[..12], &format!("CodeSha256 of {label}"));
        }
    }
    story
}

/// Uploads what was built as release 1.1.0, and tells what becomes of it.
pub async fn uploaded(story: &mut Story<'_>, fleet: &Fleet<'_>) -> Verdict {
    fleet.release("1.1.0").await;
    told(story, &fleet.execution_of_release("1.1.0").await).await
}

/// Tells what becomes of release 1.1.0, which was uploaded.
pub async fn told(story: &mut Story<'_>, execution: &Execution<'_>) -> Verdict {
    story
        .deployment("The upload of 1.1.0", "deployment", execution)
        .await
}

/// Uploads release 1.1.0, of which nothing may be left in the end.
pub async fn put_back(mut story: Story<'_>, fleet: Fleet<'_>) -> String {
    let before = fleet.snapshot().await;
    assert_eq!(uploaded(&mut story, &fleet).await, Verdict::RolledBack);
    assert!(fleet.snapshot().await.runs_the_same_as(&before));
    end(story, fleet).await
}

/// Ends a story with what became of the world, and takes the fleet away.
pub async fn end(story: Story<'_>, fleet: Fleet<'_>) -> String {
    let text = story.end().await;
    fleet.delete().await;
    text
}

/// Every call of the controller that changed a function of the fleet since a mark.
fn tell_writes(story: &mut Story<'_>, world: &World, fleet: &Fleet<'_>, mark: u64) {
    let calls = world.engine().gateway().calls_since(mark);
    let (mut counts, mut touched) = (BTreeMap::new(), BTreeSet::new());
    for call in &calls {
        let function = call.path.split('/').nth(3).unwrap_or_default();
        let is_read = ["Get", "List"]
            .iter()
            .any(|verb| call.name.operation.starts_with(verb));
        let is_ours = call.name.caller.starts_with("lockstep-") && call.name.service == "lambda";
        if is_ours && !is_read && fleet.functions.iter().any(|name| name == function) {
            *counts.entry(call.name.operation.clone()).or_insert(0) += 1;
            touched.insert(function.to_owned());
        }
    }
    story.heading("What was written to Lambda");
    if counts.is_empty() {
        story.line("nothing");
    }
    for (operation, count) in counts {
        story.line(&format!("{operation} {count} times"));
    }
    if !touched.is_empty() {
        let touched: Vec<_> = touched.into_iter().collect();
        story.line(&format!("to {}", touched.join(", ")));
    }
}
