//! The same over the files of an existing bucket: what is replaced lies aside, and comes back.

use lockstep::verdict::Verdict;
use lockstep_tests::{Sited, World, run};

use crate::{build, page, verdict};

const IN_PLACE: &str = "    layout: in-place\n    keep: 2\n";

#[test]
fn a_site_in_place() {
    run(async {
        let Some(world) = World::start("sites-in-place").await else {
            return;
        };
        let site = world.sited("lockstep-quiz").await;
        broken_first_release(&site).await;
        first_release(&site).await;
        small_change(&world, &site).await;
        missing_asset(&site).await;
        world.stop().await;
    });
}

fn somebodys(keys: Vec<String>) -> Vec<String> {
    let keys = keys.into_iter();
    keys.filter(|key| !key.starts_with(".lockstep/")).collect()
}

/// The page that somebody put there comes back, and nothing of the release stays.
async fn broken_first_release(site: &Sited<'_>) {
    site.apply(IN_PLACE).await;
    build(site, 1);
    site.remove("assets/index-1aBcDeF1.js");
    let (verdict, message) = verdict(&site.release("0.9.0").await).await;
    assert_eq!(verdict, Verdict::RolledBack, "{message}");
    assert!(message.contains("/assets/index-1aBcDeF1.js"), "{message}");
    assert_eq!(site.view("/").await.body, "<p>by hand</p>");
    assert_eq!(somebodys(site.keys("").await), ["index.html"]);
}

async fn first_release(site: &Sited<'_>) {
    build(site, 1);
    site.write("style.css", "p { color: red }");
    let (verdict, message) = verdict(&site.release("1.0.0").await).await;
    assert_eq!(verdict, Verdict::Succeeded, "{message}");
    assert_eq!(site.view("/").await.body, page(1));
    assert_eq!(site.view("/").await.control, "no-cache");
    assert_eq!(site.origin_path().await, "");
    assert_eq!(
        somebodys(site.keys("").await),
        ["assets/index-1aBcDeF1.js", "index.html", "style.css"]
    );
}

/// Only what is new is put, and only what was replaced is forgotten; what the old page names stays.
async fn small_change(world: &World, site: &Sited<'_>) {
    build(site, 2);
    site.remove("assets/index-1aBcDeF1.js");
    let mark = world.engine().gateway().last_call();
    let (verdict, message) = verdict(&site.release("1.1.0").await).await;
    assert_eq!(verdict, Verdict::Succeeded, "{message}");
    let calls = world.engine().gateway().calls_since(mark);
    let ours = calls.iter().filter(|it| it.name.caller == "lockstep-site");
    let put = ours.filter(|it| it.name.operation == "PutObject" && !it.path.contains(".lockstep/"));
    assert_eq!(put.count(), 2, "the page and its script");
    assert_eq!(site.view("/").await.body, page(2));
    let old = site.view("/assets/index-1aBcDeF1.js").await;
    assert_eq!(old.body, "console.log(1)");
    let invalidations = site.invalidations().await;
    assert_eq!(invalidations.last().unwrap(), &["/", "/index.html"]);
}

async fn missing_asset(site: &Sited<'_>) {
    let before = somebodys(site.keys("").await);
    site.write("index.html", &page(3));
    let (verdict, message) = verdict(&site.release("1.2.0").await).await;
    assert_eq!(verdict, Verdict::RolledBack, "{message}");
    assert!(message.contains("/assets/index-3aBcDeF1.js"), "{message}");
    assert_eq!(site.view("/").await.body, page(2));
    assert_eq!(somebodys(site.keys("").await), before);
}
