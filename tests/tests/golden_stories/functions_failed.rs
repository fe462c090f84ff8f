//! Releases of functions that are put back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lockstep::verdict::Verdict;
use lockstep_cli::local::gateway::{Fault, FaultRule};
use lockstep_tests::{Shape, World};

use crate::functions::{MANY, begin, end, put_back, uploaded};

/// The one in the middle.
const MIDDLE: usize = 10;

pub async fn broken(world: &World) -> String {
    let fleet = world.fleet("broken", Shape::aliased(MANY)).await;
    let headline = "A release of 20 functions has one artifact that is no zip file: Lambda refuses it, and all 20 \
                    answer what they answered before.";
    let story = begin(world, &fleet, headline).await;
    fleet.build_all("v2");
    fleet.build_broken(fleet.function(MIDDLE));
    put_back(story, fleet).await
}

pub async fn crashing(world: &World) -> String {
    let fleet = world.fleet("crashing", Shape::aliased(MANY)).await;
    let check = "check: { payload: { ping: true }, timeout_seconds: 15, expect: { label: v2 } }";
    fleet.apply(&checked(&fleet, check)).await;
    let headline = "The new code of one of 20 functions cannot be read by Python, which Lambda notices only when it \
                    is called. The manifest has every new version checked before it serves: all 20 answer what they \
                    answered before.";
    let mut story = begin(world, &fleet, headline).await;
    fleet.build_all("v2");
    let crashing = fleet.function(MIDDLE);
    fleet.build_crashing(crashing);
    let artifacts = fleet.artifacts("0");
    let path = format!("{crashing}.zip");
    let artifact = artifacts.iter().find(|artifact| artifact.path == path);
    story.call(&artifact.unwrap().sha256, "hash of the broken code");
    let before = fleet.snapshot().await;
    let mark = world.engine().gateway().last_call();
    assert_eq!(uploaded(&mut story, &fleet).await, Verdict::RolledBack);
    assert!(fleet.snapshot().await.runs_the_same_as(&before));
    let calls = world.engine().gateway().calls_since(mark);
    let of_it = |operation: &str| {
        let part = format!("/functions/{crashing}/");
        let calls = calls.iter().filter(|call| call.name.operation == operation);
        calls.filter(|call| call.path.contains(&part)).count()
    };
    assert_eq!(
        (of_it("Invoke"), of_it("UpdateAlias")),
        (1, 0),
        "it never served"
    );
    end(story, fleet).await
}

/// The fleet's manifest with a check.
fn checked(fleet: &lockstep_tests::Fleet<'_>, check: &str) -> String {
    let manifest = fleet.manifest("");
    let before = "    configuration:";
    assert!(manifest.contains(before));
    manifest.replace(before, &format!("    {check}\n{before}"))
}

pub async fn update_failed(world: &World) -> String {
    let fleet = world.fleet("update-failed", Shape::aliased(MANY)).await;
    let headline = "Lambda takes the new code of one of 20 functions and then fails to put it into effect: all 20 \
                    answer what they answered before.";
    let story = begin(world, &fleet, headline).await;
    fleet.build_all("v2");
    fail_update(world, fleet.function(MIDDLE));
    put_back(story, fleet).await
}

/// From its next new code on, a function's update is told to have failed.
fn fail_update(world: &World, function: &str) {
    let gateway = world.engine().gateway();
    let status = |status: &str, reason: &str, code: &str| {
        format!(
            "\"LastUpdateStatus\": \"{status}\", \"LastUpdateStatusReason\": \"{reason}\", \
             \"LastUpdateStatusReasonCode\": \"{code}\""
        )
    };
    let failed = Fault::Alter {
        from: status("Successful", "", ""),
        to: status("Failed", "No interfaces are left.", "EniLimitExceeded"),
    };
    let is_updated = Arc::new(AtomicBool::new(false));
    let (sees, asks) = (Arc::clone(&is_updated), is_updated);
    let see = move |_: &_| {
        sees.store(true, Ordering::SeqCst);
        false
    };
    let code = format!("/functions/{function}/code");
    gateway.inject(FaultRule::new(failed.clone(), see).that_says(&code));
    let ask = move |call: &lockstep_cli::local::gateway::CallName| {
        call.operation == "GetFunction" && asks.load(Ordering::SeqCst)
    };
    let name = format!("/functions/{function}");
    gateway.inject(FaultRule::new(failed, ask).that_says(&name));
}

pub async fn direct(world: &World) -> String {
    let fleet = world.fleet("direct", Shape::direct(3)).await;
    let settings = "memory_mb: 256, environment: { FLEET_NEW: added }";
    fleet.apply(&fleet.manifest(settings)).await;
    let headline = "Functions without an alias get new code and new settings, and the new code is unhealthy: their \
                    previous code and their previous settings are back, the variables too.";
    let story = begin(world, &fleet, headline).await;
    fleet.build_all("v2");
    fleet.spoil("v2");
    put_back(story, fleet).await
}
