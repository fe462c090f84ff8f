//! Whole invocations, with the ledger, Lambda and CloudWatch answering from memory.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Shifter;

mod asking;
mod world;
use world::{ID, World};

async fn ask(shifter: &Shifter, progress: &Value) -> Result<Value, lockstep::PhaseError> {
    let payload = json!({
        "deployment": {"id": ID, "application": "shop", "environment": "production"},
        "fence": 3, "progress": progress,
    });
    shifter.handle(payload, Duration::from_secs(20)).await
}

/// The progress as it would be this much later.
fn later(progress: &Value, seconds: i64) -> Value {
    let mut progress = progress.clone();
    let since: Timestamp = progress["since"].as_str().unwrap().parse().unwrap();
    progress["since"] = json!(since - SignedDuration::from_secs(seconds));
    progress
}

#[tokio::test]
async fn all_functions_go_through_every_stage_together() {
    let world = World::new(&["api", "job"]);
    let shifter = world.shifter();
    let first = ask(&shifter, &Value::Null).await.unwrap();
    assert_eq!(
        (&first["status"], &first["wait_seconds"], &first["note"]),
        (
            &json!("running"),
            &json!(60),
            &json!("40 % of the traffic on new versions; 660 s left")
        )
    );
    assert_eq!(world.alias("api"), ("1".into(), json!({"2": 0.4})));
    assert_eq!(world.alias("job"), ("1".into(), json!({"2": 0.4})));
    world.count("api", 50, 0);
    world.count("job", 5000, 2);
    let early = ask(&shifter, &later(&first["progress"], 600))
        .await
        .unwrap();
    assert_eq!(early["wait_seconds"], 60);
    let second = ask(&shifter, &later(&first["progress"], 660))
        .await
        .unwrap();
    assert_eq!(second["progress"]["stage"], 1);
    assert_eq!(world.alias("job"), ("1".into(), json!({"2": 0.8})));
    let last = ask(&shifter, &later(&second["progress"], 660))
        .await
        .unwrap();
    assert_eq!(
        (&last["status"], &last["progress"]),
        (&json!("passed"), &Value::Null)
    );
    for function in ["api", "job"] {
        assert_eq!(world.alias(function), ("2".into(), json!({})));
    }
    assert_eq!(world.updates(), 6);
}

#[tokio::test]
async fn a_lost_answer_changes_nothing_twice() {
    let world = World::new(&["api", "job"]);
    let shifter = world.shifter();
    ask(&shifter, &Value::Null).await.unwrap();
    let again = ask(&shifter, &Value::Null).await.unwrap();
    assert_eq!((&again["status"], world.updates()), (&json!("running"), 2));
}

#[tokio::test]
async fn a_failing_version_is_named_with_its_log() {
    let world = World::new(&["api", "job"]);
    let shifter = world.shifter();
    let first = ask(&shifter, &Value::Null).await.unwrap();
    world.count("job", 80, 12);
    let error = ask(&shifter, &first["progress"]).await.unwrap_err();
    assert_eq!(error.name(), "Unhealthy");
    let text = error.to_string();
    assert!(
        text.starts_with(
            "function job:live: version 2: 12 of 80 invocations failed (15.0 %); logs: https://"
        ),
        "{text}"
    );
    assert!(text.contains("$252Faws$252Flambda$252Fjob"), "{text}");
}

#[tokio::test]
async fn an_alarm_is_minded_before_anybody_gets_the_new_version() {
    for (state, wanted) in [("ALARM", "Unhealthy"), ("", "Rejected")] {
        let world = World::new(&["api"]);
        world.alarm(state);
        let error = ask(&world.shifter(), &Value::Null).await.unwrap_err();
        assert_eq!((error.name(), world.updates()), (wanted, 0), "{error}");
    }
}

#[tokio::test]
async fn an_alias_of_somebody_else_ends_it() {
    let world = World::new(&["api"]);
    world.point("api", "1", json!({"7": 0.5}));
    let error = ask(&world.shifter(), &Value::Null).await.unwrap_err();
    assert_eq!((error.name(), world.updates()), ("Diverged", 0));
}

#[tokio::test]
async fn whoever_lost_the_lock_shifts_nothing() {
    let world = World::new(&["api"]);
    world.lose_the_lock();
    let error = ask(&world.shifter(), &Value::Null).await.unwrap_err();
    assert_eq!((error.name(), world.updates()), ("Halted", 0));
}

#[tokio::test]
async fn a_version_that_is_gone_is_told() {
    let world = World::new(&["api"]);
    world.forget_versions();
    let error = ask(&world.shifter(), &Value::Null).await.unwrap_err();
    assert!(error.to_string().contains("somebody deleted it"), "{error}");
}

#[tokio::test]
async fn a_plan_without_stages_has_passed() {
    let world = World::new(&[]);
    let passed = ask(&world.shifter(), &Value::Null).await.unwrap();
    assert_eq!(passed["status"], "passed");
}
