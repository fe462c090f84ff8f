//! The phase against a CodeBuild, an ECR and a ledger of which every call can fail, before and after
//! it acts.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

use lockstep::image_build::ImageBuildStep;
use lockstep::record::DeploymentRef;
use lockstep::{DeploymentId, Phase, PhaseError, Progress};
use serde_json::json;

use super::BuildPhase;
use crate::world::{Fault, World};

/// More rounds than any ending takes.
const ROUNDS: usize = 20;

const ID: &str = "01JD5Q6Z8G0000000000000000";
const PAGE: &str = "https://eu-west-1.console.aws.amazon.com/codesuite/codebuild/111122223333/projects/lockstep-web/build/lockstep-web%3A0/?region=eu-west-1";

fn step() -> ImageBuildStep {
    ImageBuildStep {
        deployment: DeploymentRef {
            id: DeploymentId::parse(ID).unwrap(),
            application: "shop".into(),
            environment: "test".into(),
        },
        component: "web".into(),
        project: "lockstep-web".into(),
        repository: "shop/web".into(),
        commit: "3f2a9c1".into(),
        variables: [("IMAGE_TAG".to_owned(), "3f2a9c1".to_owned())].into(),
        timeout_minutes: 20,
    }
}

fn world(ends: Option<&'static str>) -> World {
    let unbuilt = json!({"kind": "unbuilt", "build": "web", "repository": "shop/web", "commit": "3f2a9c1", "asked_at": "2026-11-20T10:00:00Z"});
    let record = json!({
        "id": ID, "application": "shop", "environment": "test",
        "execution": {"name": "x", "arn": "arn", "started_at": "2026-11-20T10:00:00Z"},
        "source": {"kind": "manual", "by": "ann"}, "manifest_version": 7,
        "requested": {"web/web": unbuilt.clone(), "web/cron": unbuilt},
    });
    let world = World::default().with_record(&record);
    *world.ends.lock().unwrap() = ends;
    world
}

/// What the runner does with a phase, without the waiting.
async fn run(phase: &BuildPhase, step: &ImageBuildStep) -> Result<String, PhaseError> {
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

async fn stopped(world: &World, phase: &BuildPhase) -> String {
    for _ in 0..ROUNDS {
        match phase.undo(&step()).await {
            Ok(Progress::Done { summary }) => return summary,
            Ok(Progress::Running { .. }) => world.a_minute_later(),
            Err(error) => assert!(error.is_transient(), "{error}"),
            Ok(Progress::NotStarted) => panic!("undo always says what it found"),
        }
    }
    panic!("not stopped after {ROUNDS} rounds");
}

/// The image is in the record for both containers, with all of its tags.
fn is_taken(world: &World) {
    let record = world.record(ID);
    for component in ["web/web", "web/cron"] {
        let image = &record["requested"][component];
        assert_eq!(image["kind"], "image", "{record:#}");
        assert_eq!(image["digest"], "sha256:ab");
        assert_eq!(image["tag"], "3f2a9c1");
        let mark = world.item("env#shop#test", &format!("newest#{component}"));
        assert_eq!(mark["digest"]["S"], "sha256:ab");
    }
    let built = world.item("env#shop#test", "built#shop/web");
    assert_eq!(built["built_digest"]["S"], "sha256:ab");
    assert_eq!(built["built_commit"]["S"], "3f2a9c1");
}

#[tokio::test]
async fn an_image_is_one_build_whatever_call_fails() {
    let step = step();
    let without = world(Some("SUCCEEDED"));
    let told = run(&without.phase(), &step).await.unwrap();
    let begins = format!("shop/web:3f2a9c1 (ab) was built ({PAGE}), and is test-latest and 2");
    assert!(told.starts_with(&begins), "{told}");
    is_taken(&without);
    let tags = without.tags();
    assert_eq!(tags[..2], ["3f2a9c1", "test-latest"]);
    assert_eq!(tags.len(), 3, "{tags:?}");
    let calls = *without.calls.lock().unwrap();
    assert!(calls >= 12, "{calls}");
    for number in 0..calls {
        for fault in [Fault::BeforeActing, Fault::AfterActing] {
            let world = world(Some("SUCCEEDED"));
            world.inject(Some((number, fault)));
            let told = run(&world.phase(), &step).await;
            assert!(told.is_ok(), "{number} {fault:?}: {told:?}");
            assert_eq!(world.started(), 1, "{number} {fault:?}");
            assert_eq!(world.tags().len(), 3, "{number} {fault:?}");
            is_taken(&world);
        }
    }
}

#[tokio::test]
async fn what_exists_meanwhile_is_not_built() {
    let world = world(Some("SUCCEEDED"));
    world.tags.lock().unwrap().push("3f2a9c1".to_owned());
    let told = run(&world.phase(), &step()).await.unwrap();
    assert_eq!(
        told,
        "shop/web:3f2a9c1 (ab) was not built, because it exists meanwhile"
    );
    assert_eq!(world.started(), 0);
    assert_eq!(world.tags(), ["3f2a9c1"]);
    is_taken(&world);
}

#[tokio::test]
async fn a_tag_that_does_not_move_is_no_failure() {
    let kept = World {
        taken: Some("test-latest"),
        ..world(Some("SUCCEEDED"))
    };
    let told = run(&kept.phase(), &step()).await.unwrap();
    assert!(
        told.ends_with(
            "; test-latest stays where it was, because the repository's tags are immutable"
        ),
        "{told}"
    );
    is_taken(&kept);
}

#[tokio::test]
async fn a_build_that_fails_is_told_with_its_log_and_its_page() {
    let failing = world(Some("FAILED"));
    let error = run(&failing.phase(), &step()).await.unwrap_err();
    assert!(matches!(error, PhaseError::Rejected { .. }), "{error:?}");
    let told = error.to_string();
    let begins = format!(
        "build web: the build lockstep-web:0 failed in its phase BUILD; the end of its log: 1 test failed; all of it: {PAGE}; \
         reports: https://"
    );
    assert!(told.starts_with(&begins), "{told}");
    assert_eq!(
        failing.record(ID)["requested"]["web/web"]["kind"],
        "unbuilt"
    );
}

#[tokio::test]
async fn a_build_that_pushes_nothing_has_failed() {
    let idle = World {
        idle: true,
        ..world(Some("SUCCEEDED"))
    };
    let error = run(&idle.phase(), &step()).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("no image that is tagged 3f2a9c1"),
        "{error}"
    );
}

#[tokio::test]
async fn the_image_of_a_deployment_that_has_ended_is_not_taken() {
    let world = world(Some("SUCCEEDED"));
    let phase = world.phase();
    phase.start(&step()).await.unwrap();
    phase.observe(&step()).await.unwrap();
    let mut record = world.record(ID);
    record["conclusion"] =
        json!({"verdict": "STOPPED", "message": "m", "concluded_at": "2026-11-20T10:00:00Z"});
    let world = world.with_record(&record);
    let error = run(&world.phase(), &step()).await.unwrap_err();
    assert!(matches!(error, PhaseError::Halted { .. }), "{error:?}");
    assert_eq!(world.tags(), ["3f2a9c1"]);
}

#[tokio::test]
async fn a_build_whose_time_is_over_is_stopped() {
    let endless = world(None);
    let step = ImageBuildStep {
        timeout_minutes: 0,
        ..step()
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
        ..world(None)
    };
    let (phase, step) = (full.phase(), step());
    phase.start(&step).await.unwrap();
    let note = "CodeBuild takes no more builds at the moment (1 build in the queue)".to_owned();
    let seen = phase.observe(&step).await.unwrap();
    assert_eq!(seen, Progress::Running { note });
    assert_eq!(phase.observe(&step).await.unwrap(), Progress::NotStarted);
}

#[tokio::test]
async fn what_is_stopped_does_not_begin_any_more() {
    let world = world(None);
    let phase = world.phase();
    assert_eq!(stopped(&world, &phase).await, "it did not begin");
    let refused = phase.start(&step()).await.unwrap_err();
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
    let world = world(None);
    let phase = world.phase();
    world.inject(fault);
    while let Err(error) = phase.start(&step()).await {
        assert!(error.is_transient(), "{error}");
    }
    let told = stopped(&world, &phase).await;
    assert_eq!(
        told, "its build lockstep-web:0 ended as STOPPED",
        "{fault:?}"
    );
    assert_eq!((world.started(), world.status(0).as_str()), (1, "STOPPED"));
    *world.calls.lock().unwrap()
}

#[tokio::test]
async fn a_build_that_was_never_asked_for_is_not_waited_for_for_ever() {
    let world = world(None);
    let phase = world.phase();
    // The second call would have started it.
    world.inject(Some((1, Fault::BeforeActing)));
    assert!(phase.start(&step()).await.unwrap_err().is_transient());
    assert_eq!(stopped(&world, &phase).await, "its build was never started");
}

#[tokio::test]
async fn a_build_that_may_not_be_stopped_is_said_to_go_on() {
    let denied = World {
        denied: true,
        ..world(None)
    };
    let phase = denied.phase();
    phase.start(&step()).await.unwrap();
    let told = stopped(&denied, &phase).await;
    assert!(
        told.starts_with(
            "its build lockstep-web:0 could not be stopped and ends by itself within 20 min: "
        ),
        "{told}"
    );
}
