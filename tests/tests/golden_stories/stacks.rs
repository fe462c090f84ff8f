//! Deployments whose CloudFormation stacks come first.

use lockstep::verdict::Verdict;
use lockstep_cli::local::gateway::{ResourceAction, ResourceFault};
use lockstep_tests::{Stacked, Wanted, World};
use serde_json::{Value, json};

use crate::story::Story;

/// From nothing: two stacks, then the service and the function that they made; and again.
pub async fn created(world: &World) -> String {
    let wanted = Wanted::default();
    let app = world.stacked("stacks-created", &wanted).await;
    let headline = "Nothing exists but an image and a release. One deployment creates the stacks, then deploys the service and the \
                    function that they made. The same again changes nothing.";
    let mut story = begin(world, &app, headline, &[&wanted]).await;
    let request = first_request(&app, &mut story).await;
    let execution = app.deploy(&request).await;
    let verdict = story
        .deployment("The first deployment", "deployment", &execution)
        .await;
    assert_eq!(verdict, Verdict::Succeeded);
    let execution = app.deploy(&request).await;
    let verdict = story
        .deployment("The same again", "the second deployment", &execution)
        .await;
    assert_eq!(verdict, Verdict::NoChange);
    end(story, app).await
}

/// A new value goes from the manifest into one stack, and from its output into the other.
pub async fn updated(world: &World) -> String {
    let wanted = Wanted::default();
    let app = world.stacked("stacks-updated", &wanted).await;
    let headline = "A parameter of one stack changes, and with it an output that another stack takes: both are updated, in \
                    their order. What runs on them stays as it is.";
    let mut story = exists(world, &app, headline, &[&wanted]).await;
    let changed = Wanted {
        note: "second",
        ..wanted
    };
    app.apply(&changed).await;
    let execution = app.deploy(&json!({})).await;
    let verdict = story
        .deployment("The changed manifest", "deployment", &execution)
        .await;
    assert_eq!(verdict, Verdict::Succeeded);
    end(story, app).await
}

/// A table that would be replaced stops the deployment; a person allows it.
pub async fn guarded(world: &World) -> String {
    let wanted = Wanted::default();
    let app = world.stacked("stacks-guarded", &wanted).await;
    let changed = Wanted {
        key: "orderId",
        ..wanted.clone()
    };
    let headline = "A template changes the key of a table, which would replace it, with all that it holds: the deployment is \
                    stopped before anything is changed. A person allows it for one deployment.";
    let mut story = exists(world, &app, headline, &[&wanted, &changed]).await;
    app.apply(&changed).await;
    let execution = app.deploy(&json!({})).await;
    let verdict = story
        .deployment("The changed template", "deployment", &execution)
        .await;
    assert_eq!(verdict, Verdict::Rejected);
    let execution = app.deploy(&json!({ "approve": ["data/Orders"] })).await;
    let verdict = story
        .deployment("With --approve data/Orders", "approved", &execution)
        .await;
    assert_eq!(verdict, Verdict::Succeeded);
    end(story, app).await
}

/// The stack was updated, the image is bad: everything is as before.
pub async fn undone(world: &World) -> String {
    let wanted = Wanted::default();
    let app = world.stacked("stacks-undone", &wanted).await;
    let changed = Wanted {
        note: "second",
        more: Some("AWS::SNS::Topic"),
        ..wanted.clone()
    };
    let headline = "Stacks are updated, and then the new image turns out to be bad: service, templates, parameters and outputs are \
                    exactly as before.";
    let mut story = exists(world, &app, headline, &[&wanted, &changed]).await;
    app.apply(&changed).await;
    let digest = app.push_bad("v2").await;
    story.image(&digest, "v2");
    let execution = app.deploy(&json!({ "images": { "web": digest } })).await;
    let verdict = story
        .deployment("The changed template and v2", "deployment", &execution)
        .await;
    assert_eq!(verdict, Verdict::RolledBack);
    end(story, app).await
}

/// Going back would delete a queue that may have taken messages by now.
pub async fn data_kept(world: &World) -> String {
    let wanted = Wanted::default();
    let app = world.stacked("stacks-data-kept", &wanted).await;
    let changed = Wanted {
        more: Some("AWS::SQS::Queue"),
        ..wanted.clone()
    };
    let headline = "A stack gets a queue, and then the new image turns out to be bad. Going back would delete the queue with what it \
                    holds by now: the service is put back, the stack stays, and a person has to decide.";
    let mut story = exists(world, &app, headline, &[&wanted, &changed]).await;
    app.apply(&changed).await;
    let digest = app.push_bad("v2").await;
    story.image(&digest, "v2");
    let execution = app.deploy(&json!({ "images": { "web": digest } })).await;
    let verdict = story
        .deployment("The changed template and v2", "deployment", &execution)
        .await;
    assert_eq!(verdict, Verdict::FailedDirty);
    end(story, app).await
}

/// The stacks are new, the image is bad: what holds no data is gone again, and the table stays.
pub async fn new_undone(world: &World) -> String {
    let wanted = Wanted::default();
    let app = world.stacked("stacks-new-undone", &wanted).await;
    let headline = "Stacks are created, and then the image turns out to be bad. The stack that holds no data is deleted again; the \
                    one with the table stays, and the message says so.";
    let mut story = begin(world, &app, headline, &[&wanted]).await;
    let digest = app.push_bad("v1").await;
    story.image(&digest, "v1");
    app.fleet.release("1.0.0").await;
    let request = json!({ "images": { "web": digest }, "release": "1.0.0" });
    let execution = app.deploy(&request).await;
    let verdict = story
        .deployment("The first deployment", "deployment", &execution)
        .await;
    assert_eq!(verdict, Verdict::RolledBack);
    end(story, app).await
}

/// The role of the controller's parameter `StackRoleArn`, in the world of the stories.
pub const DEFAULT_ROLE: &str = "arn:aws:iam::000000000000:role/lockstep-stacks";

/// The manifest names no role: the controller has one for all.
pub async fn default_role(world: &World) -> String {
    let wanted = Wanted {
        role: false,
        ..Wanted::default()
    };
    let app = world.stacked("stacks-default-role", &wanted).await;
    let headline = "The manifest names no role for its stacks: CloudFormation uses the one that the controller was deployed \
                    with.";
    let mut story = begin(world, &app, headline, &[&wanted]).await;
    let request = first_request(&app, &mut story).await;
    let execution = app.deploy(&request).await;
    let verdict = story
        .deployment("The first deployment", "deployment", &execution)
        .await;
    assert_eq!(verdict, Verdict::Succeeded);
    for component in ["data", "app"] {
        let role = app.role(component).await;
        story.line(&format!(
            "CloudFormation's role of stack {component}: {}",
            role.as_deref().unwrap_or("none")
        ));
    }
    end(story, app).await
}

/// CloudFormation itself fails in the second stack.
pub async fn failed(world: &World) -> String {
    let wanted = Wanted::default();
    let app = world.stacked("stacks-failed", &wanted).await;
    let changed = Wanted {
        note: "second",
        ..wanted.clone()
    };
    let headline = "A resource of the second stack cannot be updated: CloudFormation rolls that stack back by itself, Lockstep puts \
                    back the first one, and the message names the resource and its reason.";
    let mut story = exists(world, &app, headline, &[&wanted, &changed]).await;
    app.apply(&changed).await;
    let id = app.snapshot("app").await.id;
    story.call(id.rsplit('/').next().unwrap(), "id of the stack");
    let fault = ResourceFault::on(&app.stack("app"), "Noted", ResourceAction::Update);
    let fault = fault
        .fails("The parameter is not to be changed today")
        .times(1);
    let gateway = world.engine().gateway();
    gateway.hit_resources(&[fault]).await.unwrap();
    let execution = app.deploy(&json!({})).await;
    let verdict = story
        .deployment("The changed manifest", "deployment", &execution)
        .await;
    assert_eq!(verdict, Verdict::RolledBack);
    end(story, app).await
}

/// Begins a story about stacks; templates have names.
pub(crate) async fn begin<'w>(
    world: &'w World,
    app: &Stacked<'w>,
    headline: &str,
    versions: &[&Wanted],
) -> Story<'w> {
    let mut story = Story::of(world, app, headline).await;
    let code = &app.fleet.artifacts("1.0.0")[0].sha256;
    story.call(code, "hash of the code");
    story.call(&code[..12], "hash of the code");
    let mut call = |hash: &str, name: &str| {
        story.call(hash, name);
        story.call(&hash[..8], name);
    };
    call(&app.app_hash(), "hash of app");
    for (number, version) in versions.iter().enumerate() {
        call(
            &app.data_hash(version),
            &format!("hash of data v{}", number + 1),
        );
    }
    story
}

/// A story of an application that was deployed before.
pub(crate) async fn exists<'w>(
    world: &'w World,
    app: &Stacked<'w>,
    headline: &str,
    versions: &[&Wanted],
) -> Story<'w> {
    let digest = app.push("v1").await;
    app.fleet.release("1.0.0").await;
    let request = json!({ "images": { "web": digest }, "release": "1.0.0" });
    let (record, _) = app.deploy(&request).await.concluded().await;
    let conclusion = record.conclusion.unwrap();
    assert_eq!(
        conclusion.verdict,
        Verdict::Succeeded,
        "{}",
        conclusion.message
    );
    let mut story = begin(world, app, headline, versions).await;
    story.image(&digest, "v1");
    story.call(&record.deployment.id.to_string(), "the deployment before");
    story
}

/// What the first deployment of an application asks for.
async fn first_request(app: &Stacked<'_>, story: &mut Story<'_>) -> Value {
    let digest = app.push("v1").await;
    story.image(&digest, "v1");
    app.fleet.release("1.0.0").await;
    json!({ "images": { "web": digest }, "release": "1.0.0" })
}

/// Ends a story with what became of the world.
async fn end(story: Story<'_>, _app: Stacked<'_>) -> String {
    story.end().await
}
