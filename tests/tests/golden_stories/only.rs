//! Deployments of a part of an application, and rollouts in an order.

use lockstep_cli::local::gateway::{Fault, FaultRule};
use lockstep_tests::{ENVIRONMENT, World};
use serde_json::json;

use crate::story::Story;
use crate::superseded::{again_and_again, push, waiting};

pub async fn one_of_two(world: &World) -> String {
    let pair = world.paired("only-one-of-two", "").await;
    let manifest = world.manifest_of_two(&pair, "");
    let [web, api] = &pair;
    web.apply(&manifest.replace("attempts: 2", "attempts: 100"))
        .await;
    let headline = "A deployment runs, a newer image of api waits, and somebody deploys a fix of web only: it goes first and leaves api \
                    as it is, although it was named. The release stays whole; the one that waited brings api.";
    let mut story = Story::of(world, &pair, headline).await;
    web.set_down(true);
    let running = push(&mut story, web, "web v2", "v2").await;
    again_and_again(&running).await;
    let waits = push(&mut story, api, "api v2", "v2").await;
    waiting(world, &web.name, 1).await;
    let fix = web.push("fix-3").await;
    story.image(&fix, "web fix-3");
    let only = json!({
        "only": ["web"], "images": {"web": "fix-3", "api": "v2"}, "by": "ann", "reason": "a fix of web",
    });
    let hotfix = web.deploy_with(&only).await;
    waiting(world, &web.name, 2).await;
    web.set_down(false);
    story
        .deployment("The push of web v2, which runs", "deployment 1", &running)
        .await;
    story
        .deployment(
            "The fix of web only, asked for last",
            "deployment 3",
            &hotfix,
        )
        .await;
    story
        .deployment("The push of api v2, which waited", "deployment 2", &waits)
        .await;
    let ledger = &world.clients().ledger;
    let history = ledger.history(&web.name, ENVIRONMENT, 10).await.unwrap();
    let lines = history
        .iter()
        .map(|line| format!("{}: {}", line.id, line.release));
    story.tell("The history, newest first", &lines.collect::<Vec<_>>());
    story.end().await
}

pub async fn after_order(world: &World) -> String {
    let name = "after-order";
    let after_web = "    after: [web]\n";
    let pair = world.paired(name, after_web).await;
    let [web, _] = &pair;
    let headline = "api is rolled out after web. First web fails, and api is never begun; then both go live, one after the other.";
    let mut story = Story::of(world, &pair, headline).await;
    for app in &pair {
        // No tag by which it would be deployed by itself.
        let digest = app.push("second").await;
        story.image(&digest, &format!("{} v2", app.service));
    }
    let both = json!({"images": {"web": "second", "api": "second"}, "by": "ann"});
    let refuse = FaultRule::on("lockstep-service", "UpdateService", Fault::RefuseBefore);
    let refuse = refuse.that_says(&format!("{name}-web")).nth(1);
    world.engine().gateway().inject(refuse);
    let refused = web.deploy_with(&both).await;
    story
        .deployment(
            "Both by hand, and ECS refuses web",
            "deployment 1",
            &refused,
        )
        .await;
    let calls = world.engine().gateway().calls();
    let updates = calls.iter().filter(|call| {
        call.name.operation == "UpdateService" && call.request.contains(&format!("{name}-api"))
    });
    story.tell(
        "Calls that changed api until here",
        &[updates.count().to_string()],
    );
    let mark = world.engine().gateway().last_call();
    let again = web.deploy_with(&both).await;
    story.deployment("Both again", "deployment 2", &again).await;
    let calls = world.engine().gateway().calls_since(mark);
    let updates = calls
        .iter()
        .filter(|call| call.name.operation == "UpdateService");
    let order = updates.filter_map(|call| {
        let is_of = |part: &&str| call.request.contains(&format!("{name}-{part}"));
        ["web", "api"].into_iter().find(is_of).map(str::to_owned)
    });
    story.tell("What ECS was told to update", &order.collect::<Vec<_>>());
    story.end().await
}
