//! Sites whose releases lie one over the other.

use std::collections::BTreeMap;

use lockstep::Phase as _;
use lockstep::site::{Layout, SiteStep};

use super::world::{Fault, World};
use super::{asked, page, phase, run, script, undo};

fn step(world: &World, number: u32, before: &str, broken: bool) -> SiteStep {
    SiteStep {
        layout: Layout::InPlace {
            prefix: "app/".into(),
            seen_below: "app/".into(),
        },
        scope: ".lockstep/quiz/production/web/below:app/".into(),
        check: format!("{}app/index.html", world.address()),
        ..super::step(world, number, before, broken)
    }
}

const MARK: &str = ".lockstep/quiz/production/web/below:app/live";

fn mark(world: &World) -> String {
    world.object(MARK).unwrap_or_default()
}

/// Everything that viewers can see, with its headers.
fn seen(world: &World) -> BTreeMap<String, (String, String)> {
    let keys = world.keys().into_iter();
    let keys = keys.filter(|it| !it.starts_with(".lockstep/"));
    keys.map(|key| {
        let object = world.object(&key).unwrap();
        let header = world.header(&key);
        (key, (object, header))
    })
    .collect()
}

/// A bucket with files that somebody put there, some of which the site has, too.
fn by_hand() -> World {
    let world = World::start();
    world.put_by_hand("app/index.html", "<p>by hand</p>");
    world.put_by_hand("app/robots.txt", "none");
    world.put_by_hand("app/legal/imprint.html", "<p>imprint</p>");
    world.put_by_hand("other/index.html", "<p>other</p>");
    world
}

#[tokio::test]
async fn a_release_takes_the_place_of_what_was_there_and_gives_it_back() {
    let world = by_hand();
    let before = seen(&world);
    let first = step(&world, 1, "", false);
    let summary = run(&world, &first).await.unwrap();
    assert!(summary.contains("4 of 4 files are new"), "{summary}");
    assert_eq!(mark(&world), first.release);
    assert_eq!(world.object("app/index.html"), Some(page(&script(1))));
    assert_eq!(
        world.object("app/legal/imprint.html"),
        Some("<p>imprint</p>".into())
    );
    assert_eq!(world.header("app/index.html"), "no-cache");
    assert_eq!(
        world.invalidated("lockstep-D1-web"),
        [
            "/app/",
            "/app/config.json",
            "/app/index.html",
            "/app/robots.txt"
        ]
    );
    undo(&world, &first).await.unwrap();
    assert_eq!(seen(&world), before);
    assert_eq!(mark(&world), "");
}

#[tokio::test]
async fn a_release_takes_the_place_of_another_and_gives_it_back() {
    let world = by_hand();
    let first = step(&world, 1, "", false);
    run(&world, &first).await.unwrap();
    let before = seen(&world);
    let second = step(&world, 2, &first.release, false);
    let summary = run(&world, &second).await.unwrap();
    assert!(
        summary.contains("2 of 4 files are new; CloudFront forgot 2 paths"),
        "{summary}"
    );
    // Open tabs.
    assert!(world.object(&format!("app/assets/{}", script(1))).is_some());
    undo(&world, &second).await.unwrap();
    assert_eq!(mark(&world), first.release);
    assert_eq!(seen(&world), before);
}

#[tokio::test]
async fn a_broken_release_is_put_back_file_by_file() {
    let world = by_hand();
    let first = step(&world, 1, "", false);
    run(&world, &first).await.unwrap();
    let before = seen(&world);
    let broken = step(&world, 2, &first.release, true);
    let error = run(&world, &broken).await.unwrap_err();
    assert_eq!(error.name(), "Unhealthy");
    assert_eq!(seen(&world), before);
    assert_eq!(mark(&world), first.release);
    assert_eq!(
        world.invalidated("lockstep-D2-web-undo"),
        ["/app/", "/app/index.html"]
    );
}

/// Every call of a change, and of its way back, fails before it acted, loses its answer, or is throttled: what is served
/// is all of the new release, or exactly what was served before.
#[tokio::test]
async fn every_call_may_fail_at_any_time() {
    let calls = {
        let world = by_hand();
        let first = step(&world, 1, "", false);
        run(&world, &first).await.unwrap();
        undo(&world, &first).await.unwrap();
        world.calls()
    };
    assert!(calls > 30, "{calls}");
    for fault in Fault::ALL {
        for number in 1..=calls {
            let world = by_hand();
            let before = seen(&world);
            let first = step(&world, 1, "", false);
            world.inject(number, fault);
            let ended = run(&world, &first).await;
            let what = format!("{fault:?} of call {number}: {ended:?}");
            match ended {
                Ok(_) => assert_eq!(mark(&world), first.release, "{what}"),
                Err(_) => assert_eq!(seen(&world), before, "{what}"),
            }
            undo(&world, &first).await.unwrap();
            assert_eq!(
                (mark(&world).as_str(), seen(&world)),
                ("", before),
                "{what}"
            );
        }
    }
}

/// Killed after any call, nothing but the way back is run.
#[tokio::test]
async fn whatever_is_interrupted_is_put_back() {
    let calls = {
        let world = by_hand();
        run(&world, &step(&world, 1, "", false)).await.unwrap();
        world.calls()
    };
    for number in 1..=calls {
        let world = by_hand();
        let before = seen(&world);
        let first = step(&world, 1, "", false);
        world.dies_after(number);
        drop(asked_once(&world, &first).await);
        world.lives_again();
        undo(&world, &first).await.unwrap();
        assert_eq!(
            (mark(&world).as_str(), seen(&world)),
            ("", before),
            "call {number}"
        );
    }
}

async fn asked_once(world: &World, step: &SiteStep) -> Result<(), lockstep::PhaseError> {
    use lockstep::Phase as _;
    for _ in 0..20 {
        let phase = phase(world);
        phase.start(step).await?;
        if let lockstep::Progress::Done { .. } = phase.observe(step).await? {
            break;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_mark_that_somebody_else_set_is_left_alone() {
    let world = by_hand();
    world.put_by_hand(MARK, "theirs");
    let first = step(&world, 1, "", false);
    let before = seen(&world);
    for error in [
        run(&world, &first).await.unwrap_err(),
        asked(async || super::phase(&world).undo(&first).await)
            .await
            .unwrap_err(),
    ] {
        assert_eq!(error.name(), "Diverged");
    }
    assert_eq!(seen(&world), before);
}

#[tokio::test]
async fn files_of_old_releases_go_and_those_of_others_never_do() {
    let world = by_hand();
    let mut before = String::new();
    for number in 1..=4 {
        let step = step(&world, number, &before, false);
        run(&world, &step).await.unwrap();
        before = step.release;
    }
    let has = |number: u32| {
        world
            .object(&format!("app/assets/{}", script(number)))
            .is_some()
    };
    assert!(has(4) && has(3) && !has(1));
    assert!(world.object("app/legal/imprint.html").is_some());
    assert!(world.object("other/index.html").is_some());
    let copies = world
        .keys()
        .into_iter()
        .filter(|it| it.contains("/previous/D"));
    assert!(copies.into_iter().all(|it| it.contains("/previous/D4")));
}
