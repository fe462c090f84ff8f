//! Stacks, with every ending, and left in states in which they cannot be changed.

use std::time::Duration;

use lockstep::verdict::Verdict;
use lockstep_cli::local::gateway::{Fault, FaultRule, ResourceAction, ResourceFault};
use lockstep_tests::{Stacked, Wanted, World};
use serde_json::{Value, json};

use crate::verdict;

/// Creates, updates, is put back by CloudFormation and by Lockstep, is stopped by the guard, and is healed.
pub async fn one_of_each_ending(world: &World) {
    let wanted = Wanted::default();
    let app = world.stacked("permitted-stacks", &wanted).await;
    let digest = app.push("v1").await;
    app.fleet.release("1.0.0").await;
    let first = json!({ "images": { "web": digest }, "release": "1.0.0" });
    hit(world, &app, "app", "Noted", ResourceAction::Create, 1).await;
    assert_eq!(
        deployed(&app, &first).await,
        Verdict::RolledBack,
        "created in vain"
    );
    none(world).await;
    assert_eq!(deployed(&app, &first).await, Verdict::Succeeded, "created");

    let changed = Wanted {
        note: "second",
        ..wanted.clone()
    };
    app.apply(&changed).await;
    hit(world, &app, "app", "Noted", ResourceAction::Update, 1).await;
    assert_eq!(
        deployed(&app, &json!({})).await,
        Verdict::RolledBack,
        "rolled back"
    );
    // The way back fails, too: Lockstep continues it.
    hit(world, &app, "app", "Noted", ResourceAction::Update, 2).await;
    assert_eq!(
        deployed(&app, &json!({})).await,
        Verdict::RolledBack,
        "continued"
    );
    slow(world, &app).await;
    let stopped = app.deploy(&json!({})).await;
    stopped.reaches("Stacks").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    stopped.stop().await;
    none(world).await;
    assert_eq!(verdict(&stopped).await, Verdict::Stopped, "stopped");
    assert_eq!(
        deployed(&app, &json!({})).await,
        Verdict::Succeeded,
        "updated"
    );

    let replaced = Wanted {
        key: "orderId",
        ..changed
    };
    app.apply(&replaced).await;
    assert_eq!(
        deployed(&app, &json!({})).await,
        Verdict::Rejected,
        "guarded"
    );
}

/// Code that is put where a new stack reads it and taken away again, and what others are told, put back as well.
pub async fn seeded(world: &World) {
    let wanted = Wanted {
        seeded: true,
        ..Wanted::default()
    };
    let app = world.stacked("permitted-seeded", &wanted).await;
    let bad = app.push_bad("v1").await;
    app.fleet.release("1.0.0").await;
    let request = json!({ "images": { "web": bad }, "release": "1.0.0" });
    assert_eq!(
        deployed(&app, &request).await,
        Verdict::RolledBack,
        "made in vain"
    );
    let good = app.push("v2").await;
    let request = json!({ "images": { "web": good }, "release": "1.0.0", "allow_older": true });
    assert_eq!(deployed(&app, &request).await, Verdict::Succeeded, "made");
    let refuse = FaultRule::on("lockstep-publish-live", "PutParameter", Fault::RefuseBefore);
    let refuse = refuse.that_says("permitted-seeded/test/web/task-definition");
    world.engine().gateway().inject(refuse);
    let next = app.push("v3").await;
    let request = json!({ "images": { "web": next } });
    assert_eq!(
        deployed(&app, &request).await,
        Verdict::RolledBack,
        "others could not be told"
    );
    world.engine().gateway().clear_faults();
}

async fn deployed(app: &Stacked<'_>, fields: &Value) -> Verdict {
    verdict(&app.deploy(fields).await).await
}

async fn hit(
    world: &World,
    app: &Stacked<'_>,
    component: &str,
    resource: &str,
    action: ResourceAction,
    times: usize,
) {
    let fault = ResourceFault::on(&app.stack(component), resource, action);
    let fault = fault.fails("not today").times(times);
    world
        .engine()
        .gateway()
        .hit_resources(&[fault])
        .await
        .unwrap();
}

async fn slow(world: &World, app: &Stacked<'_>) {
    let fault = ResourceFault::on(&app.stack("app"), "Noted", ResourceAction::Update);
    let fault = fault.takes(Duration::from_secs(20)).times(1);
    world
        .engine()
        .gateway()
        .hit_resources(&[fault])
        .await
        .unwrap();
}

async fn none(world: &World) {
    world.engine().gateway().hit_resources(&[]).await.unwrap();
}
