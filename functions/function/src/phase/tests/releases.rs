//! Releases that go live, and what is in their way.

use lockstep::lambda::LiveFunction;
use serde_json::{Value, json};

use super::world::code_sha256;
use super::{FLEET, lambda, phase, put_back, released, run, serving, step};

#[tokio::test(start_paused = true)]
async fn a_release_goes_live_on_all_functions_with_no_call_too_many() {
    let fake = lambda(&FLEET);
    let step = step(&fake, &FLEET);
    let summary = run(&phase(&fake), &step).await.unwrap();
    assert_eq!(
        summary,
        "4 functions run api.zip v2 (11507a0e2f5e), api.zip v2 (11507a0e2f5e) with new configuration"
    );
    assert_eq!(serving(&fake, &FLEET), released());
    let changes = ["/configuration", "/code", "POST", "aliases"];
    let planning = FLEET.len();
    assert_eq!(
        changes.map(|part| fake.count(part)),
        [2, 4, 4, 3 + planning]
    );
}

#[tokio::test(start_paused = true)]
async fn what_runs_already_is_only_looked_at() {
    let fake = lambda(&FLEET);
    let step = step(&fake, &FLEET);
    run(&phase(&fake), &step).await.unwrap();
    let writes = fake.count("PUT") + fake.count("POST");
    run(&phase(&fake), &step).await.unwrap();
    assert_eq!(fake.count("PUT") + fake.count("POST"), writes);
}

#[tokio::test(start_paused = true)]
async fn weights_are_cleared_and_put_back_exactly() {
    let fleet = [("api", true, false)];
    let fake = lambda(&fleet);
    fake.publish_past("api", &["by somebody"]);
    fake.set_weights("api", &json!({"2": 0.25}));
    let before = serving(&fake, &fleet);
    let step = step(&fake, &fleet);
    let phase = phase(&fake);
    run(&phase, &step).await.unwrap();
    assert_eq!(serving(&fake, &fleet)[0][1], Value::Null);
    let summary = put_back(&phase, &step).await.unwrap();
    assert_eq!(summary, "function api:live serves version 1");
    assert_eq!(serving(&fake, &fleet), before);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_did_in_between_is_told_and_not_lost() {
    let fake = lambda(&FLEET);
    let before = serving(&fake, &FLEET);
    fake.is_meddled_with("worker");
    let step = step(&fake, &FLEET);
    let phase = phase(&fake);
    let error = run(&phase, &step).await.unwrap_err();
    assert_eq!(error.name(), "Diverged", "{error}");
    put_back(&phase, &step).await.unwrap();
    assert_eq!(serving(&fake, &FLEET), before);
    let foreign = LiveFunction::parse(&fake.show("worker"));
    assert_eq!(foreign.code_sha256, code_sha256(b"foreign"));
}
