//! Deployments of a part of an application.

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
