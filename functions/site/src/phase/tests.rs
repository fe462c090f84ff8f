#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

mod by_key;
mod in_place;
mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use lockstep::site::{ConfigFile, Layout, Rules, SiteStep, Switch, prefix};
use lockstep::{Phase as _, PhaseError, Progress};
use lockstep_aws::HttpGet;
use lockstep_site::{CloudFront, KeyValues};
use world::{BUCKET, DISTRIBUTION, Fault, World};

use super::SitePhase;
use crate::permit::Permit;

const SCOPE: &str = "releases/quiz/production/web/";

fn page(script: &str) -> String {
    format!("<script src=\"assets/{script}\"></script>")
}

/// The files of a release, whose script has this name; `broken` leaves the script out.
fn files(script: &str, broken: bool) -> BTreeMap<String, String> {
    let mut files = BTreeMap::from([
        ("index.html".to_owned(), page(script)),
        ("robots.txt".to_owned(), "all".to_owned()),
    ]);
    if !broken {
        files.insert(format!("assets/{script}"), script.to_owned());
    }
    files
}

fn step(world: &World, number: u32, before: &str, broken: bool) -> SiteStep {
    let script = format!("index-{number}aBcDeF1.js");
    let bundle = world.bundle(&format!("{number}.zip"), &files(&script, broken));
    SiteStep {
        deployment: format!("D{number}"),
        component: "web".into(),
        layout: Layout::Releases,
        scope: SCOPE.into(),
        bucket: BUCKET.into(),
        distribution: DISTRIBUTION.into(),
        origin: "s3".into(),
        switch: Switch::OriginPath,
        release: format!("{number:020x}"),
        bundle,
        rules: Rules {
            html: vec!["**/*.html".into()],
            cache: vec![],
        },
        config: Some(ConfigFile {
            path: "config.json".into(),
            content: "{}".into(),
        }),
        before: before.into(),
        invalidate: vec![],
        check: world.address(),
        keep: 2,
        deadline_seconds: 60,
    }
}

fn phase(world: &World) -> SitePhase {
    let permit = Permit::default();
    permit.begin(Duration::from_mins(1), None);
    SitePhase {
        cloudfront: CloudFront::with_client(world.cloudfront()),
        key_values: KeyValues::with_client(world.key_values()),
        s3: world.s3(),
        http: HttpGet::default(),
        permit,
        seen: std::cell::RefCell::default(),
    }
}

/// Does a step as the state machine has it done: asked again while it runs, and after what may pass by itself; put
/// back after everything else.
async fn run(world: &World, step: &SiteStep) -> Result<String, PhaseError> {
    match asked(async || {
        let phase = phase(world);
        match phase.observe(step).await? {
            Progress::NotStarted => {
                phase.start(step).await?;
                phase.observe(step).await
            }
            seen => Ok(seen),
        }
    })
    .await
    {
        Ok(summary) => Ok(summary),
        Err(error) => {
            undo(world, step).await?;
            Err(error)
        }
    }
}

async fn undo(world: &World, step: &SiteStep) -> Result<String, PhaseError> {
    asked(async || phase(world).undo(step).await).await
}

async fn asked(ask: impl AsyncFn() -> Result<Progress, PhaseError>) -> Result<String, PhaseError> {
    for _ in 0..40 {
        match ask().await {
            Ok(Progress::Done { summary }) => return Ok(summary),
            Ok(Progress::Running { .. } | Progress::NotStarted) => {}
            Err(error) if error.is_transient() => {}
            Err(error) => return Err(error),
        }
    }
    panic!("it never ends");
}

fn script(number: u32) -> String {
    format!("index-{number}aBcDeF1.js")
}

#[tokio::test]
async fn a_release_takes_the_place_of_another_and_carries_its_assets_on() {
    let world = World::start();
    let first = step(&world, 1, "", false);
    let summary = run(&world, &first).await.unwrap();
    assert!(
        summary.contains("4 of 4 files are new; CloudFront forgot /*"),
        "{summary}"
    );
    let second = step(&world, 2, &first.after(), false);
    let summary = run(&world, &second).await.unwrap();
    assert!(
        summary.contains("2 of 4 files are new; CloudFront forgot 2 paths"),
        "{summary}"
    );
    assert_eq!(world.path(), second.after());
    assert_eq!(world.invalidated("lockstep-D2-web"), ["/", "/index.html"]);
    let key = |name: &str| format!("{}{name}", prefix(SCOPE, &second.release));
    assert_eq!(
        world.object(&key(&format!("assets/{}", script(1)))),
        Some(script(1))
    );
    assert_eq!(world.header(&key("config.json")), "no-cache");
    assert_eq!(
        world.header(&key(&format!("assets/{}", script(2)))),
        "public, max-age=31536000, immutable"
    );
}

#[tokio::test]
async fn everything_about_the_distribution_but_the_path_stays() {
    let world = World::start();
    let before = world.config();
    let first = step(&world, 1, "", false);
    run(&world, &first).await.unwrap();
    let after = world.config();
    assert_ne!(before, after);
    assert_eq!(before, after.replace(&first.after(), ""));
    assert!(after.contains("<FromTheFuture>"), "{after}");
    undo(&world, &first).await.unwrap();
    assert_eq!(world.config(), before);
}

#[tokio::test]
async fn a_page_that_names_a_missing_script_is_put_back() {
    let world = World::start();
    let first = step(&world, 1, "", false);
    run(&world, &first).await.unwrap();
    let broken = step(&world, 2, &first.after(), true);
    let error = run(&world, &broken).await.unwrap_err();
    assert_eq!(error.name(), "Unhealthy");
    assert!(error.to_string().contains(&script(2)), "{error}");
    assert_eq!(world.path(), first.after());
    assert_eq!(
        world.invalidated("lockstep-D2-web-undo"),
        ["/", "/index.html"]
    );
}

/// Every call of a change, and of its way back, fails before it acted, loses its answer, or is throttled, and the
/// world is that of before or that of after.
#[tokio::test]
async fn every_call_may_fail_at_any_time() {
    let calls = {
        let world = World::start();
        run(&world, &step(&world, 1, "", false)).await.unwrap();
        let begun = world.calls();
        let second = step(&world, 2, &step(&world, 1, "", false).after(), false);
        run(&world, &second).await.unwrap();
        undo(&world, &second).await.unwrap();
        world.calls() - begun
    };
    assert!(calls > 20, "{calls}");
    for fault in Fault::ALL {
        for number in 1..=calls {
            let world = World::start();
            let first = step(&world, 1, "", false);
            run(&world, &first).await.unwrap();
            let second = step(&world, 2, &first.after(), false);
            world.inject(number, fault);
            let ended = run(&world, &second).await;
            let path = world.path();
            let what = format!("{fault:?} of call {number}: {ended:?}");
            match ended {
                Ok(_) => assert_eq!(path, second.after(), "{what}"),
                Err(_) => assert_eq!(path, first.after(), "{what}"),
            }
            undo(&world, &second).await.unwrap();
            assert_eq!(world.path(), first.after(), "{what}");
            if world
                .object(&format!("{SCOPE}{}.json", second.release))
                .is_some()
            {
                assert_eq!(
                    world.invalidated("lockstep-D2-web-undo"),
                    ["/", "/index.html"],
                    "{what}"
                );
            }
        }
    }
}

#[tokio::test]
async fn what_was_never_begun_is_undone_by_nothing() {
    let world = World::start();
    let first = step(&world, 1, "", false);
    let begun = world.writes();
    let summary = undo(&world, &first).await.unwrap();
    assert_eq!(summary, "was never live; nothing to put back");
    assert_eq!(world.writes(), begun);
}

#[tokio::test]
async fn what_somebody_else_switched_to_is_left_alone() {
    let world = World::start();
    let first = step(&world, 1, "", false);
    world.switch_by_hand("/theirs");
    let error = run(&world, &first).await.unwrap_err();
    assert_eq!(error.name(), "Diverged");
    assert_eq!(world.path(), "/theirs");
}

#[tokio::test]
async fn old_releases_go_and_the_live_one_never_does() {
    let world = World::start();
    let mut before = String::new();
    for number in 1..=4 {
        let step = step(&world, number, &before, false);
        run(&world, &step).await.unwrap();
        before = step.after();
    }
    let lists = world
        .keys()
        .into_iter()
        .filter(|it| it.strip_suffix(".json").is_some() && !it.contains("config"));
    let lists: Vec<_> = lists.collect();
    // The live one, the one before it, and one more that went while the live one was made.
    assert_eq!(lists.len(), 3, "{lists:?}");
    assert!(
        !world
            .keys()
            .iter()
            .any(|it| it.starts_with(&prefix(SCOPE, &format!("{:020x}", 1))))
    );
    // Its script is carried on for as many releases as are kept.
    let key = |number: u32| {
        format!(
            "{}assets/{}",
            prefix(SCOPE, &format!("{:020x}", 4)),
            script(number)
        )
    };
    assert!(world.object(&key(3)).is_some() && world.object(&key(2)).is_some());
    assert_eq!(world.object(&key(1)), None);
}
