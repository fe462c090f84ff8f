//! Sites whose switch is a key that the distribution's function reads.

use lockstep::Phase as _;
use lockstep::site::{SiteStep, Switch};

use super::world::{Fault, KEY, STORE, World};
use super::{run, script, undo};

fn step(world: &World, number: u32, before: &str, broken: bool) -> SiteStep {
    SiteStep {
        switch: Switch::KeyValueStore {
            arn: STORE.into(),
            key: KEY.into(),
        },
        ..super::step(world, number, before, broken)
    }
}

#[tokio::test]
async fn a_key_takes_viewers_to_a_release_and_back_without_an_invalidation() {
    let world = World::start();
    world.changed_lately();
    let config = world.config();
    let first = step(&world, 1, "", false);
    let summary = run(&world, &first).await.unwrap();
    assert!(
        summary.contains("CloudFront had nothing to forget"),
        "{summary}"
    );
    let second = step(&world, 2, &first.after(), false);
    let summary = run(&world, &second).await.unwrap();
    assert!(summary.contains("2 of 4 files are new"), "{summary}");
    assert_eq!(world.value(), second.after());
    undo(&world, &second).await.unwrap();
    assert_eq!(world.value(), first.after());
    undo(&world, &first).await.unwrap();
    assert_eq!(world.value(), "", "the key is gone, as before");
    assert_eq!(
        world.config(),
        config,
        "nothing of the distribution changed"
    );
    for number in 1..=2 {
        for reference in [
            format!("lockstep-D{number}-web"),
            format!("lockstep-D{number}-web-undo"),
        ] {
            assert!(world.invalidated(&reference).is_empty(), "{reference}");
        }
    }
}

#[tokio::test]
async fn the_page_of_the_release_before_is_not_taken_for_the_new_one() {
    let world = World::start();
    let first = step(&world, 1, "", false);
    run(&world, &first).await.unwrap();
    world.reads_another_key();
    let second = step(&world, 2, &first.after(), false);
    let error = run(&world, &second).await.unwrap_err();
    assert_eq!(error.name(), "Unhealthy");
    assert!(
        error.to_string().contains("function read this key"),
        "{error}"
    );
    assert_eq!(world.value(), first.after());
}

#[tokio::test]
async fn a_broken_release_is_taken_back_by_the_key() {
    let world = World::start();
    let first = step(&world, 1, "", false);
    run(&world, &first).await.unwrap();
    let broken = step(&world, 2, &first.after(), true);
    let error = run(&world, &broken).await.unwrap_err();
    assert_eq!(error.name(), "Unhealthy");
    assert!(error.to_string().contains(&script(2)), "{error}");
    assert_eq!(world.value(), first.after());
}

#[tokio::test]
async fn another_sites_key_may_change_at_any_time() {
    let world = World::start();
    let first = step(&world, 1, "", false);
    world.set_by_hand("other/site", "/x");
    run(&world, &first).await.unwrap();
    world.set_by_hand("other/site", "/y");
    undo(&world, &first).await.unwrap();
    assert_eq!(world.value(), "");
}

#[tokio::test]
async fn a_value_that_somebody_else_set_is_left_alone() {
    let world = World::start();
    let first = step(&world, 1, "", false);
    run(&world, &first).await.unwrap();
    world.set_by_hand(KEY, "/theirs");
    let second = step(&world, 2, &first.after(), false);
    let error = super::asked(async || super::phase(&world).undo(&second).await);
    assert_eq!(error.await.unwrap_err().name(), "Diverged");
    assert_eq!(world.value(), "/theirs");
}

/// Every call of a change, and of its way back, fails before it acted, loses its answer, or is throttled, and the key
/// has the value of before or that of after.
#[tokio::test]
async fn every_call_may_fail_at_any_time() {
    for before in ["", "first"] {
        let calls = {
            let (world, second) = world_before(before).await;
            let begun = world.calls();
            run(&world, &second).await.unwrap();
            undo(&world, &second).await.unwrap();
            world.calls() - begun
        };
        assert!(calls > 15, "{calls}");
        for fault in Fault::ALL {
            for number in 1..=calls {
                let (world, second) = world_before(before).await;
                world.inject(number, fault);
                let ended = run(&world, &second).await;
                let what = format!("{fault:?} of call {number}, {before}: {ended:?}");
                match ended {
                    Ok(_) => assert_eq!(world.value(), second.after(), "{what}"),
                    Err(_) => assert_eq!(world.value(), second.before, "{what}"),
                }
                undo(&world, &second).await.unwrap();
                assert_eq!(world.value(), second.before, "{what}");
            }
        }
    }
}

/// A step that takes the place of no key, or of a first release.
async fn world_before(before: &str) -> (World, SiteStep) {
    let world = World::start();
    world.changed_lately();
    let mut path = String::new();
    if !before.is_empty() {
        let first = step(&world, 1, "", false);
        run(&world, &first).await.unwrap();
        path = first.after();
    }
    let second = step(&world, 2, &path, false);
    (world, second)
}
