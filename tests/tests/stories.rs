//! Golden stories.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use lockstep_tests::{run, shared};

#[test]
fn succeeded() {
    run(async {
        let Some(world) = shared("stories").await else {
            return;
        };
        let app = world.application("succeeded").await;
        let before = app.snapshot().await;
        println!("{before:#?}");
        let digest = app.push("v2").await;
        let execution = app.execution_of_push(&digest).await;
        println!("{:#?}", execution.ended().await);
        println!("{:?}", execution.path().await);
        println!("{:#?}", execution.record().await);
        println!("{:#?}", app.snapshot().await);
        println!(
            "{:#?}",
            world.messages(&execution.deployment().await.unwrap().to_string())
        );
    });
}
