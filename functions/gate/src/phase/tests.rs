//! The phase against a CodeBuild and a ledger of which every call can fail, before and after it acts.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

use lockstep::gate::GateStep;
use lockstep::manifest::GateTime;
use lockstep::{DeploymentId, Phase, PhaseError, Progress};

use super::GatePhase;
use crate::world::{Fault, World};

/// More rounds than any ending takes.
const ROUNDS: usize = 20;

const PAGE: &str = "https://eu-west-1.console.aws.amazon.com/codesuite/codebuild/111122223333/projects/shop-tests/build/shop-tests%3A0/?region=eu-west-1";

fn step(when: GateTime) -> GateStep {
    GateStep {
        deployment: DeploymentId::parse("01JD5Q6Z8G0000000000000000").unwrap(),
        component: "unit".into(),
        when,
        project: "shop-tests".into(),
        variables: [("SUITE".to_owned(), "smoke".to_owned())].into(),
        source_version: Some("3f2a9c1".into()),
        timeout_minutes: 20,
    }
}

fn world(ends: Option<&'static str>) -> World {
    let world = World::default();
    *world.ends.lock().unwrap() = ends;
    world
}

/// What the runner does with a phase, without the waiting.
async fn run(phase: &GatePhase, step: &GateStep) -> Result<String, PhaseError> {
    for _ in 0..ROUNDS {
        let seen = match phase.observe(step).await {
            Ok(Progress::NotStarted) => phase.start(step).await.map(|()| Progress::NotStarted),
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

async fn stopped(world: &World, phase: &GatePhase) -> String {
    for _ in 0..ROUNDS {
        match phase.undo(&step(GateTime::Before)).await {
            Ok(Progress::Done { summary }) => return summary,
            Ok(Progress::Running { .. }) => world.a_minute_later(),
            Err(error) => assert!(error.is_transient(), "{error}"),
            Ok(Progress::NotStarted) => panic!("undo always says what it found"),
        }
    }
    panic!("not stopped after {ROUNDS} rounds");
}

#[tokio::test]
async fn a_gate_is_one_build_whatever_call_fails() {
    let step = step(GateTime::Before);
    let without = world(Some("SUCCEEDED"));
    let told = run(&without.phase(), &step).await.unwrap();
    assert!(
        told.starts_with(&format!("passed ({PAGE}; reports: https://")),
        "{told}"
    );
    let calls = *without.calls.lock().unwrap();
    assert!(calls >= 6, "{calls}");
    for number in 0..calls {
        for fault in [Fault::BeforeActing, Fault::AfterActing] {
            let world = world(Some("SUCCEEDED"));
            world.inject(Some((number, fault)));
            let told = run(&world.phase(), &step).await;
            assert!(told.is_ok(), "{number} {fault:?}: {told:?}");
            assert_eq!(world.started(), 1, "{number} {fault:?}");
        }
    }
}

#[tokio::test]
async fn a_build_that_fails_is_told_with_its_log_and_its_pages() {
    let failing = world(Some("FAILED"));
    let error = run(&failing.phase(), &step(GateTime::Before))
        .await
        .unwrap_err();
    assert!(matches!(error, PhaseError::Rejected { .. }), "{error:?}");
    let told = error.to_string();
    let begins = format!(
        "gate unit: the build shop-tests:0 failed in its phase BUILD; the end of its log: 1 test failed; all of it: {PAGE}; reports: https://"
    );
    assert!(told.starts_with(&begins), "{told}");
    let failing = world(Some("FAILED"));
    let error = run(&failing.phase(), &step(GateTime::After))
        .await
        .unwrap_err();
    assert!(matches!(error, PhaseError::Unhealthy { .. }), "{error:?}");
}

#[tokio::test]
async fn a_build_whose_time_is_over_is_stopped() {
    let endless = world(None);
    let step = GateStep {
        timeout_minutes: 0,
        ..step(GateTime::After)
    };
    let error = run(&endless.phase(), &step).await.unwrap_err();
    assert!(
        matches!(error, PhaseError::DeadlineExceeded { .. }),
        "{error:?}"
    );
    assert_eq!(endless.status(0), "STOPPED");
}

#[tokio::test]
async fn a_full_queue_is_waited_for() {
    let full = World {
        full: true,
        ..World::default()
    };
    let (phase, step) = (full.phase(), step(GateTime::Before));
    phase.start(&step).await.unwrap();
    let note = "CodeBuild takes no more builds at the moment (1 build in the queue)".to_owned();
    let seen = phase.observe(&step).await.unwrap();
    assert_eq!(seen, Progress::Running { note });
    assert_eq!(phase.observe(&step).await.unwrap(), Progress::NotStarted);
}

#[tokio::test]
async fn what_is_stopped_does_not_begin_any_more() {
    let (world, step) = (world(None), step(GateTime::Before));
    let phase = world.phase();
    assert_eq!(stopped(&world, &phase).await, "it was not asked");
    let refused = phase.start(&step).await.unwrap_err();
    assert!(matches!(refused, PhaseError::Halted { .. }), "{refused:?}");
    assert_eq!(world.started(), 0);
}

#[tokio::test]
async fn a_running_build_is_stopped_whatever_call_fails() {
    let calls = stop_after_start(None).await;
    for number in 0..calls {
        for fault in [Fault::BeforeActing, Fault::AfterActing] {
            stop_after_start(Some((number, fault))).await;
        }
    }
}

async fn stop_after_start(fault: Option<(usize, Fault)>) -> usize {
    let (world, step) = (world(None), step(GateTime::Before));
    let phase = world.phase();
    world.inject(fault);
    while let Err(error) = phase.start(&step).await {
        assert!(error.is_transient(), "{error}");
    }
    let told = stopped(&world, &phase).await;
    assert_eq!(told, "its build shop-tests:0 ended as STOPPED", "{fault:?}");
    assert_eq!((world.started(), world.status(0).as_str()), (1, "STOPPED"));
    *world.calls.lock().unwrap()
}

#[tokio::test]
async fn a_build_that_was_never_asked_for_is_not_waited_for_for_ever() {
    let world = world(None);
    let (phase, step) = (world.phase(), step(GateTime::Before));
    // The second call would have started it.
    world.inject(Some((1, Fault::BeforeActing)));
    assert!(phase.start(&step).await.unwrap_err().is_transient());
    assert_eq!(stopped(&world, &phase).await, "its build was never started");
}

#[tokio::test]
async fn a_build_that_may_not_be_stopped_is_said_to_go_on() {
    let denied = World {
        denied: true,
        ..World::default()
    };
    let phase = denied.phase();
    phase.start(&step(GateTime::Before)).await.unwrap();
    let told = stopped(&denied, &phase).await;
    assert!(
        told.starts_with(
            "its build shop-tests:0 could not be stopped and ends by itself within 20 min: "
        ),
        "{told}"
    );
}
