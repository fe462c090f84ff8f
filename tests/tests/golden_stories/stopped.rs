//! A person stops the execution.

use lockstep_cli::local::gateway::{Fault, FaultRule};
use lockstep_cli::local::sdk;
use lockstep_tests::World;

use crate::story::Story;

pub async fn stopped(world: &World) -> String {
    let app = world.application("stopped").await;
    let digest = app.push("release-2").await;
    let headline = "Somebody stops the execution in the console while ECS is told to roll out: the watchdog puts back what ran before.";
    let mut story = Story::of(world, &app, headline).await;
    story.image(&digest, "release-2");
    let execution = app.deploy(&digest).await;
    // Its plan takes much longer than this.
    stop_at_the_update(world, &app.name, execution.arn.clone());
    story
        .deployment("release-2 by hand", "deployment", &execution)
        .await;
    story.end().await
}

/// Stops the execution at the very moment when its service's update goes out, and lets that call through.
fn stop_at_the_update(world: &World, service: &str, execution: String) {
    let emulator = format!("http://127.0.0.1:{}", world.engine().state().emulator_port);
    let rule = FaultRule::new(Fault::RefuseBefore, move |call| {
        if call.operation == "UpdateService" {
            stop(&emulator, &execution);
        }
        false
    });
    world.engine().gateway().inject(rule.that_says(service));
}

/// On a thread and a runtime of its own: those of the gateway wait for it.
fn stop(endpoint: &str, execution: &str) {
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            let runtime = builder.enable_all().build().unwrap();
            let sfn = aws_sdk_sfn::Client::new(&sdk::config(endpoint));
            let stop = sfn.stop_execution().execution_arn(execution);
            runtime.block_on(stop.send()).unwrap();
        });
    });
}
