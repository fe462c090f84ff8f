//! `examples/live-quiz` from an account that holds nothing but Lockstep, as its README tells: everything at once, the
//! back end only, the front end only, and a front end that is put back. Every step is asked of the world over HTTP.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise, and says so on the terminal"
)]

#[path = "../sync/command.rs"]
mod command;
mod quiz;
mod viewers;

use lockstep::verdict::Verdict;
use lockstep_cli::local::Containers;
use lockstep_cli::local::emulator::ACCOUNT;
use lockstep_tests::{World, eventually, run};
use quiz::Quiz;
use serde_json::Value;

#[test]
fn a_quiz_and_its_parts() {
    run(async {
        let role = format!("arn:aws:iam::{ACCOUNT}:role/stacks");
        let parameters = [("StackRoleArn", role.as_str())];
        let world = World::start_as("live_quiz", Containers::Auto, &parameters).await;
        let Some(world) = world else {
            return;
        };
        if world.engine().containers().is_none() {
            println!(
                "skipped: live_quiz: neither Docker nor Podman answers, so no back end can run for real"
            );
            return world.stop().await;
        }
        let quiz = Quiz::new(&world).await;
        everything(&quiz).await;
        back_end_only(&quiz).await;
        front_end_only(&quiz).await;
        page_without_its_script(&quiz).await;
        other_distribution(&quiz).await;
        back_to_the_first(&quiz).await;
        drop(quiz);
        world.stop().await;
    });
}

/// Nothing is there; one command: network, cluster, service, tables, bucket, distribution, and the front end.
async fn everything(quiz: &Quiz<'_>) {
    assert_eq!(quiz.stack().await.status, "");
    let exit = quiz.release("1.0.0", &["--apply"]).await;
    assert_eq!(
        (exit, quiz.verdict().await.0),
        (Some(0), Verdict::Succeeded)
    );
    let stack = quiz.stack().await;
    assert_eq!(stack.status, "CREATE_COMPLETE");
    assert_eq!(quiz.back_end_says().await, "hello from version waiting\n");
    let page = quiz.view("/").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.content_type, "text/html; charset=utf-8");
    assert_eq!(page.control, "no-cache");
    assert_eq!(page.body, quiz.built("index.html"));
    for (path, control) in [
        (
            "assets/index-b7a93e60.js",
            "public, max-age=31536000, immutable",
        ),
        (
            "assets/index-4d1f08c2.css",
            "public, max-age=31536000, immutable",
        ),
        ("favicon.svg", "public, max-age=86400"),
        ("robots.txt", "public, max-age=300"),
    ] {
        let file = quiz.view(&format!("/{path}")).await;
        assert_eq!(
            (file.status, file.control.as_str()),
            (200, control),
            "{path}"
        );
        assert_eq!(file.body, quiz.built(path));
    }
    // Where the API is: written down when it was deployed, not when it was built.
    let config = quiz.view("/config.json").await;
    assert_eq!(config.control, "no-cache");
    let config: Value = serde_json::from_str(&config.body).unwrap();
    assert_eq!(config["apiUrl"], stack.outputs["ApiUrl"]);
    assert_eq!(config["socketUrl"], stack.outputs["SocketUrl"]);
    assert_eq!(config["stage"], "development");
    the_page_reaches_the_back_end(quiz).await;
    let front_end = quiz.front_end().await;
    let prefix = "/releases/live-quiz/development/frontend/";
    assert!(front_end.path.starts_with(prefix), "{front_end:?}");
    assert_eq!(front_end.invalidations, [["/*"]]);
    // Nobody but the distribution reads the bucket.
    assert_eq!(quiz.view("/nothing.js").await.status, 403);
    assert_eq!(quiz.bucket_says(&front_end.objects[0].0).await, 403);
    let exit = quiz.run(&["deploy", "development", "--wait"]).await;
    assert_eq!((exit, quiz.verdict().await.0), (Some(0), Verdict::NoChange));
}

/// An image is pushed: the front end is not even looked at by what deploys front ends.
async fn back_end_only(quiz: &Quiz<'_>) {
    let (front_end, mark) = (quiz.front_end().await, quiz.mark());
    let digest = quiz.push("v1.0.1").await;
    let (verdict, message) = quiz.deployment_of(&digest).await;
    assert_eq!(verdict, Verdict::Succeeded, "{message}");
    says(quiz, "v1.0.1").await;
    let back_end = quiz.back_end().await;
    assert!(back_end.image.ends_with(&digest), "{back_end:?}");
    the_page_reaches_the_back_end(quiz).await;
    assert!(!quiz.site_was_asked(mark));
    for operation in ["CreateInvalidation", "UpdateDistribution"] {
        assert_eq!(quiz.calls(mark, operation), 0, "{operation}");
    }
    assert_eq!(quiz.front_end().await, front_end);
    assert_eq!(quiz.view("/").await.body, quiz.built("index.html"));
}

/// A front end is released: two files are new, and CloudFront forgets the page.
async fn front_end_only(quiz: &Quiz<'_>) {
    let (back_end, before, mark) = (quiz.back_end().await, quiz.front_end().await, quiz.mark());
    quiz.rebuild("b7a93e60", "c0ffee42");
    let exit = quiz.release("1.1.0", &[]).await;
    assert_eq!(
        (exit, quiz.verdict().await.0),
        (Some(0), Verdict::Succeeded)
    );
    assert_eq!(quiz.steps().await, ["site"]);
    assert_eq!(quiz.view("/").await.body, quiz.built("index.html"));
    let script = quiz.view("/assets/index-c0ffee42.js").await;
    assert_eq!(script.body, quiz.built("assets/index-c0ffee42.js"));
    // Script, page, and the list of all; style, icon, robots, settings and the script of before are copied.
    assert_eq!(quiz.calls(mark, "PutObject"), 3);
    assert_eq!(quiz.calls(mark, "CopyObject"), 5);
    let after = quiz.front_end().await;
    assert_ne!(after.path, before.path);
    let (last, others) = after.invalidations.split_last().unwrap();
    assert_eq!(last, &["/", "/index.html"]);
    assert_eq!(others, before.invalidations);
    // Browsers with the page of before still find what it names.
    assert_eq!(quiz.view("/assets/index-b7a93e60.js").await.status, 200);
    for operation in [
        "RegisterTaskDefinition",
        "UpdateService",
        "ExecuteChangeSet",
    ] {
        assert_eq!(quiz.calls(mark, operation), 0, "{operation}");
    }
    assert_eq!(quiz.back_end().await, back_end);
    says(quiz, "v1.0.1").await;
}

/// A page that names a script which is not there is put back, and nothing else is touched.
async fn page_without_its_script(quiz: &Quiz<'_>) {
    let (back_end, before) = (quiz.back_end().await, quiz.front_end().await);
    let page = quiz.built("index.html");
    quiz.edit("frontend/dist/index.html", "c0ffee42", "0badc0de");
    let exit = quiz.release("1.2.0", &[]).await;
    let (verdict, message) = quiz.verdict().await;
    assert_eq!((exit, verdict), (Some(1), Verdict::RolledBack), "{message}");
    assert!(
        message.contains("/assets/index-0badc0de.js: answered 403, expected 200"),
        "{message}"
    );
    assert_eq!(quiz.view("/").await.body, page);
    assert_eq!(quiz.view("/assets/index-c0ffee42.js").await.status, 200);
    let after = quiz.front_end().await;
    assert_eq!(after.path, before.path);
    let forgotten = &after.invalidations[before.invalidations.len()..];
    assert_eq!(forgotten, [["/", "/index.html"], ["/", "/index.html"]]);
    assert_eq!(quiz.back_end().await, back_end);
    says(quiz, "v1.0.1").await;
    quiz.edit("frontend/dist/index.html", "0badc0de", "c0ffee42");
}

/// The stack changes the distribution, and with that takes the origin path back: that has to be allowed, and the same deployment
/// switches again.
async fn other_distribution(quiz: &Quiz<'_>) {
    let before = quiz.front_end().await;
    quiz.edit("infrastructure.yaml", "PriceClass_100", "PriceClass_200");
    let deploy = ["deploy", "development", "--apply", "--wait"];
    let exit = quiz.run(&deploy).await;
    let (verdict, message) = quiz.verdict().await;
    assert_eq!((exit, verdict), (Some(1), Verdict::Rejected), "{message}");
    assert!(
        message.contains("which release of the site frontend is live")
            && message.contains("--approve platform/Distribution"),
        "{message}"
    );
    assert_eq!(quiz.front_end().await, before);
    let approved = [&deploy[..], &["--approve", "platform/Distribution"]].concat();
    let exit = quiz.run(&approved).await;
    assert_eq!(
        (exit, quiz.verdict().await.0),
        (Some(0), Verdict::Succeeded)
    );
    assert_eq!(quiz.steps().await, ["stack", "site"]);
    assert_eq!(quiz.front_end().await.path, before.path);
    assert_eq!(quiz.view("/").await.body, quiz.built("index.html"));
    says(quiz, "v1.0.1").await;
}

/// An older front end is still there: nothing is built and hardly anything sent.
async fn back_to_the_first(quiz: &Quiz<'_>) {
    let (back_end, mark) = (quiz.back_end().await, quiz.mark());
    let arguments = [
        "deploy",
        "development",
        "--release",
        "1.0.0",
        "--allow-older",
        "--wait",
    ];
    let exit = quiz.run(&arguments).await;
    assert_eq!(
        (exit, quiz.verdict().await.0),
        (Some(0), Verdict::Succeeded)
    );
    assert_eq!(quiz.steps().await, ["site"]);
    let page = quiz.view("/").await.body;
    assert!(page.contains("/assets/index-b7a93e60.js"), "{page}");
    assert!(quiz.calls(mark, "PutObject") <= 1, "no file is sent again");
    assert_eq!(quiz.back_end().await, back_end);
}

/// The back end is asked under the page's own address: distribution, load balancer, container. What stands for the back
/// end knows no API, and says so itself. (`/health` is the emulator's own, whoever is asked.)
async fn the_page_reaches_the_back_end(quiz: &Quiz<'_>) {
    let api = quiz.view("/api/events").await;
    assert_eq!(
        (api.status, api.body.as_str()),
        (404, "there is / and /health\n")
    );
}

/// The new tasks answer; load balancers take a moment to see them.
async fn says(quiz: &Quiz<'_>, version: &str) {
    let wanted = format!("hello from version {version}\n");
    eventually("the back end answers with its version", async || {
        (quiz.back_end_says().await == wanted).then_some(())
    })
    .await;
}
