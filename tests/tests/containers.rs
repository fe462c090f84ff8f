//! Releases in real containers: one that serves, and one that ends as soon as it starts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test may stop at the first surprise, and says so on the terminal"
)]

#[path = "containers/migrate.rs"]
mod migrate;

use std::path::{Path, PathBuf};
use std::process::Command;

use aws_sdk_ecs::types::Task;
use lockstep::verdict::Verdict;
use lockstep_cli::local::Containers;
use lockstep_cli::local::image::{OciImage, build};
use lockstep_cli::local::registry;
use lockstep_tests::{Application, World, eventually, project, run};

#[test]
fn a_release_that_crashes_is_put_back_with_its_exit_code() {
    run(async {
        let Some(world) = World::start_with("containers", Containers::Auto).await else {
            return;
        };
        if world.engine().containers().is_none() {
            println!(
                "skipped: containers: neither Docker nor Podman answers, so no task can run for real"
            );
            return world.stop().await;
        }
        let folder = tempfile::tempdir().unwrap();
        let program = compile(folder.path());
        let app = serving(&world, &image(&program, "v1", "ok")).await;
        let good = release(&world, &app, &image(&program, "v2", "ok"), "v2").await;
        assert_eq!(good.0, Verdict::Succeeded, "{}", good.1);
        let live = app.snapshot().await;
        assert_eq!(live.digest(), image(&program, "v2", "ok").digest());
        let bad = release(&world, &app, &image(&program, "v3", "crash"), "v3").await;
        assert_eq!(bad.0, Verdict::RolledBack, "{}", bad.1);
        assert!(
            bad.1.contains("container web exited with code 1"),
            "{}",
            bad.1
        );
        assert!(app.snapshot().await.runs_the_same_as(&live));
        let tasks = running(&world, &app).await;
        assert_eq!(tasks.len(), 1, "{tasks:#?}");
        assert_eq!(tasks[0].task_definition_arn(), Some(live.revision.as_str()));
        migrate::in_containers(&world).await;
        world.stop().await;
    });
}

/// The example service as one static program.
fn compile(folder: &Path) -> PathBuf {
    let source = project().join("examples/hello-service/src/main.rs");
    compiled(&source, folder.join("hello-service"))
}

/// A static program of this source.
fn compiled(source: &Path, program: PathBuf) -> PathBuf {
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let rustc = Command::new("rustc")
        .args(["--edition", "2024", "-C", "target-feature=+crt-static"])
        .args(["-C", "strip=symbols", "--target", &target, "-o"])
        .arg(&program)
        .arg(source)
        .status();
    assert!(rustc.expect("rustc is there").success());
    program
}

fn image(program: &Path, version: &str, mode: &str) -> OciImage {
    build(
        program,
        &[("HELLO_VERSION", version), ("HELLO_MODE", mode)],
        &[],
    )
    .unwrap()
}

/// An application that runs this image.
async fn serving<'w>(world: &'w World, image: &OciImage) -> Application<'w> {
    serving_as(world, "containers", image).await
}

async fn serving_as<'w>(world: &'w World, name: &str, image: &OciImage) -> Application<'w> {
    let repository = format!("{name}/web");
    registry::ensure_repository(&world.endpoint(), &repository)
        .await
        .unwrap();
    registry::push(&world.endpoint(), image, &repository, "first")
        .await
        .unwrap();
    let app = world.application_on(name, &image.digest()).await;
    eventually("the first image runs", async || {
        (!running(world, &app).await.is_empty()).then_some(())
    })
    .await;
    app
}

async fn release(
    world: &World,
    app: &Application<'_>,
    image: &OciImage,
    tag: &str,
) -> (Verdict, String) {
    registry::push(&world.endpoint(), image, &app.repository, tag)
        .await
        .unwrap();
    let execution = app.execution_of_push(&image.digest()).await;
    let (record, _) = execution.concluded().await;
    let conclusion = record.conclusion.unwrap();
    (conclusion.verdict, conclusion.message)
}

async fn running(world: &World, app: &Application<'_>) -> Vec<Task> {
    let ecs = &world.clients().ecs;
    let list = ecs
        .list_tasks()
        .cluster(&app.name)
        .service_name("web")
        .send()
        .await
        .unwrap();
    if list.task_arns().is_empty() {
        return vec![];
    }
    let describe = ecs
        .describe_tasks()
        .cluster(&app.name)
        .set_tasks(Some(list.task_arns().to_vec()));
    let tasks = describe.send().await.unwrap();
    let running = tasks
        .tasks()
        .iter()
        .filter(|task| task.last_status() == Some("RUNNING"));
    running.cloned().collect()
}
