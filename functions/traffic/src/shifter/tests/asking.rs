//! Stages that nobody calls, where the manifest says `when_quiet: ask`.

use serde_json::{Value, json};

use super::world::World;
use super::{ask, later};

const FIRST: &str = "traffic-40";

/// A world whose first stage is over, was quiet, and is asked about.
async fn asked() -> (World, Value) {
    let world = World::new(&["api"]);
    world.asks();
    let first = ask(&world.shifter(), &Value::Null).await.unwrap();
    assert_eq!(first["asking"], Value::Null);
    world.count("api", 49, 0);
    let asked = ask(&world.shifter(), &later(&first["progress"], 660)).await;
    (world, asked.unwrap())
}

fn answer(choice: &str) -> Value {
    json!({"choice": choice, "by": "ann", "reason": "seen enough", "at": "2026-11-21T09:00:00Z"})
}

#[tokio::test]
async fn a_quiet_stage_is_asked_about_once() {
    let (world, first) = asked().await;
    assert_eq!(first["asking"], FIRST);
    assert_eq!(
        (&first["status"], &first["wait_seconds"]),
        (&json!("running"), &json!(5))
    );
    let question = world.question(FIRST);
    assert!(question.is_open());
    assert_eq!(question.fence, 3);
    assert!(
        question
            .text
            .starts_with("function api:live had 49 of 50 invocations of version 2, 11 min")
    );
    assert!(
        question
            .text
            .ends_with("Shall the new versions have 80 % of the traffic?")
    );
    let second = ask(&world.shifter(), &first["progress"]).await.unwrap();
    assert_eq!(
        (&second["status"], &second["asking"]),
        (&json!("running"), &Value::Null)
    );
    assert_eq!(world.question(FIRST), question);
    assert_eq!(world.alias("api"), ("1".into(), json!({"2": 0.4})));
}

/// The answer that said so was lost: it is said again, of the same question.
#[tokio::test]
async fn a_question_that_nobody_may_know_of_is_told_again() {
    let (world, first) = asked().await;
    let question = world.question(FIRST);
    let mut lost = first["progress"].clone();
    lost.as_object_mut().unwrap().remove("asked");
    let again = ask(&world.shifter(), &lost).await.unwrap();
    assert_eq!(again["asking"], FIRST);
    assert_eq!(world.question(FIRST), question);
}

#[tokio::test]
async fn whoever_says_go_on_gets_the_next_stage_and_is_asked_anew_there() {
    let (world, first) = asked().await;
    world.write(FIRST, "answer", &answer("proceed"));
    let second = ask(&world.shifter(), &first["progress"]).await.unwrap();
    assert_eq!(world.alias("api"), ("1".into(), json!({"2": 0.8})));
    assert_eq!(
        (&second["progress"]["stage"], &second["asking"]),
        (&json!(1), &Value::Null)
    );
    let third = ask(&world.shifter(), &later(&second["progress"], 660)).await;
    assert_eq!(third.unwrap()["asking"], "traffic-80");
    assert!(world.question("traffic-80").is_open());
}

#[tokio::test]
async fn whoever_says_stop_is_named() {
    let (world, first) = asked().await;
    world.write(FIRST, "answer", &answer("stop"));
    // By now there was enough, but that person was told that it would be put back.
    world.count("api", 5000, 0);
    let error = ask(&world.shifter(), &first["progress"]).await.unwrap_err();
    assert_eq!(error.name(), "Stopped");
    assert_eq!(
        error.to_string(),
        "ann said to stop at 40 % of the traffic: seen enough"
    );
}

#[tokio::test]
async fn enough_traffic_decides_and_the_question_is_withdrawn() {
    let (world, first) = asked().await;
    world.count("api", 50, 0);
    ask(&world.shifter(), &first["progress"]).await.unwrap();
    assert_eq!(world.alias("api"), ("1".into(), json!({"2": 0.8})));
    let withdrawn = world.question(FIRST).withdrawn.unwrap();
    assert_eq!(withdrawn.failure, None);
    // The same look again, whose first answer was lost, comes to the same.
    world.count("api", 49, 0);
    let again = ask(&world.shifter(), &first["progress"]).await.unwrap();
    assert_eq!(again["progress"]["stage"], 1);
}

#[tokio::test]
async fn failing_versions_end_the_question_too() {
    let (world, first) = asked().await;
    world.count("api", 49, 40);
    let error = ask(&world.shifter(), &first["progress"]).await.unwrap_err();
    assert_eq!(error.name(), "Unhealthy");
    let withdrawn = world.question(FIRST).withdrawn.unwrap();
    assert_eq!(withdrawn.failure, Some(error));
}

#[tokio::test]
async fn an_alarm_that_is_gone_ends_the_question_too() {
    let (world, first) = asked().await;
    world.alarm("");
    let error = ask(&world.shifter(), &first["progress"]).await.unwrap_err();
    assert_eq!(error.name(), "Rejected");
    assert!(world.question(FIRST).withdrawn.is_some());
}

/// The minute that the manifest gives them is over.
#[tokio::test]
async fn nobody_answers() {
    let (world, first) = asked().await;
    let mut question = json!(world.question(FIRST));
    question["ends_at"] = question["asked_at"].clone();
    world.write(FIRST, "body", &question);
    let error = ask(&world.shifter(), &first["progress"]).await.unwrap_err();
    assert_eq!(error.name(), "Rejected");
    assert!(
        error
            .to_string()
            .contains("nobody answered whether to go on"),
        "{error}"
    );
    assert_eq!(
        world.question(FIRST).withdrawn.unwrap().failure,
        Some(error)
    );
}
