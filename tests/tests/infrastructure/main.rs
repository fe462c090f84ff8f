//! `examples/voice-bridge` from an account that holds nothing but Lockstep, as its README tells: network, platform, function
//! and service by one command, and what happens to them afterwards. Every step is asked of the world itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise, and says so on the terminal"
)]

#[path = "../sync/command.rs"]
mod command;
mod voice;

use lockstep::verdict::Verdict;
use lockstep_cli::local::Containers;
use lockstep_cli::local::emulator::ACCOUNT;
use lockstep_cli::local::gateway::{ResourceAction, ResourceFault};
use lockstep_tests::{World, run};
use voice::{FALLBACK, Voice};

#[test]
fn one_command_brings_up_an_empty_account() {
    run(async {
        let role = format!("arn:aws:iam::{ACCOUNT}:role/stacks");
        let parameters = [("StackRoleArn", role.as_str())];
        let world = World::start_as("infrastructure", Containers::Off, &parameters).await;
        let Some(world) = world else {
            return;
        };
        let voice = Voice::new(&world);
        comes_up(&voice).await;
        let digest = real_image(&voice).await;
        other_change(&voice, &digest).await;
        cannot_start(&voice, &digest).await;
        bad_release(&voice, &digest).await;
        drop(voice);
        world.stop().await;
    });
}

/// Nothing is there; one command: network, platform, the release's code, and a service that waits for its first image.
async fn comes_up(voice: &Voice<'_>) {
    assert_eq!(voice.stack("network").await.status, "");
    assert_eq!(voice.stack("platform").await.status, "");
    assert_eq!(voice.live().await, None);
    let exit = voice.release("1.0.0", &["--apply"]).await;
    assert_eq!(exit, Some(0));
    for stack in ["network", "platform"] {
        assert_eq!(voice.stack(stack).await.status, "CREATE_COMPLETE");
    }
    assert_eq!(voice.code().await, voice.artifact());
    assert_eq!(voice.live().await, Some(voice.artifact()));
    let key = &voice.stack("platform").await.parameters["InvokeTaskKey"];
    assert_eq!(key, "live/voice/local/invoke-task.zip");
    let answer = voice.invoke().await;
    assert!(
        answer.contains("expected an event with the text `call`"),
        "{answer}"
    );
    assert_eq!(voice.image().await.as_deref(), Some(FALLBACK));
    // Other stacks read what is live, and no image as long as none was released.
    let told = voice.told().await;
    let vpc = &voice.stack("network").await.outputs["VpcId"];
    assert_eq!(&told["stacks/network/VpcId"], vpc);
    assert_eq!(told["release/version"], "1.0.0");
    assert!(told["bridge/task-definition"].contains(":task-definition/"));
    assert_eq!(told.get("bridge/bridge/image"), None);
    let records = voice.records().await;
    assert_eq!(records.len(), 1);
    // All of it was created as it should be: nothing was left to do on the stacks.
    assert_eq!(voice.steps(&records[0]).await, ["stack", "stack"]);
    // The same again changes nothing.
    let exit = voice.run(&["deploy", "local", "--wait"]).await;
    assert_eq!(exit, Some(0));
    assert_eq!(voice.last_verdict().await, Verdict::NoChange);
}

/// The first real push takes the place of the fallback.
async fn real_image(voice: &Voice<'_>) -> String {
    let digest = voice.push("v1").await;
    let (record, message) = voice.deployment_of(&digest).await;
    assert_eq!(record, Verdict::Succeeded, "{message}");
    let image = voice.image().await.unwrap();
    assert!(image.ends_with(&digest), "{image}");
    assert_eq!(voice.told().await["bridge/bridge/image"], image);
    // The stack knows: whatever CloudFormation does later, it does with this image.
    let given = &voice.stack("platform").await.parameters["Image"];
    assert_eq!(given, &image);
    digest
}

/// A template that changes something else leaves image and code alone.
async fn other_change(voice: &Voice<'_>, digest: &str) {
    voice.edit("RetentionInDays: !Ref LogDays", "RetentionInDays: 7");
    let exit = voice.run(&["deploy", "local", "--apply", "--wait"]).await;
    assert_eq!(exit, Some(0));
    assert_eq!(voice.last_verdict().await, Verdict::Succeeded);
    assert_eq!(voice.log_days().await, Some(7));
    let image = voice.image().await.unwrap();
    assert!(image.ends_with(digest), "{image}");
    let given = &voice.stack("platform").await.parameters["Image"];
    assert_eq!(given, &image);
    assert_eq!(voice.code().await, voice.artifact());
}

/// A service that does not start: CloudFormation's reason is told, and everything is as before.
async fn cannot_start(voice: &Voice<'_>, digest: &str) {
    let before = voice.stack("platform").await;
    let path = voice.edit(
        "HealthCheckGracePeriodSeconds: 60",
        "HealthCheckGracePeriodSeconds: 90",
    );
    let reason = "Resource handler returned message: \"Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'.\"";
    let fault = ResourceFault::on("voice-local-platform", "Bridge", ResourceAction::Update);
    voice.hit(&[fault.fails(reason).times(1)]).await;
    let exit = voice.run(&["deploy", "local", "--apply", "--wait"]).await;
    assert_eq!(exit, Some(1));
    assert_eq!(voice.last_verdict().await, Verdict::RolledBack);
    let message = voice.last_message().await;
    let cause = "stack voice-local-platform: Bridge (AWS::ECS::Service) failed: ";
    assert!(
        message.contains(cause) && message.contains("Circuit Breaker was triggered"),
        "{message}"
    );
    voice.hit(&[]).await;
    std::fs::write(path.0, path.1).unwrap();
    let after = voice.stack("platform").await;
    assert_eq!(
        (after.template, after.parameters),
        (before.template, before.parameters)
    );
    let image = voice.image().await.unwrap();
    assert!(image.ends_with(digest), "{image}");
    // Nothing of it is left: with the template as it was there is nothing to do.
    let exit = voice.run(&["deploy", "local", "--apply", "--wait"]).await;
    assert_eq!(exit, Some(0));
    assert_eq!(voice.last_verdict().await, Verdict::NoChange);
}

/// A release that Lambda does not take: the code that was live is live, for stacks, too.
async fn bad_release(voice: &Voice<'_>, digest: &str) {
    let good = voice.artifact();
    let told = voice.told().await;
    voice.break_build();
    let exit = voice.release("1.1.0", &[]).await;
    assert_eq!(exit, Some(1));
    assert_eq!(voice.last_verdict().await, Verdict::RolledBack);
    assert_eq!(voice.code().await, good);
    assert_eq!(voice.live().await, Some(good));
    assert_eq!(voice.told().await, told);
    let image = voice.image().await.unwrap();
    assert!(image.ends_with(digest), "{image}");
}
