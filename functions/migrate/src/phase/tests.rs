#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod builds;
mod codebuild;
mod ecs;
mod ledger;

use aws_smithy_mocks::{RuleMode, mock_client};
use jiff::{SignedDuration, Timestamp};
use lockstep::migration::{Identity, Means, MigrationStep, Run, TaskMeans};
use lockstep::{Phase, PhaseError, Progress};
use lockstep_ecs::Ecs;
use serde_json::json;

use super::MigratePhase;
use crate::log::Logs;
use codebuild::FakeCodeBuild;
use ecs::{FakeEcs, Fault};
use ledger::Table;

const EXPAND: &str = "migration#schema#expand";
const KEPT: &str = "migration#schema";

#[derive(Clone, Default)]
struct World {
    ecs: FakeEcs,
    codebuild: FakeCodeBuild,
    table: Table,
}

impl World {
    fn phase(&self) -> MigratePhase {
        let logs = mock_client!(aws_sdk_cloudwatchlogs, RuleMode::MatchAny, &[]);
        MigratePhase::new(
            Ecs::new(self.ecs.client()),
            Logs::new(logs),
            self.codebuild.client(),
            self.table.ledger(),
        )
    }

    /// Asks as the state machine does, until it is settled or 20 times.
    async fn doing(&self, step: &MigrationStep) -> Result<Progress, PhaseError> {
        let phase = self.phase();
        let mut last = Ok(Progress::NotStarted);
        for _ in 0..20 {
            last = match phase.observe(step).await {
                Ok(Progress::NotStarted) => phase.start(step).await.map(|()| Progress::NotStarted),
                other => other,
            };
            let again = match &last {
                Ok(progress) => *progress == Progress::NotStarted,
                Err(error) => error.is_transient(),
            };
            if !again {
                break;
            }
        }
        last
    }

    async fn undoing(&self, step: &MigrationStep) -> Result<Progress, PhaseError> {
        let phase = self.phase();
        let mut last = phase.undo(step).await;
        for _ in 0..5 {
            if matches!(&last, Err(error) if error.is_transient()) {
                last = phase.undo(step).await;
            }
        }
        last
    }

    async fn succeeds(&self, step: &MigrationStep) {
        self.doing(step).await.unwrap();
        self.ecs.end(0);
        assert!(is_done(&self.doing(step).await), "it is done");
    }

    fn begun(&self, ago: SignedDuration) {
        let at = (Timestamp::now() - ago).to_string();
        self.table.put(EXPAND, &[("begun_at", &at)]);
    }

    fn runs_kept(&self) -> usize {
        let body = self.table.body(KEPT);
        body["done"].as_array().map_or(0, Vec::len)
    }
}

fn step(run: Run, undo: Option<&str>) -> MigrationStep {
    let command = vec!["up".to_owned()];
    let identity = Identity::of("h/shop/api@sha256:22", &command);
    let task = TaskMeans {
        cluster: "shop".into(),
        service_arn: "arn:aws:ecs:eu-west-1:1:service/shop/api".into(),
        container: "api".into(),
        command,
        undo: undo.map(|word| vec![word.to_owned()]),
        task_definition: json!({
            "family": "api-migration-schema",
            "containerDefinitions": [{"name": "api", "image": "h/shop/api@sha256:22"}],
            "tags": [{"key": "lockstep:deployment", "value": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}],
        }),
        placement: json!({"launchType": "FARGATE"}),
    };
    step_by(run, Means::Task(Box::new(task)), identity)
}

fn step_by(run: Run, means: Means, identity: Identity) -> MigrationStep {
    MigrationStep {
        deployment: "01ARZ3NDEKTSV4RRFFQ69G5FAV".into(),
        application: "shop".into(),
        environment: "production".into(),
        component: "schema".into(),
        run,
        image: "shop/api:v2".into(),
        means,
        identity,
        made_at: None,
        floor: None,
        timeout_seconds: 600,
    }
}

fn is_done(progress: &Result<Progress, PhaseError>) -> bool {
    matches!(progress, Ok(Progress::Done { .. }))
}

fn summary(progress: Result<Progress, PhaseError>) -> String {
    match progress.unwrap() {
        Progress::Done { summary } => summary,
        other => unreachable!("{other:?}"),
    }
}

#[tokio::test]
async fn a_command_runs_once_whichever_call_fails_and_however() {
    let step = step(Run::Expand, None);
    for fault in [Fault::Before, Fault::Lost] {
        for call in 0..12 {
            let world = World::default();
            world.ecs.state().fault = Some((call, fault));
            world.succeeds(&step).await;
            assert!(is_done(&world.doing(&step).await));
            assert_eq!(world.ecs.commands(), ["up"], "{fault:?} of call {call}");
            assert_eq!(world.runs_kept(), 1);
        }
    }
}

#[tokio::test]
async fn a_command_that_fails_says_how_and_where_to_look() {
    let (world, step) = (World::default(), step(Run::Expand, Some("down")));
    world.doing(&step).await.unwrap();
    world.ecs.end(3);
    let error = world.doing(&step).await.unwrap_err();
    assert_eq!(error.name(), "Unhealthy");
    assert_eq!(
        error.to_string(),
        "migration schema: `up` in shop/api:v2 failed: container api exited with code 3; see \
         https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/shop/tasks/0000/configuration?region=eu-west-1"
    );
    // Nobody knows how far it came: its undo is not run.
    assert_eq!(
        summary(world.undoing(&step).await),
        "it did not finish, and the schema is as it left it; its `undo` was not run, since nobody knows how far it came"
    );
    assert_eq!((world.ecs.commands().len(), world.runs_kept()), (1, 0));
}

#[tokio::test]
async fn a_command_that_hangs_is_stopped() {
    let (world, step) = (World::default(), step(Run::Expand, None));
    world.doing(&step).await.unwrap();
    world
        .table
        .put(EXPAND, &[("begun_at", "2026-01-01T00:00:00Z")]);
    let seen = world.doing(&step).await;
    assert!(matches!(seen, Ok(Progress::Running { .. })), "{seen:?}");
    // The command ended with 0 when it was told to stop: that is no success.
    let error = world.doing(&step).await.unwrap_err();
    assert_eq!(error.name(), "DeadlineExceeded");
    assert!(
        error.to_string().ends_with("did not finish within 10 min"),
        "{error}"
    );
    assert_eq!(world.runs_kept(), 0);
}

#[tokio::test]
async fn what_nobody_can_tell_is_not_run_again() {
    let (world, step) = (World::default(), step(Run::Expand, None));
    world.begun(SignedDuration::from_mins(50));
    let error = world.doing(&step).await.unwrap_err();
    assert!(error.to_string().contains("does not show it"), "{error}");
    assert!(world.ecs.commands().is_empty());
    assert!(world.undoing(&step).await.is_err());
}

#[tokio::test]
async fn after_an_undo_nothing_begins_any_more() {
    let (world, step) = (World::default(), step(Run::Expand, Some("down")));
    assert_eq!(summary(world.undoing(&step).await), "it did not run");
    let error = world.phase().start(&step).await.unwrap_err();
    assert_eq!(error.name(), "Halted");
    assert!(world.ecs.commands().is_empty());
}

#[tokio::test]
async fn an_undo_waits_for_what_may_be_on_its_way() {
    let (world, step) = (World::default(), step(Run::Expand, Some("down")));
    world.begun(SignedDuration::from_secs(5));
    let seen = world.undoing(&step).await;
    assert!(matches!(seen, Ok(Progress::Running { .. })), "{seen:?}");
    world.begun(SignedDuration::from_secs(40));
    assert!(is_done(&world.undoing(&step).await));
}

#[tokio::test]
async fn an_undo_stops_what_runs() {
    let (world, step) = (World::default(), step(Run::Expand, Some("down")));
    world.doing(&step).await.unwrap();
    let seen = world.undoing(&step).await;
    assert!(matches!(seen, Ok(Progress::Running { .. })), "{seen:?}");
    assert!(summary(world.undoing(&step).await).starts_with("it did not finish"));
    assert_eq!(world.ecs.commands(), ["up"]);
}

#[tokio::test]
async fn a_success_is_undone_once_whichever_call_fails() {
    let step = step(Run::Expand, Some("down"));
    for fault in [Fault::Before, Fault::Lost] {
        for call in 0..10 {
            let world = World::default();
            world.succeeds(&step).await;
            let asked = world.ecs.state().asked.len();
            world.ecs.state().fault = Some((asked + call, fault));
            while world.ecs.commands().len() < 2 {
                world.undoing(&step).await.unwrap();
            }
            world.ecs.end(0);
            let mut last = world.undoing(&step).await;
            if !is_done(&last) {
                last = world.undoing(&step).await;
            }
            assert_eq!(summary(last), "undone by `down` in shop/api:v2");
            assert_eq!(
                world.ecs.commands(),
                ["up", "down"],
                "{fault:?} of call {call}"
            );
            assert_eq!(world.runs_kept(), 0);
        }
    }
}

#[tokio::test]
async fn a_success_without_an_undo_stays_and_is_kept() {
    let (world, step) = (World::default(), step(Run::Expand, None));
    world.succeeds(&step).await;
    assert!(summary(world.undoing(&step).await).starts_with("it stays"));
    assert_eq!((world.ecs.commands().len(), world.runs_kept()), (1, 1));
}

#[tokio::test]
async fn a_schema_that_the_new_release_may_still_need_is_not_undone() {
    let (world, step) = (World::default(), step(Run::Expand, Some("down")));
    world.succeeds(&step).await;
    let service = json!({
        "phase": "service", "deployment": "d", "application": "shop", "environment": "production", "component": "api",
        "cluster": "shop", "service": "api", "service_arn": "arn",
        "before": {"task_definition": "arn", "deployment_configuration": {}, "serving": true, "images": {}},
        "after": {"task_definition": {}, "deployment_configuration": {}},
        "stopped_tasks": 2, "timeout_seconds": 60, "planned_at": "2026-11-20T10:00:00Z",
    });
    let plan = json!({
        "release": {"manifest_version": 1, "artifacts": {}},
        "steps": [{"number": 1, "target": "service shop/api", "before": "a", "after": "b", "change": service}],
    });
    world.table.put("plan", &[("body", &plan.to_string())]);
    let error = world.undoing(&step).await.unwrap_err();
    assert!(
        error.to_string().contains("service shop/api is not back"),
        "{error}"
    );
    assert_eq!(world.ecs.commands(), ["up"]);
    let back = [("undone_at", "2026-11-20T10:00:00Z")];
    world.table.put("journal#0001", &back);
    assert!(world.undoing(&step).await.is_ok());
    assert_eq!(world.ecs.commands(), ["up", "down"]);
}

#[tokio::test]
async fn a_contract_is_owed_until_it_succeeded() {
    let (world, step) = (World::default(), step(Run::Contract, None));
    world.doing(&step).await.unwrap();
    assert!(world.table.body(KEPT)["open"].is_object());
    world.ecs.end(0);
    assert!(is_done(&world.doing(&step).await));
    assert!(world.table.body(KEPT)["open"].is_null());
    assert_eq!(world.runs_kept(), 1);
    let failing = World::default();
    failing.doing(&step).await.unwrap();
    failing.ecs.end(1);
    assert!(failing.doing(&step).await.is_err());
    assert!(failing.table.body(KEPT)["open"].is_object());
}

#[tokio::test]
async fn how_it_ended_is_known_after_ecs_forgot_the_task() {
    let (world, step) = (World::default(), step(Run::Expand, None));
    world.succeeds(&step).await;
    world.ecs.state().forgets = true;
    assert!(is_done(&world.doing(&step).await));
    assert!(summary(world.undoing(&step).await).starts_with("it stays"));
}
