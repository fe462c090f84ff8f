//! Events of ECR, ECS and Step Functions.

use std::time::Duration;

use lockstep::verdict::Verdict;
use lockstep_cli::local::gateway::Delivery;
use lockstep_tests::{Application, Snapshot, World};

/// Every event comes twice: a push leads to one deployment, and each ends as it should.
pub async fn twice(world: &World) {
    world.engine().gateway().set_delivery(Delivery::Twice);
    let app = world.application("twice").await;
    good_then_bad(world, &app).await;
}

/// Every event comes three seconds late, long after the waiting phases have looked by themselves.
pub async fn late(world: &World) {
    let delivery = Delivery::Late(Duration::from_secs(3));
    world.engine().gateway().set_delivery(delivery);
    let app = world.application("late").await;
    good_then_bad(world, &app).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    world.idle().await;
    assert_eq!(
        verdicts(&app).await,
        [Verdict::Succeeded, Verdict::RolledBack]
    );
}

/// No event comes: deployments are started by hand, and asked for by the clock alone.
pub async fn never(world: &World) {
    world.engine().gateway().set_delivery(Delivery::Never);
    let app = world.application("never").await;
    let (good, bad) = (app.push("v2").await, app.push_bad("v3").await);
    app.deploy(&good).await.concluded().await;
    app.deploy(&bad).await.concluded().await;
    assert_eq!(
        verdicts(&app).await,
        [Verdict::Succeeded, Verdict::RolledBack]
    );
    assert_eq!(settled(&app).await.digest(), good);
    world.engine().gateway().set_delivery(Delivery::Once);
}

async fn good_then_bad(world: &World, app: &Application<'_>) {
    let good = app.push("v2").await;
    app.execution_of_push(&good).await.ended().await;
    world.idle().await;
    assert_eq!(verdicts(app).await, [Verdict::Succeeded]);
    // ECR's times have no fractions: a push within the same second would not be newer.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let bad = app.push_bad("v3").await;
    app.execution_of_push(&bad).await.ended().await;
    world.idle().await;
    assert_eq!(
        verdicts(app).await,
        [Verdict::Succeeded, Verdict::RolledBack]
    );
    assert_eq!(settled(app).await.digest(), good);
    for record in app.records().await {
        let told = world.messages(record.deployment.id.as_str());
        let last = told.iter().filter(|message| message.is_final()).count();
        assert_eq!(last, 1, "{told:#?}");
    }
}

async fn verdicts(app: &Application<'_>) -> Vec<Verdict> {
    let records = app.records().await;
    let conclusions = records.into_iter().map(|record| record.conclusion);
    conclusions
        .map(|conclusion| conclusion.expect("it is concluded").verdict)
        .collect()
}

/// The world, with nothing left behind.
async fn settled(app: &Application<'_>) -> Snapshot {
    let snapshot = app.snapshot().await;
    assert!(snapshot.is_unlocked(), "{snapshot:#?}");
    assert_eq!(snapshot.kept("queue#"), [""; 0]);
    snapshot
}
