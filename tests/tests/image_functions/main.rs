//! Lambda functions from container images: released by a push, run in real containers, and put back by digest; and the
//! parameters by which CloudFormation templates know which of them are live.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test may stop at the first surprise, and says so on the terminal"
)]

mod parameters;

use std::path::{Path, PathBuf};
use std::process::Command;

use aws_sdk_lambda::types::{FunctionCode, PackageType};
use lockstep::verdict::Verdict;
use lockstep_cli::local::emulator::{ACCOUNT, REGION};
use lockstep_cli::local::image::{OciImage, build};
use lockstep_cli::local::{Containers, registry};
use lockstep_tests::{ALIAS, ENVIRONMENT, World, eventually, project, run};
use serde_json::Value;

/// The application, and its function.
const NAME: &str = "image-functions";

/// The repository of its images.
const REPOSITORY: &str = "image-functions/api";

#[test]
fn an_image_is_released_by_its_push_and_put_back_by_digest() {
    run(async {
        let Some(world) = World::start_with(NAME, Containers::Auto).await else {
            return;
        };
        if world.engine().containers().is_none() {
            println!("skipped: {NAME}: neither Docker nor Podman answers, so no image can run");
            return world.stop().await;
        }
        let folder = tempfile::tempdir().unwrap();
        let program = compile(folder.path());
        let first = push(&world, &image(&program, "v1"), "first").await;
        create(&world, &first).await;
        world.apply(NAME, &manifest()).await;
        assert_eq!(answer(&world).await["label"], "v1");

        let crashing = push(&world, &image(&program, "crash"), "v0").await;
        let bad = deployment_of(&world, &crashing).await;
        assert_eq!(bad.0, Verdict::RolledBack, "{}", bad.1);
        assert_eq!(parameters::live(&world).await, None);

        let second = push(&world, &image(&program, "v2"), "v2").await;
        let good = deployment_of(&world, &second).await;
        assert_eq!(good.0, Verdict::Succeeded, "{}", good.1);
        let live = answer(&world).await;
        assert_eq!(
            (&live["label"], &live["version"]),
            (&"v2".into(), &"3".into())
        );
        assert!(served(&world).await.ends_with(&second));
        let kept = parameters::live(&world).await;
        assert_eq!(kept, Some(parameters::ours(&second)));

        let other = build(&program, &[("LABEL", "crash"), ("AGAIN", "yes")], &[]).unwrap();
        let third = push(&world, &other, "v3").await;
        let bad = deployment_of(&world, &third).await;
        assert_eq!(bad.0, Verdict::RolledBack, "{}", bad.1);
        assert!(bad.1.contains("failed its check"), "{}", bad.1);
        assert_eq!(answer(&world).await, live);
        assert!(served(&world).await.ends_with(&second));
        assert_eq!(parameters::live(&world).await, kept);

        parameters::belongs_to_a_stack(&world).await;
        let fourth = push(&world, &image(&program, "v4"), "v4").await;
        let refused = deployment_of(&world, &fourth).await;
        assert_eq!(refused.0, Verdict::Rejected, "{}", refused.1);
        for words in [
            parameters::NAME,
            "the CloudFormation stack image-functions-base",
        ] {
            assert!(refused.1.contains(words), "{}", refused.1);
        }
        assert_eq!(answer(&world).await, live);
        let theirs = parameters::live(&world).await.unwrap();
        assert_eq!(theirs.0, "theirs");
        world.stop().await;
    });
}

fn manifest() -> String {
    format!(
        "application: {NAME}\nfunctions:\n  api:\n    function: {NAME}\n    image: {REPOSITORY}\n    alias: {ALIAS}\n    \
         check: {{}}\nenvironments:\n  {ENVIRONMENT}:\n    trigger: {{ tags: [\"v*\"] }}\n    verify: {{ settle_seconds: 0 }}\n"
    )
}

/// The function as one static program.
fn compile(folder: &Path) -> PathBuf {
    let program = folder.join("function");
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let rustc = Command::new("rustc")
        .args(["--edition", "2024", "-C", "target-feature=+crt-static"])
        .args(["-C", "strip=symbols", "--target", &target, "-o"])
        .arg(&program)
        .arg(project().join("tests/tests/image_functions/runtime.rs"))
        .status();
    assert!(rustc.expect("rustc is there").success());
    program
}

fn image(program: &Path, label: &str) -> OciImage {
    build(program, &[("LABEL", label)], &[]).unwrap()
}

/// Pushes an image, and gives its digest.
async fn push(world: &World, image: &OciImage, tag: &str) -> String {
    let endpoint = world.endpoint();
    registry::ensure_repository(&endpoint, REPOSITORY)
        .await
        .unwrap();
    registry::push(&endpoint, image, REPOSITORY, tag)
        .await
        .unwrap();
    image.digest()
}

async fn create(world: &World, digest: &str) {
    let lambda = &world.clients().lambda;
    let uri = format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{REPOSITORY}@{digest}");
    let create = lambda.create_function().function_name(NAME);
    let create = create.package_type(PackageType::Image).timeout(10);
    let create = create.code(FunctionCode::builder().image_uri(uri).build());
    create.role(World::task_role()).send().await.unwrap();
    eventually("the function is active", async || {
        let found = lambda.get_function().function_name(NAME).send().await;
        let state = found.unwrap().configuration?.state?;
        (state.as_str() == "Active").then_some(())
    })
    .await;
    let published = lambda.publish_version().function_name(NAME).send().await;
    let published = published.unwrap();
    let alias = lambda.create_alias().function_name(NAME).name(ALIAS);
    let alias = alias.function_version(published.version().unwrap());
    alias.send().await.unwrap();
}

/// What whoever invokes the alias gets.
async fn answer(world: &World) -> Value {
    let invoke = world.clients().lambda.invoke().function_name(NAME);
    let answer = invoke.qualifier(ALIAS).send().await.unwrap();
    let payload = answer.payload.unwrap().into_inner();
    let text = String::from_utf8(payload).unwrap();
    assert_eq!(answer.function_error, None, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// The image that the alias serves.
async fn served(world: &World) -> String {
    let look = world.clients().lambda.get_function().function_name(NAME);
    let found = look.qualifier(ALIAS).send().await.unwrap();
    found.code.unwrap().resolved_image_uri.unwrap()
}

async fn deployment_of(world: &World, digest: &str) -> (Verdict, String) {
    let execution = eventually("the push starts an execution", async || {
        world.executions_with(digest).await.into_iter().next()
    })
    .await;
    let (record, _) = execution.concluded().await;
    let conclusion = record.conclusion.unwrap();
    (conclusion.verdict, conclusion.message)
}
