//! Deleting old versions.

use lockstep_lambda::Lambda;
use serde_json::json;

use super::world::Fault;
use super::{FLEET, TIMEOUT, lambda, phase, run, step};
use crate::fleet::Permit;
use crate::prune::prune;

/// An invocation that begins now.
fn soon() -> Permit {
    let permit = Permit::default();
    permit.begin(TIMEOUT, None);
    permit
}

#[tokio::test(start_paused = true)]
async fn only_old_versions_of_our_own_are_deleted() {
    const OURS: &str = "lockstep deployment 01C";
    let fleet = [("api", true, false)];
    let fake = lambda(&fleet);
    fake.publish_past("api", &[OURS, "by somebody", OURS, OURS, OURS]);
    let step = step(&fake, &fleet);
    run(&phase(&fake), &step).await.unwrap();
    assert_eq!(fake.versions("api"), [1, 2, 3, 4, 5, 6, 7]);
    fake.set_weights("api", &json!({"4": 0.5}));
    let lambda = Lambda::new(fake.client(), None);
    // 7 and 6 are the newest two, 4 has a weight, 3 and 1 are not ours, and 1 is the way back.
    let mut step = step;
    for change in &mut step.functions {
        change.before.latest_code_sha256 = "something else".into();
    }
    assert_eq!(prune(&lambda, &step, &soon()).await, 2);
    assert_eq!(fake.versions("api"), [1, 3, 4, 6, 7]);
    assert_eq!(prune(&lambda, &step, &soon()).await, 0);
}

#[tokio::test(start_paused = true)]
async fn pruning_that_fails_keeps_everything() {
    let fake = lambda(&FLEET);
    let step = step(&fake, &FLEET);
    run(&phase(&fake), &step).await.unwrap();
    fake.inject(Some((fake.calls(), usize::MAX, Fault::FailsBeforeActing)));
    assert_eq!(
        prune(&Lambda::new(fake.client(), None), &step, &soon()).await,
        0
    );
    assert_eq!(fake.versions("api"), [1, 2]);
}
