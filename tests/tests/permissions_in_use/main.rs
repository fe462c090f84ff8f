//! Every AWS call of every function is one its role allows, down to the table's keys.
//!
//! The local engine enforces the roles too, but knows no conditions on keys, and counts a condition it
//! does not know as met. Here the gateway's log of calls is held against `template.yaml` itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test ends where something is missing"
)]

mod builds;
mod functions;
mod gates;
mod image_builds;
mod migrations;
mod policy;
mod sites;
mod stacks;
#[path = "../state_machine/template.rs"]
#[allow(
    dead_code,
    reason = "shared with the contract tests, which ask more of it"
)]
mod template;

use std::time::Duration;

use lockstep::verdict::Verdict;
use lockstep_cli::local::gateway::Call;
use lockstep_tests::{Application, Execution, run, shared};
use policy::Roles;

#[test]
fn no_function_calls_what_its_role_does_not_allow() {
    run(async {
        let Some(world) = shared("permissions").await else {
            return;
        };
        let application = world.application("permitted").await;
        one_of_each_ending(&application).await;
        functions::one_of_each_ending(world).await;
        stacks::one_of_each_ending(world).await;
        stacks::seeded(world).await;
        builds::one_of_each_ending(world).await;
        migrations::one_of_each_ending(world).await;
        sites::one_of_each_ending(world).await;
        migrations::by_builds(world).await;
        gates::one_of_each_ending(world).await;
        image_builds::one_of_each_ending(world).await;
        let roles = Roles::of_template();
        let calls = world.engine().gateway().calls();
        let refused: Vec<String> = calls
            .iter()
            .filter_map(|call| roles.refusal(call))
            .collect();
        assert!(
            refused.is_empty(),
            "AWS would refuse:\n{}",
            refused.join("\n")
        );
        let deleted = |call: &Call| call.name.operation == "DeleteFunction";
        assert!(calls.iter().any(deleted), "no old version was deleted");
        for function in [
            "trigger",
            "release",
            "lock",
            "plan",
            "plan-functions",
            "plan-stacks",
            "infrastructure",
            "infrastructure-build",
            "migrate",
            "image-build",
            "gate",
            "service",
            "function",
            "site",
            "traffic",
            "verify",
            "publish-live",
            "conclude",
            "notify",
        ] {
            let name = format!("lockstep-{function}");
            assert!(
                calls.iter().any(|call| call.name.caller == name),
                "no call of {name}"
            );
        }
    });
}

/// Succeeds, waits behind another, is rolled back, and is stopped and recovered.
async fn one_of_each_ending(application: &Application<'_>) {
    let first = pushed(application, application.push("v1").await).await;
    first.reaches("Lock").await;
    // ECR tells the time of a push in whole seconds, and an artifact must be newer than what runs.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let second = pushed(application, application.push("v2").await).await;
    for execution in [first, second] {
        let verdict = verdict(&execution).await;
        let fine = matches!(verdict, Verdict::Succeeded | Verdict::Superseded);
        assert!(fine, "{verdict}");
    }
    let bad = pushed(application, application.push_bad("v3").await).await;
    assert_eq!(verdict(&bad).await, Verdict::RolledBack);
    let stopped = pushed(application, application.push("v4").await).await;
    stopped.reaches("Rollout").await;
    stopped.stop().await;
    assert_eq!(verdict(&stopped).await, Verdict::Stopped);
}

async fn pushed<'w>(application: &Application<'w>, digest: String) -> Execution<'w> {
    application.execution_of_push(&digest).await
}

/// How an execution ended, also said on the terminal.
pub(crate) async fn verdict(execution: &Execution<'_>) -> Verdict {
    let (record, _) = execution.concluded().await;
    let conclusion = record.conclusion.unwrap();
    println!("{}: {}", conclusion.verdict, conclusion.message);
    conclusion.verdict
}
