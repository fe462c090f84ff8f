//! What becomes of migrations.

use lockstep::verdict::Verdict;
use lockstep_cli::local::gateway::{Fault, FaultRule, TaskEnding};
use lockstep_tests::{Application, FIRST, Shape, World, eventually};

use crate::functions;
use crate::story::Story;

const UNDO: &str = "    undo: [\"db\", \"down\"]\n";

fn contract(name: &str) -> String {
    format!("    contract: {{ command: [\"db\", \"contract\", \"{name}\"] }}\n")
}

/// How the commands of all these stories end. All others end well.
pub async fn choose_endings(world: &World) {
    let log = [
        "migrating 0007_orders.sql",
        "ERROR: column \"total\" contains null values",
    ];
    world
        .end_tasks(&[
            TaskEnding::of("up:test migration-failed")
                .exits(3)
                .says(&log),
            TaskEnding::of("up:test migration-stopped"),
            TaskEnding::of("up:test migration-timed-out"),
            TaskEnding::of("contract migration-contract-failed")
                .exits(1)
                .says(&["ERROR: relation is in use"])
                .times(1),
        ])
        .await;
}

/// Tells what ran, and what is kept of it.
async fn end(mut story: Story<'_>, app: &Application<'_>) -> String {
    story.tell("The tasks of the migration", &app.migration_runs().await);
    story.tell("Kept of them", &app.migrations_kept().await);
    story.end().await
}

/// Gives the tasks names: their ids are in links.
async fn name_tasks(story: &mut Story<'_>, app: &Application<'_>) {
    for (number, task) in app.migration_tasks().await.iter().enumerate() {
        let id = task
            .task_arn()
            .unwrap()
            .rsplit('/')
            .next()
            .unwrap()
            .to_owned();
        story.call(&id, &format!("task {}", number + 1));
    }
}

pub async fn ran(world: &World) -> String {
    let name = "migration-ran";
    let app = world.migrated(name, &contract(name)).await;
    let headline = "An image is pushed whose service has a migration: it runs before the rollout, its contract after verification, each once.";
    let mut story = Story::of(world, &app, headline).await;
    let digest = app.push("v2").await;
    story.image(&digest, "v2");
    let execution = app.execution_of_push(&digest).await;
    let title = "The push of v2";
    story.deployment(title, "deployment", &execution).await;
    let again = app.deploy(&digest).await;
    story.deployment("v2 once more", "second", &again).await;
    assert_eq!(app.migration_tasks().await.len(), 2);
    end(story, &app).await
}

pub async fn failed(world: &World) -> String {
    let app = world.migrated("migration-failed", UNDO).await;
    let headline = "A migration ends with exit code 3: nothing was rolled out, and the old release goes on serving.";
    let mut story = Story::of(world, &app, headline).await;
    let digest = app.push("v2").await;
    story.image(&digest, "v2");
    let execution = app.execution_of_push(&digest).await;
    execution.concluded().await;
    name_tasks(&mut story, &app).await;
    let title = "The push of v2";
    let verdict = story.deployment(title, "deployment", &execution).await;
    assert_eq!(verdict, Verdict::RolledBack);
    end(story, &app).await
}

pub async fn answer_lost(world: &World) -> String {
    let name = "migration-answer-lost";
    let app = world.migrated(name, "").await;
    let rule = FaultRule::on("lockstep-migrate", "RunTask", Fault::LoseAnswer);
    let lost = world
        .engine()
        .gateway()
        .inject(rule.that_says(name).times(2));
    let headline = "ECS starts the migration's task, and its answer is lost: the task is found again, and no other one runs.";
    let mut story = Story::of(world, &app, headline).await;
    let digest = app.push("v2").await;
    story.image(&digest, "v2");
    let execution = app.execution_of_push(&digest).await;
    let title = "The push of v2";
    story.deployment(title, "deployment", &execution).await;
    assert!(lost.fired() > 0);
    assert_eq!(app.migration_tasks().await.len(), 1);
    end(story, &app).await
}

pub async fn undone(world: &World) -> String {
    let app = world.migrated("migration-undone", UNDO).await;
    let headline = "The migration succeeds and the release does not: once the old release serves again, the migration is undone by its own command.";
    let mut story = Story::of(world, &app, headline).await;
    let digest = app.push_bad("v2").await;
    story.image(&digest, "v2");
    let execution = app.execution_of_push(&digest).await;
    let title = "The push of v2";
    let verdict = story.deployment(title, "deployment", &execution).await;
    assert_eq!(verdict, Verdict::RolledBack);
    end(story, &app).await
}

pub async fn timed_out(world: &World) -> String {
    let app = world
        .migrated("migration-timed-out", "    timeout_minutes: 1\n")
        .await;
    let headline = "A migration hangs: after its minute its task is stopped, and the old release goes on serving.";
    let mut story = Story::of(world, &app, headline).await;
    let digest = app.push("v2").await;
    story.image(&digest, "v2");
    let execution = app.execution_of_push(&digest).await;
    execution.concluded().await;
    name_tasks(&mut story, &app).await;
    let title = "The push of v2";
    let verdict = story.deployment(title, "deployment", &execution).await;
    assert_eq!(verdict, Verdict::RolledBack);
    end(story, &app).await
}

pub async fn stopped(world: &World) -> String {
    let app = world.migrated("migration-stopped", UNDO).await;
    let headline =
        "Somebody stops the execution while a migration runs: its task is stopped as well.";
    let mut story = Story::of(world, &app, headline).await;
    let digest = app.push("release-2").await;
    story.image(&digest, "release-2");
    let execution = app.deploy(&digest).await;
    eventually("the migration runs", async || {
        let tasks = app.migration_tasks().await;
        (!tasks.is_empty()).then_some(())
    })
    .await;
    execution.stop().await;
    let title = "release-2 by hand";
    let verdict = story.deployment(title, "deployment", &execution).await;
    assert_eq!(verdict, Verdict::Stopped);
    end(story, &app).await
}

pub async fn contract_failed(world: &World) -> String {
    let name = "migration-contract-failed";
    let app = world.migrated(name, &contract(name)).await;
    let headline = "The release is verified, and then the contract of its migration fails: the release stays, and a person is asked for; the contract is owed.";
    let mut story = Story::of(world, &app, headline).await;
    let digest = app.push("v2").await;
    story.image(&digest, "v2");
    let execution = app.execution_of_push(&digest).await;
    execution.concluded().await;
    name_tasks(&mut story, &app).await;
    let title = "The push of v2";
    let verdict = story.deployment(title, "deployment", &execution).await;
    assert_eq!(verdict, Verdict::FailedDirty);
    let again = app.deploy(&digest).await;
    let title = "v2 once more, after the cause is gone";
    let verdict = story.deployment(title, "second", &again).await;
    assert_eq!(verdict, Verdict::Succeeded);
    end(story, &app).await
}

pub async fn below_the_floor(world: &World) -> String {
    let shape = Shape {
        custom: true,
        ..Shape::aliased(1)
    };
    let fleet = world.fleet("rollback-floor", shape).await;
    let headline = "1.5.0 says that its schema supports 1.3.0 and newer: going back to 1.2.0 is refused, whoever asks for it.";
    fleet.build_all(FIRST);
    fleet.release("1.2.0").await;
    let first = fleet.execution_of_release("1.2.0").await;
    first.concluded().await;
    fleet.build_all("v2");
    fleet.release_with_floor("1.5.0", "1.3.0").await;
    let second = fleet.execution_of_release("1.5.0").await;
    let (record, _) = second.concluded().await;
    let mut story = functions::begin(world, &fleet, headline).await;
    story.call(record.deployment.id.as_str(), "the deployment of 1.5.0");
    let (before, _) = first.concluded().await;
    story.call(before.deployment.id.as_str(), "the deployment of 1.2.0");
    let input = serde_json::json!({
        "application": fleet.name, "environment": lockstep_tests::ENVIRONMENT, "release": "1.2.0",
        "allow_older": true, "by": "somebody",
    });
    let execution = world.start_execution(&input).await;
    let title = "1.2.0 by hand";
    let verdict = story.deployment(title, "deployment", &execution).await;
    assert_eq!(verdict, Verdict::Rejected);
    functions::end(story, fleet).await
}
