//! What becomes of builds of images.

use aws_sdk_codebuild::types::Build;
use lockstep::verdict::Verdict;
use lockstep_tests::{Application, Execution, ImageBuild, World, eventually};
use serde_json::{Value, json};

use crate::story::Story;

const COMMIT: &str = "3f2a9c1";
const FAILS: &str = "echo \"$IMAGE_REPOSITORY:$IMAGE_TAG, $TARGET, for $LOCKSTEP_ENVIRONMENT\"; echo 'COPY failed: no such file'; exit 1";
const HANGS: &str = "echo begun; sleep 600";

fn commit() -> Value {
    json!({ "commit": COMMIT })
}

/// The image is built by the example's buildspec. Pushes of it start no second deployment, although
/// every tag deploys by itself.
pub async fn ran(world: &World) -> String {
    let app = world
        .imaged("image-build-ran", &ImageBuild::of_example("web"))
        .await;
    let headline = "A commit is deployed: its image is built, gets its tags, and is deployed by its digest. Every push of it tells of what \
                    this deployment does itself, and starts no other one. The same commit once more builds nothing.";
    let mut story = Story::of(world, &app, headline).await;
    let execution = app.deploy_with(&commit()).await;
    execution.concluded().await;
    name_builds(&mut story, &app, "web").await;
    name_images(&mut story, &app).await;
    let title = "3f2a9c1 by hand";
    let verdict = story.deployment(title, "deployment", &execution).await;
    assert_eq!(verdict, Verdict::Succeeded);
    for (name, tag) in [
        ("The push by the build", COMMIT),
        ("The push of a tag by Lockstep", "test-latest"),
    ] {
        let push = push_of(world, &app, tag).await;
        story.execution(name, &push).await;
        // Which of the two is said depends on how far the deployment is when the push is told.
        let output = push.ended().await.output;
        let reason = output["reason"].as_str().unwrap_or_default();
        let known = ["is made by a build of deployment", " took up sha256:"];
        assert!(known.iter().any(|it| reason.contains(it)), "{reason}");
    }
    assert_eq!(app.records().await.len(), 1, "a push started another one");
    let again = app.deploy_with(&commit()).await;
    let title = "3f2a9c1 once more";
    let verdict = story.deployment(title, "second", &again).await;
    assert_eq!(verdict, Verdict::NoChange);
    end(story, &app, &["web"]).await
}

/// The image is there already: nothing is built.
pub async fn skipped(world: &World) -> String {
    let app = world
        .imaged(
            "image-build-skipped",
            &ImageBuild::that_runs("web", "exit 1"),
        )
        .await;
    let headline =
        "The image of the commit is there already: it is deployed, and nothing is built.";
    let mut story = Story::of(world, &app, headline).await;
    let digest = app.push(COMMIT).await;
    story.image(&digest, COMMIT);
    let pushed = app.execution_of_push(&digest).await;
    let title = "The push of 3f2a9c1";
    let verdict = story.deployment(title, "deployment", &pushed).await;
    assert_eq!(verdict, Verdict::Succeeded);
    let newer = app.push("v2").await;
    story.image(&newer, "v2");
    let pushed = app.execution_of_push(&newer).await;
    story
        .deployment("The push of v2", "deployment of v2", &pushed)
        .await;
    let fields = json!({ "commit": COMMIT, "allow_older": true });
    let execution = app.deploy_with(&fields).await;
    let title = "3f2a9c1 by hand, after v2";
    let verdict = story.deployment(title, "second", &execution).await;
    assert_eq!(verdict, Verdict::Succeeded);
    end(story, &app, &["web"]).await
}

/// The build fails: nothing is changed.
pub async fn failed(world: &World) -> String {
    let build = ImageBuild::that_runs("web", FAILS).with(", environment: { TARGET: slim }");
    let app = world.imaged("image-build-failed", &build).await;
    let headline = "The build fails: nothing is changed, and the message has the end of its log.";
    let mut story = Story::of(world, &app, headline).await;
    let execution = app.deploy_with(&commit()).await;
    execution.concluded().await;
    name_builds(&mut story, &app, "web").await;
    let title = "3f2a9c1 by hand";
    let verdict = story.deployment(title, "deployment", &execution).await;
    assert_eq!(verdict, Verdict::Rejected);
    end(story, &app, &["web"]).await
}

/// The build succeeds and has pushed nothing.
pub async fn idle(world: &World) -> String {
    let build = ImageBuild::that_runs("web", "echo built");
    let app = world.imaged("image-build-idle", &build).await;
    let headline =
        "The build succeeds and has pushed nothing: that is said, and nothing is changed.";
    let mut story = Story::of(world, &app, headline).await;
    let execution = app.deploy_with(&commit()).await;
    execution.concluded().await;
    name_builds(&mut story, &app, "web").await;
    let title = "3f2a9c1 by hand";
    let verdict = story.deployment(title, "deployment", &execution).await;
    assert_eq!(verdict, Verdict::Rejected);
    end(story, &app, &["web"]).await
}

/// The build hangs: it is stopped when its time is over.
pub async fn timed_out(world: &World) -> String {
    let build = ImageBuild::that_runs("web", HANGS).with(", timeout_minutes: 1");
    let app = world.imaged("image-build-timed-out", &build).await;
    let headline = "The build hangs: after its minute it is stopped, and nothing was changed.";
    let mut story = Story::of(world, &app, headline).await;
    let execution = app.deploy_with(&commit()).await;
    execution.concluded().await;
    name_builds(&mut story, &app, "web").await;
    let title = "3f2a9c1 by hand";
    let verdict = story.deployment(title, "deployment", &execution).await;
    assert_eq!(verdict, Verdict::Rejected);
    end(story, &app, &["web"]).await
}

/// The execution is stopped while an image is built: the build is stopped.
pub async fn stopped(world: &World) -> String {
    let build = ImageBuild::that_runs("web", HANGS);
    let app = world.imaged("image-build-stopped", &build).await;
    let headline =
        "Somebody stops the execution while an image is built: the build is stopped as well.";
    let mut story = Story::of(world, &app, headline).await;
    let execution = app.deploy_with(&commit()).await;
    eventually("the build runs", async || {
        let builds = app.image_builds("web").await;
        (!builds.is_empty()).then_some(())
    })
    .await;
    execution.stop().await;
    execution.concluded().await;
    name_builds(&mut story, &app, "web").await;
    let title = "3f2a9c1 by hand";
    let verdict = story.deployment(title, "deployment", &execution).await;
    assert_eq!(verdict, Verdict::Stopped);
    end(story, &app, &["web"]).await
}

/// Of two services only one is deployed: only its image is built.
pub async fn part(world: &World) -> String {
    let builds = [
        &ImageBuild::of_example("web"),
        &ImageBuild::that_runs("api", "exit 1"),
    ];
    let [web, _] = &world.imaged_pair("image-build-part", builds).await;
    let headline = "Only web of the commit is deployed: only its image is built, and its repository's tags do not move.";
    let mut story = Story::of(world, web, headline).await;
    web.push("test-latest").await;
    web.make_immutable().await;
    let fields = json!({ "commit": COMMIT, "only": ["web"] });
    let execution = web.deploy_with(&fields).await;
    execution.concluded().await;
    name_builds(&mut story, web, "web").await;
    name_images(&mut story, web).await;
    let title = "web of 3f2a9c1 by hand";
    let verdict = story.deployment(title, "deployment", &execution).await;
    assert_eq!(verdict, Verdict::Succeeded);
    end(story, web, &["web", "api"]).await
}

/// Two images are built at the same time, and one fails.
pub async fn parallel(world: &World) -> String {
    // One after the other they would take for ever, whichever came first.
    let fails = "sleep 4; echo 'no such file'; exit 1";
    let builds = [
        &ImageBuild::that_runs("web", HANGS),
        &ImageBuild::that_runs("api", fails),
    ];
    let [web, _] = &world.imaged_pair("image-builds-parallel", builds).await;
    let headline =
        "Two images are built at the same time. One build fails, and the other one is stopped.";
    let mut story = Story::of(world, web, headline).await;
    let execution = web.deploy_with(&commit()).await;
    execution.concluded().await;
    for build in ["web", "api"] {
        name_builds(&mut story, web, build).await;
    }
    let title = "3f2a9c1 by hand";
    let verdict = story.deployment(title, "deployment", &execution).await;
    assert_eq!(verdict, Verdict::Rejected);
    end(story, web, &["web", "api"]).await
}

/// The execution that the push of a tag started.
async fn push_of<'w>(world: &'w World, app: &Application<'w>, tag: &str) -> Execution<'w> {
    eventually("the push starts an execution", async || {
        for execution in world.executions_with(&app.repository).await {
            let input: Value = serde_json::from_str(&execution.input().await).unwrap();
            if input["detail"]["image-tag"] == tag {
                return Some(execution);
            }
        }
        None
    })
    .await
}

/// Gives builds names: their ids are in links.
async fn name_builds(story: &mut Story<'_>, app: &Application<'_>, build: &str) {
    for (number, one) in app.image_builds(build).await.iter().enumerate() {
        let id = one.id().unwrap().rsplit(':').next().unwrap();
        story.call(id, &format!("build {} of {build}", number + 1));
    }
}

/// Gives the image and the time in its tags names.
async fn name_images(story: &mut Story<'_>, app: &Application<'_>) {
    for (digest, tags) in app.images().await {
        if tags.iter().any(|tag| tag == COMMIT) {
            story.image(&digest, COMMIT);
        }
        for tag in tags.iter().filter(|tag| tag.ends_with('Z')) {
            story.call(tag, "start of the build");
        }
    }
}

/// Tells what was built and what is there.
async fn end(mut story: Story<'_>, app: &Application<'_>, builds: &[&str]) -> String {
    let mut lines = Vec::new();
    for build in builds {
        let all = app.image_builds(build).await;
        let line = |one: &Build| {
            let version = one.source_version().unwrap_or_default();
            let status = one.build_status().unwrap();
            format!("{build}: a build of {version}: {}", status.as_str())
        };
        lines.extend(all.iter().map(line));
        if all.is_empty() {
            lines.push(format!("{build}: no build"));
        }
    }
    for (_, tags) in app.images().await {
        lines.push(format!("an image that is tagged {}", tags.join(", ")));
    }
    story.tell("Builds and images", &lines);
    story.end().await
}
