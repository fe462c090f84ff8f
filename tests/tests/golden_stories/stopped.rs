//! A person stops the execution.

use lockstep::DeploymentId;
use lockstep_cli::args::AnswerArgs;
use lockstep_cli::aws::Controller;
use lockstep_cli::commands;
use lockstep_cli::local::gateway::{Fault, FaultRule};
use lockstep_cli::local::sdk;
use lockstep_cli::view::Report as _;
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

/// A person says who they are, and why.
pub async fn by_name(world: &World) -> String {
    let app = world.application("stopped-by-name").await;
    // It is deployed by hand; its push is nobody's business.
    let patient = app.manifest(&world.health_url(&app.name));
    let patient = patient.replace("interval_seconds: 1", "interval_seconds: 100");
    app.apply(&patient.replace("tags: [\"v*\"]", "tags: [none]"))
        .await;
    let digest = app.push_bad("v2").await;
    let headline = "Ann stops a deployment that does not get healthy, by the command, and says why: everybody is told.";
    let mut story = Story::of(world, &app, headline).await;
    story.image(&digest, "v2");
    let execution = app.deploy(&digest).await;
    execution.reaches("VerifyWait").await;
    let id = DeploymentId::parse(execution.arn.rsplit(':').next().unwrap());
    let id = id.expect("executions by hand are named by their deployment");
    let ann = AnswerArgs {
        target: id.to_string(),
        question: None,
        reason: Some("the wrong image".to_owned()),
        by: "ann".to_owned(),
    };
    let controller = Controller::over(&sdk::config(&world.endpoint()), "lockstep");
    let came = commands::stop(&controller, &id, &ann).await.unwrap();
    story.call(id.as_str(), "deployment");
    story.line(&came.text());
    story
        .deployment("v2 by hand", "deployment", &execution)
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
