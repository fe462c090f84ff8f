//! Migrations by CodeBuild projects.

use lockstep::migration::{BuildMeans, Identity, Means, MigrationStep, Run};
use lockstep::{Phase as _, Progress};

use super::codebuild::variable;
use super::ecs::Fault;
use super::{EXPAND, World, is_done, step_by, summary};

fn step(run: Run, undo: bool) -> MigrationStep {
    let means = BuildMeans {
        project: "shop-migrate".into(),
        image: "h/shop/api@sha256:22".into(),
        variables: [("SCHEMA".to_owned(), "shop".to_owned())].into(),
        undo,
    };
    let identity = Identity::of("h/shop/api@sha256:22", &["build".to_owned()]);
    step_by(run, Means::Build(means), identity)
}

#[tokio::test]
async fn a_build_runs_once_whichever_call_fails_and_however() {
    let step = step(Run::Expand, false);
    for fault in [Fault::Before, Fault::Lost] {
        for call in 0..8 {
            let world = World::default();
            world.codebuild.state().fault = Some((call, fault));
            world.doing(&step).await.unwrap();
            world.codebuild.end("SUCCEEDED", "BUILD");
            assert!(is_done(&world.doing(&step).await));
            assert!(is_done(&world.doing(&step).await));
            assert_eq!(world.codebuild.verbs(), ["up"], "{fault:?} of call {call}");
            assert_eq!(world.runs_kept(), 1);
            let build = world.codebuild.state().builds[0].clone();
            assert_eq!(variable(&build, "SCHEMA"), "shop");
            assert_eq!(variable(&build, "LOCKSTEP_IMAGE"), "h/shop/api@sha256:22");
        }
    }
}

#[tokio::test]
async fn a_build_that_fails_says_how_with_its_log_and_where_to_read_on() {
    let (world, step) = (World::default(), step(Run::Expand, true));
    world.codebuild.state().says = "no such column";
    world.doing(&step).await.unwrap();
    world.codebuild.end("FAILED", "BUILD");
    let error = world.doing(&step).await.unwrap_err();
    assert_eq!(error.name(), "Unhealthy");
    assert_eq!(
        error.to_string(),
        "migration schema: `up` of CodeBuild project shop-migrate for shop/api:v2 failed: the build failed: its phase BUILD \
         failed; the end of its log:\n  no such column\nSee https://console"
    );
    assert!(summary(world.undoing(&step).await).starts_with("it did not finish"));
    assert_eq!((world.codebuild.verbs().len(), world.runs_kept()), (1, 0));
}

#[tokio::test]
async fn a_build_that_never_ran_a_command_says_nothing_of_the_release() {
    let (world, step) = (World::default(), step(Run::Expand, true));
    world.doing(&step).await.unwrap();
    world.codebuild.end("FAILED", "DOWNLOAD_SOURCE");
    assert_eq!(world.doing(&step).await.unwrap_err().name(), "Rejected");
    assert_eq!(summary(world.undoing(&step).await), "it did not run");
}

#[tokio::test]
async fn a_build_that_hangs_is_stopped() {
    let (world, step) = (World::default(), step(Run::Expand, false));
    world.doing(&step).await.unwrap();
    world.codebuild.state().builds[0]["startTime"] = 1_763_719_200.into();
    let seen = world.doing(&step).await;
    assert!(matches!(seen, Ok(Progress::Running { .. })), "{seen:?}");
    let error = world.doing(&step).await.unwrap_err();
    assert_eq!(error.name(), "DeadlineExceeded");
    assert_eq!(
        error.to_string(),
        "migration schema: `up` of CodeBuild project shop-migrate for shop/api:v2 was stopped, see https://console; it did not \
         finish within 10 min"
    );
    assert_eq!(world.runs_kept(), 0);
}

#[tokio::test]
async fn a_build_that_somebody_stopped_did_not_succeed() {
    let (world, step) = (World::default(), step(Run::Expand, false));
    world.doing(&step).await.unwrap();
    world.codebuild.end("STOPPED", "BUILD");
    let error = world.doing(&step).await.unwrap_err();
    assert_eq!(error.name(), "Rejected");
    assert!(error.to_string().contains("ended as STOPPED"), "{error}");
}

#[tokio::test]
async fn while_codebuild_is_full_it_is_waited_for() {
    let (world, step) = (World::default(), step(Run::Expand, false));
    world.codebuild.state().full = true;
    let phase = world.phase();
    assert_eq!(phase.observe(&step).await.unwrap(), Progress::NotStarted);
    phase.start(&step).await.unwrap();
    let seen = phase.observe(&step).await.unwrap();
    assert!(
        matches!(&seen, Progress::Running { note } if note.starts_with("CodeBuild takes no more")),
        "{seen:?}"
    );
    // The time of the build counts from when CodeBuild took it.
    let long_ago = [("begun_at", "2026-01-01T00:00:00Z")];
    world.table.put(EXPAND, &long_ago);
    world.codebuild.state().full = false;
    world.doing(&step).await.unwrap();
    world.codebuild.end("SUCCEEDED", "BUILD");
    assert!(is_done(&world.doing(&step).await));
    assert_eq!(world.codebuild.verbs(), ["up"]);
}

#[tokio::test]
async fn an_undo_stops_a_build_that_runs() {
    let (world, step) = (World::default(), step(Run::Expand, true));
    world.doing(&step).await.unwrap();
    let seen = world.undoing(&step).await;
    assert!(matches!(seen, Ok(Progress::Running { .. })), "{seen:?}");
    assert!(summary(world.undoing(&step).await).starts_with("it did not finish"));
    assert_eq!(world.codebuild.verbs(), ["up"]);
}

#[tokio::test]
async fn a_success_is_undone_by_one_build_whichever_call_fails() {
    let step = step(Run::Expand, true);
    for fault in [Fault::Before, Fault::Lost] {
        for call in 0..8 {
            let world = World::default();
            world.doing(&step).await.unwrap();
            world.codebuild.end("SUCCEEDED", "BUILD");
            assert!(is_done(&world.doing(&step).await));
            let asked = world.codebuild.state().asked.len();
            world.codebuild.state().fault = Some((asked + call, fault));
            while world.codebuild.verbs().len() < 2 {
                world.undoing(&step).await.unwrap();
            }
            world.codebuild.end("SUCCEEDED", "BUILD");
            let mut last = world.undoing(&step).await;
            if !is_done(&last) {
                last = world.undoing(&step).await;
            }
            assert_eq!(
                summary(last),
                "undone by `undo` of CodeBuild project shop-migrate for shop/api:v2"
            );
            assert_eq!(
                world.codebuild.verbs(),
                ["up", "undo"],
                "{fault:?} of call {call}"
            );
            assert_eq!(world.runs_kept(), 0);
        }
    }
}

#[tokio::test]
async fn a_contract_by_a_build_is_owed_until_it_succeeded() {
    let (world, step) = (World::default(), step(Run::Contract, false));
    world.doing(&step).await.unwrap();
    assert!(world.table.body(super::KEPT)["open"].is_object());
    world.codebuild.end("SUCCEEDED", "BUILD");
    assert!(is_done(&world.doing(&step).await));
    assert!(world.table.body(super::KEPT)["open"].is_null());
    assert_eq!(world.codebuild.verbs(), ["contract"]);
}
