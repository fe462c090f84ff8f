#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{MigrationInputs, PlannedMigration, plan_migration};
use crate::DeploymentId;
use crate::ecs::{LiveService, Revision, ServiceStep};
use crate::manifest::{MigrationWork, ResolvedMigration};
use crate::migration::{Identity, Means, Migrated, MigrationStep, Run};
use crate::plan::Change;
use crate::record::DeploymentRef;
use crate::release::ImageArtifact;

const NEW: &str = "h/shop/api@sha256:2222222222222222";
const OLD: &str = "h/shop/api@sha256:1111111111111111";

struct World {
    migrated: Migrated,
    artifact: Option<ImageArtifact>,
    wanted: Option<&'static str>,
    running: &'static str,
    container: &'static str,
    work: MigrationWork,
}

impl Default for World {
    fn default() -> Self {
        Self {
            migrated: Migrated::default(),
            artifact: Some(pushed(2)),
            wanted: Some(NEW),
            running: OLD,
            container: "api",
            work: MigrationWork::Task {
                command: command("npm run up"),
                undo: Some(command("npm run down")),
                contract: Some(command("npm run contract")),
            },
        }
    }
}

fn pushed(second: i64) -> ImageArtifact {
    ImageArtifact {
        repository: "shop/api".into(),
        digest: "sha256:2222222222222222".into(),
        tag: Some("v2".into()),
        pushed_at: Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(second),
    }
}

fn definition(image: &str) -> Value {
    json!({"family": "shop-api", "containerDefinitions": [{"name": "api", "image": image}]})
}

fn command(words: &str) -> Vec<String> {
    words.split(' ').map(str::to_owned).collect()
}

fn plan(world: &World) -> Result<PlannedMigration, crate::Check> {
    let deployment = DeploymentRef {
        id: DeploymentId::parse("01ARZ3NDEKTSV4RRFFQ69G5FAV").unwrap(),
        application: "shop".into(),
        environment: "production".into(),
    };
    let live = LiveService::parse(&json!({
        "serviceArn": "arn:aws:ecs:eu-west-1:1:service/shop/api", "launchType": "FARGATE",
        "platformVersion": "1.4.0", "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["s"]}},
    }));
    let running = Revision {
        arn: "arn:aws:ecs:eu-west-1:1:task-definition/shop-api:7".into(),
        definition: definition(world.running),
        tags: vec![],
    };
    let planned = world.wanted.map(|image| -> ServiceStep {
        serde_json::from_value(json!({
            "deployment": "d", "application": "shop", "environment": "production", "component": "api",
            "cluster": "shop", "service": "api", "service_arn": "arn",
            "before": {"task_definition": "arn", "deployment_configuration": {}, "serving": true, "images": {}},
            "after": {"task_definition": definition(image), "deployment_configuration": {}},
            "stopped_tasks": 2, "timeout_seconds": 60, "planned_at": "2026-11-20T10:00:00Z",
        }))
        .unwrap()
    });
    let resolved = ResolvedMigration {
        service: "api".into(),
        container: world.container.into(),
        work: world.work.clone(),
        timeout_minutes: 15,
    };
    plan_migration(&MigrationInputs {
        deployment: &deployment,
        component: "schema",
        resolved: &resolved,
        cluster: "shop",
        live: &live,
        running: &running,
        planned: planned.as_ref(),
        artifact: world.artifact.as_ref(),
        migrated: &world.migrated,
        floor: None,
    })
}

fn expand(world: &World) -> Option<MigrationStep> {
    match plan(world).unwrap().expand?.change {
        Change::Migrate(step) => Some(*step),
        other => unreachable!("{other:?}"),
    }
}

fn runs(world: &World) -> (bool, bool) {
    let planned = plan(world).unwrap();
    (planned.expand.is_some(), planned.contract.is_some())
}

#[test]
fn a_new_image_runs_as_a_task_where_its_service_does() {
    let step = expand(&World::default()).unwrap();
    let Means::Task(task) = &step.means else {
        unreachable!("{step:?}")
    };
    assert_eq!(task.family(), "shop-api-migration-schema");
    assert_eq!(step.image, "shop/api:v2 (222222222222)");
    let input = task.run_input(&step, Run::Expand, &task.command, "rev:1");
    assert_eq!(
        input["overrides"]["containerOverrides"][0]["command"],
        json!(["npm", "run", "up"])
    );
    assert_eq!(input["launchType"], "FARGATE");
    assert_eq!(input["platformVersion"], "1.4.0");
    assert_eq!(
        input["startedBy"],
        "lockstep/01ARZ3NDEKTSV4RRFFQ69G5FAV/schema/expand"
    );
    assert_eq!(input["clientToken"].as_str().unwrap().len(), 64);
    assert_ne!(step.client_token(Run::Expand), step.client_token(Run::Undo));
}

#[test]
fn an_image_migrates_once() {
    let mut world = World::default();
    assert_eq!(runs(&world), (true, true));
    let step = expand(&world).unwrap();
    world.migrated = world.migrated.with(step.mark("arn", Timestamp::UNIX_EPOCH));
    assert_eq!(runs(&world), (false, true));
    // Another command is another migration.
    world.migrated.done[0].identity.command = "other".into();
    assert_eq!(runs(&world), (true, true));
}

#[test]
fn without_a_new_image_nothing_runs() {
    let settings = World {
        running: NEW,
        ..World::default()
    };
    assert_eq!(runs(&settings), (false, false));
    let nothing = World {
        wanted: None,
        artifact: None,
        ..World::default()
    };
    assert_eq!(runs(&nothing), (false, false));
}

#[test]
fn going_back_does_not_migrate() {
    let mut world = World::default();
    let step = expand(&world).unwrap();
    let mut newer = step.mark("arn", Timestamp::UNIX_EPOCH);
    newer.identity.image = "sha256:3".into();
    newer.made_at = Some(pushed(3).pushed_at);
    world.migrated = world.migrated.with(newer);
    assert_eq!(runs(&world), (false, false));
}

#[test]
fn a_contract_that_began_is_planned_again() {
    let contract = Identity::of(NEW, &command("npm run contract"));
    let mut world = World {
        running: NEW,
        wanted: None,
        artifact: None,
        migrated: Migrated::default().opening(&contract),
        ..World::default()
    };
    assert_eq!(runs(&world), (false, true));
    world.running = OLD;
    assert_eq!(runs(&world), (false, false));
}

#[test]
fn a_project_builds_once_for_each_new_image() {
    let mut world = World {
        work: MigrationWork::Build {
            project: "shop-migrate".into(),
            environment: [("SCHEMA".to_owned(), "shop".to_owned())].into(),
            undo: true,
            contract: true,
        },
        ..World::default()
    };
    assert_eq!(runs(&world), (true, true));
    let step = expand(&world).unwrap();
    assert_eq!(
        step.run_label(Run::Expand),
        "`up` of CodeBuild project shop-migrate for shop/api:v2 (222222222222)"
    );
    let Means::Build(build) = &step.means else {
        unreachable!("{step:?}")
    };
    let variables = build.variables_of(&step, Run::Undo);
    assert_eq!(variables["LOCKSTEP_MIGRATION"], "undo");
    assert_eq!(variables["LOCKSTEP_IMAGE"], NEW);
    assert_eq!(variables["SCHEMA"], "shop");
    assert!(step.has_undo());
    world.migrated = world.migrated.with(step.mark("p:1", Timestamp::UNIX_EPOCH));
    assert_eq!(runs(&world), (false, true));
    if let MigrationWork::Build { contract, .. } = &mut world.work {
        *contract = false;
    }
    assert_eq!(runs(&world), (false, false));
}

#[test]
fn a_container_that_is_not_there_is_told() {
    let world = World {
        container: "web",
        ..World::default()
    };
    assert_eq!(
        plan(&world).unwrap_err().to_string(),
        "migration schema: container: found shop-api:7 with api, expected a container web; correct the migration's \
         container in lockstep.yaml and apply it"
    );
}
