//! Deployments whose infrastructure CodeBuild builds first.

use lockstep::verdict::Verdict;
use lockstep_tests::{Built, Platform, World};
use serde_json::json;

use crate::story::Story;

/// From nothing: what CodeBuild builds, the stack that takes its output, and the service; and again.
pub async fn created(world: &World) -> String {
    let platform = Platform::default();
    let app = world.built("build-created", &platform).await;
    let headline = "CodeBuild plans and applies what the manifest names, a stack takes its output, and a new image runs on top. The same \
                    again starts no build and changes nothing.";
    let mut story = begin(world, &app, headline, &[&platform]).await;
    let execution = first(&app, &mut story).await;
    let verdict = story
        .deployment("The first deployment", "deployment", &execution)
        .await;
    assert_eq!(verdict, Verdict::Succeeded);
    let builds = app.builds().await.len();
    let execution = app.deploy(&json!({})).await;
    let verdict = story
        .deployment("The same again", "the second deployment", &execution)
        .await;
    assert_eq!(verdict, Verdict::NoChange);
    assert_eq!(app.builds().await.len(), builds);
    end(story, &app).await
}

/// A new value goes from the manifest through the build into the stack.
pub async fn updated(world: &World) -> String {
    let platform = Platform::default();
    let app = world.built("build-updated", &platform).await;
    let headline = "A variable changes, and with it an output that a stack takes: the build is applied, then the stack. A source that \
                    changes nothing is planned, and nothing is applied.";
    let changed = Platform {
        note: "second",
        ..platform
    };
    let other = Platform {
        fails: Some("never"),
        ..changed
    };
    let mut story = exists(world, &app, headline, &[&platform, &other]).await;
    app.apply(&changed).await;
    let execution = app.deploy(&json!({})).await;
    let verdict = story
        .deployment("The changed variable", "deployment", &execution)
        .await;
    assert_eq!(verdict, Verdict::Succeeded);
    app.apply(&other).await;
    let execution = app.deploy(&json!({})).await;
    let verdict = story
        .deployment("Another source", "the second deployment", &execution)
        .await;
    assert_eq!(verdict, Verdict::NoChange);
    end(story, &app).await
}

/// A table that would be replaced stops the deployment; a person allows it.
pub async fn guarded(world: &World) -> String {
    let platform = Platform::default();
    let app = world.built("build-guarded", &platform).await;
    let headline = "The source changes the key of a table, which would replace it, with all that it holds: the deployment is stopped \
                    before anything is changed. A person allows it for one deployment.";
    let changed = Platform {
        key: Some("orderId"),
        ..platform
    };
    let mut story = exists(world, &app, headline, &[&platform, &changed]).await;
    app.apply(&changed).await;
    let execution = app.deploy(&json!({})).await;
    let verdict = story
        .deployment("The changed source", "deployment", &execution)
        .await;
    assert_eq!(verdict, Verdict::Rejected);
    let approve = "platform/aws_dynamodb_table.orders";
    let execution = app.deploy(&json!({ "approve": [approve] })).await;
    let title = format!("With --approve {approve}");
    let verdict = story.deployment(&title, "approved", &execution).await;
    assert_eq!(verdict, Verdict::Succeeded);
    end(story, &app).await
}

/// The plan build fails: nothing was changed.
pub async fn plan_failed(world: &World) -> String {
    let platform = Platform::default();
    let app = world.built("build-plan-failed", &platform).await;
    let headline =
        "The build that plans fails: nothing is changed, and the message has the end of its log.";
    let changed = Platform {
        note: "second",
        fails: Some("plan"),
        ..platform
    };
    let mut story = exists(world, &app, headline, &[&platform, &changed]).await;
    app.apply(&changed).await;
    let execution = app.deploy(&json!({})).await;
    let verdict = story
        .deployment("The changed source", "deployment", &execution)
        .await;
    assert_eq!(verdict, Verdict::Rejected);
    end(story, &app).await
}

/// The apply build fails half-way: what was applied before is applied again.
pub async fn apply_failed(world: &World) -> String {
    let platform = Platform::default();
    let app = world.built("build-apply-failed", &platform).await;
    let headline = "The build that applies fails half-way: what was applied before is planned and applied again.";
    let changed = Platform {
        note: "second",
        fails: Some("apply"),
        ..platform
    };
    let mut story = exists(world, &app, headline, &[&platform, &changed]).await;
    app.apply(&changed).await;
    let execution = app.deploy(&json!({})).await;
    let verdict = story
        .deployment("The changed source", "deployment", &execution)
        .await;
    assert_eq!(verdict, Verdict::RolledBack);
    end(story, &app).await
}

/// The image is bad: service, stack and what CodeBuild built are as before.
pub async fn undone(world: &World) -> String {
    let platform = Platform::default();
    let app = world.built("build-undone", &platform).await;
    let headline = "A variable changes, and then the new image turns out to be bad: the service, the stack and what CodeBuild built are \
                    exactly as before.";
    let changed = Platform {
        note: "second",
        ..platform
    };
    let mut story = exists(world, &app, headline, &[&platform]).await;
    app.apply(&changed).await;
    let digest = app.application.push_bad("v2").await;
    story.image(&digest, "v2");
    let execution = app.deploy(&json!({ "images": { "web": digest } })).await;
    let verdict = story
        .deployment("The changed variable and v2", "deployment", &execution)
        .await;
    assert_eq!(verdict, Verdict::RolledBack);
    end(story, &app).await
}

/// The first time, half-way: what was created stays.
pub async fn first_failed(world: &World) -> String {
    let platform = Platform {
        fails: Some("apply"),
        ..Platform::default()
    };
    let app = world.built("build-first-failed", &platform).await;
    let headline = "The very first build that applies fails half-way: there is no earlier source to go back to, so what it created stays, \
                    and the message says so. Once the source is right, the next deployment goes on from there.";
    let right = Platform::default();
    let mut story = begin(world, &app, headline, &[&platform, &right]).await;
    let execution = first(&app, &mut story).await;
    let verdict = story
        .deployment("The first deployment", "deployment", &execution)
        .await;
    assert_eq!(verdict, Verdict::RolledBack);
    app.apply(&right).await;
    let execution = app.deploy(&json!({})).await;
    let verdict = story
        .deployment("The right source", "the second deployment", &execution)
        .await;
    assert_eq!(verdict, Verdict::Succeeded);
    end(story, &app).await
}

async fn begin<'w>(
    world: &'w World,
    app: &Built<'w>,
    headline: &str,
    versions: &[&Platform],
) -> Story<'w> {
    let mut story = Story::of(world, app, headline).await;
    for (number, version) in versions.iter().enumerate() {
        let hash = Built::source(version).sha256;
        let name = format!("hash of source v{}", number + 1);
        story.call(&hash, &name);
        story.call(&hash[..8], &name);
    }
    story
}

async fn exists<'w>(
    world: &'w World,
    app: &Built<'w>,
    headline: &str,
    versions: &[&Platform],
) -> Story<'w> {
    let (record, _) = app.deploy(&json!({})).await.concluded().await;
    let conclusion = record.conclusion.unwrap();
    assert_eq!(
        conclusion.verdict,
        Verdict::Succeeded,
        "{}",
        conclusion.message
    );
    let mut story = begin(world, app, headline, versions).await;
    story.call(&record.deployment.id.to_string(), "the deployment before");
    story
}

async fn first<'w>(app: &Built<'w>, story: &mut Story<'_>) -> lockstep_tests::Execution<'w> {
    let digest = app.application.push("v1").await;
    story.image(&digest, "v1");
    app.deploy(&json!({ "images": { "web": digest } })).await
}

/// Ends a story; builds have numbers in it.
async fn end(mut story: Story<'_>, app: &Built<'_>) -> String {
    for (number, build) in app.builds().await.iter().enumerate() {
        story.call(build, &format!("build {}", number + 1));
    }
    story.end().await
}
