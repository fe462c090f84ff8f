//! What becomes of gates: builds that must succeed.

use aws_sdk_codebuild::types::Build;
use lockstep::verdict::Verdict;
use lockstep_tests::{Application, Gate, World, eventually};

use crate::story::Story;

/// Says what it was asked about.
const PASSES: &str =
    "echo \"$LOCKSTEP_APPLICATION in $LOCKSTEP_ENVIRONMENT at ${LOCKSTEP_COMMIT:-?}, $SUITE\"";
/// Fails, after the other gate's build has begun as well.
const FAILS: &str = "sleep 5; echo 'FAIL test_total: 3 != 4'; echo '1 failed, 41 passed'; exit 1";
/// Longer than anybody waits for it.
const HANGS: &str = "echo begun; sleep 600";

/// Gates before and after, and the same image once more, about which none is asked.
pub async fn passed(world: &World) -> String {
    let gates = [
        Gate::before("lint", "echo fine"),
        Gate::before("unit", PASSES).with(", environment: { SUITE: unit }"),
        Gate::after("smoke", PASSES).with(", environment: { SUITE: smoke }"),
    ];
    let app = world.gated("gates-passed", &gates).await;
    let headline = "Two gates pass before anything is changed, and one once the release is verified. Where nothing changes, none is \
                    asked.";
    let mut story = Story::of(world, &app, headline).await;
    let digest = app.push("v2").await;
    story.image(&digest, "v2");
    let execution = app.execution_of_push(&digest).await;
    execution.concluded().await;
    name_builds(&mut story, &app, &gates).await;
    let title = "The push of v2";
    let verdict = story.deployment(title, "deployment", &execution).await;
    assert_eq!(verdict, Verdict::Succeeded);
    let again = app.deploy(&digest).await;
    let verdict = story.deployment("v2 once more", "second", &again).await;
    assert_eq!(verdict, Verdict::NoChange);
    end(story, &app, &gates).await
}

/// A gate fails before: nothing is changed, and the other one is stopped.
pub async fn before_failed(world: &World) -> String {
    let gates = [
        Gate::before("unit", FAILS),
        Gate::before("slow", HANGS),
        Gate::after("smoke", PASSES),
    ];
    let app = world.gated("gate-before-failed", &gates).await;
    let headline = "The unit tests fail: nothing is changed, the message has the end of their log, and the other gate's build is stopped.";
    let mut story = Story::of(world, &app, headline).await;
    let digest = app.push("v2").await;
    story.image(&digest, "v2");
    let execution = app.execution_of_push(&digest).await;
    execution.concluded().await;
    name_builds(&mut story, &app, &gates).await;
    let title = "The push of v2";
    let verdict = story.deployment(title, "deployment", &execution).await;
    assert_eq!(verdict, Verdict::Rejected);
    end(story, &app, &gates).await
}

/// A gate fails afterwards: everything is put back.
pub async fn after_failed(world: &World) -> String {
    let gates = [Gate::after("e2e", FAILS)];
    let app = world.gated("gate-after-failed", &gates).await;
    let headline = "The release is verified, and then its end-to-end tests fail: what ran before is put back, and nobody was told that \
                    the release is live.";
    let mut story = Story::of(world, &app, headline).await;
    let digest = app.push("v2").await;
    story.image(&digest, "v2");
    let execution = app.execution_of_push(&digest).await;
    execution.concluded().await;
    name_builds(&mut story, &app, &gates).await;
    let title = "The push of v2";
    let verdict = story.deployment(title, "deployment", &execution).await;
    assert_eq!(verdict, Verdict::RolledBack);
    end(story, &app, &gates).await
}

/// A gate hangs: its build is stopped when its time is over.
pub async fn timed_out(world: &World) -> String {
    let gates = [Gate::before("unit", HANGS).with(", timeout_minutes: 1")];
    let app = world.gated("gate-timed-out", &gates).await;
    let headline =
        "The unit tests hang: after their minute the build is stopped, and nothing was changed.";
    let mut story = Story::of(world, &app, headline).await;
    let digest = app.push("v2").await;
    story.image(&digest, "v2");
    let execution = app.execution_of_push(&digest).await;
    execution.concluded().await;
    name_builds(&mut story, &app, &gates).await;
    let title = "The push of v2";
    let verdict = story.deployment(title, "deployment", &execution).await;
    assert_eq!(verdict, Verdict::Rejected);
    end(story, &app, &gates).await
}

/// The execution is stopped while a gate is asked: its build is stopped.
pub async fn stopped(world: &World) -> String {
    let gates = [Gate::before("unit", HANGS)];
    let app = world.gated("gate-stopped", &gates).await;
    let headline =
        "Somebody stops the execution while a gate is asked: its build is stopped as well.";
    let mut story = Story::of(world, &app, headline).await;
    let digest = app.push("release-2").await;
    story.image(&digest, "release-2");
    let execution = app.deploy(&digest).await;
    eventually("the gate is asked", async || {
        let builds = app.gate_builds("unit").await;
        (!builds.is_empty()).then_some(())
    })
    .await;
    execution.stop().await;
    execution.concluded().await;
    name_builds(&mut story, &app, &gates).await;
    let title = "release-2 by hand";
    let verdict = story.deployment(title, "deployment", &execution).await;
    assert_eq!(verdict, Verdict::Stopped);
    end(story, &app, &gates).await
}

/// Nobody knows the commit that a gate is to test.
pub async fn commit_unknown(world: &World) -> String {
    let gates = [Gate::before("unit", PASSES).with(", source_version: commit")];
    let app = world.gated("gate-commit", &gates).await;
    let headline = "A gate tests the commit of the release. An image that is tagged with a version has none: the deployment is rejected; \
                    one that is tagged with its commit is tested.";
    let mut story = Story::of(world, &app, headline).await;
    let digest = app.push("v2").await;
    story.image(&digest, "v2");
    let execution = app.execution_of_push(&digest).await;
    let title = "The push of v2";
    let verdict = story.deployment(title, "deployment", &execution).await;
    assert_eq!(verdict, Verdict::Rejected);
    let digest = app.push("3f2a9c1").await;
    story.image(&digest, "3f2a9c1");
    let named = serde_json::json!({ "images": { "web": "3f2a9c1" } });
    let execution = app.deploy_with(&named).await;
    execution.concluded().await;
    name_builds(&mut story, &app, &gates).await;
    let title = "3f2a9c1 by hand";
    let verdict = story.deployment(title, "second", &execution).await;
    assert_eq!(verdict, Verdict::Succeeded);
    end(story, &app, &gates).await
}

/// Gives builds and reports names: their ids are in links.
async fn name_builds(story: &mut Story<'_>, app: &Application<'_>, gates: &[Gate]) {
    for gate in gates {
        for (number, build) in app.gate_builds(gate.name).await.iter().enumerate() {
            let number = number + 1;
            let reports = build.report_arns().iter().map(String::as_str);
            for arn in build.id().into_iter().chain(reports) {
                let id = arn.rsplit(':').next().unwrap();
                let kind = if arn.contains(":report/") {
                    "report"
                } else {
                    "build"
                };
                story.call(id, &format!("{kind} {number} of {}", gate.name));
            }
        }
    }
}

/// Tells what was built.
async fn end(mut story: Story<'_>, app: &Application<'_>, gates: &[Gate]) -> String {
    let mut lines = Vec::new();
    for gate in gates {
        let builds = app.gate_builds(gate.name).await;
        let line = |build: &Build| {
            let version = build.source_version().filter(|it| !it.is_empty());
            let of = version.map_or_else(String::new, |version| format!(" of {version}"));
            let status = build.build_status().unwrap();
            format!("{}: a build{of}: {}", gate.name, status.as_str())
        };
        lines.extend(builds.iter().map(line));
        if builds.is_empty() {
            lines.push(format!("{}: no build", gate.name));
        }
    }
    story.tell("The builds of the gates", &lines);
    story.end().await
}
