//! The same by a key that the distribution's function reads: nothing of the distribution changes, and nothing is forgotten.

use std::process::Command;

use lockstep::verdict::Verdict;
use lockstep_tests::{Sited, World, run};

use crate::{build, page, verdict};

const SWITCH: &str = "    switch: { key_value_store: quiz-edge }\n    keep: 2\n";

/// The local engine runs CloudFront functions in Node.
fn has_node() -> bool {
    let asked = Command::new("node").arg("--version").output();
    asked.is_ok_and(|it| it.status.success())
}

#[test]
fn a_site_whose_switch_is_a_key() {
    if !has_node() {
        println!("skipped: sites-by-key: there is no `node`, which runs CloudFront functions here");
        return;
    }
    run(async {
        let Some(world) = World::start("sites-by-key").await else {
            return;
        };
        let site = world.sited_by_key("quiz-edge").await;
        first_release(&site).await;
        small_change(&world, &site).await;
        missing_asset(&site).await;
        somebody_elses_value(&site).await;
        world.stop().await;
    });
}

/// The example says the same in its template and in its file.
#[test]
fn the_examples_template_has_the_function_of_its_file() {
    let template = include_str!("../../../examples/site-key-value-store/template.yaml");
    let function = include_str!("../../../examples/site-key-value-store/function.js");
    let lines = function.lines().map(str::trim);
    let code = lines.filter(|line| !line.is_empty() && !line.starts_with("//"));
    for line in code.filter(|line| !line.starts_with("const KEY")) {
        assert!(template.contains(line), "{line}");
    }
}

/// The first release takes the place of a page that somebody put there.
async fn first_release(site: &Sited<'_>) {
    assert_eq!(site.view("/").await.body, "<p>by hand</p>");
    site.apply(SWITCH).await;
    build(site, 1);
    site.write("style.css", "p { color: red }");
    let (verdict, message) = verdict(&site.release("1.0.0").await).await;
    assert_eq!(verdict, Verdict::Succeeded, "{message}");
    assert!(site.value().await.starts_with("/releases/quiz-edge/"));
    for path in ["/", "/index.html", "/a/page/of/the/application"] {
        assert_eq!(site.view(path).await.body, page(1), "{path}");
    }
    let script = site.view("/assets/index-1aBcDeF1.js").await;
    assert_eq!(script.control, "public, max-age=31536000, immutable");
    assert_eq!(site.view("/assets/nothing.js").await.status, 403);
    assert_eq!(site.origin_path().await, "");
    assert!(site.invalidations().await.is_empty());
}

async fn small_change(world: &World, site: &Sited<'_>) {
    build(site, 2);
    let mark = world.engine().gateway().last_call();
    let (verdict, message) = verdict(&site.release("1.1.0").await).await;
    assert_eq!(verdict, Verdict::Succeeded, "{message}");
    let calls = world.engine().gateway().calls_since(mark);
    let count = |operation: &str| {
        let ours = calls.iter().filter(|it| it.name.caller == "lockstep-site");
        ours.filter(|it| it.name.operation == operation).count()
    };
    assert_eq!(count("PutKey"), 1);
    assert_eq!(count("UpdateDistribution") + count("CreateInvalidation"), 0);
    assert_eq!(site.view("/").await.body, page(2));
    assert!(site.invalidations().await.is_empty());
}

async fn missing_asset(site: &Sited<'_>) {
    let value = site.value().await;
    site.write("index.html", &page(3));
    let (verdict, message) = verdict(&site.release("1.2.0").await).await;
    assert_eq!(verdict, Verdict::RolledBack, "{message}");
    assert!(message.contains("/assets/index-3aBcDeF1.js"), "{message}");
    assert_eq!(site.value().await, value);
    assert_eq!(site.view("/").await.body, page(2));
    assert!(site.invalidations().await.is_empty());
}

/// A value that no path can be is somebody else's, and told before anything is changed.
async fn somebody_elses_value(site: &Sited<'_>) {
    site.set_value("blue").await;
    build(site, 4);
    let (verdict, message) = verdict(&site.release("1.3.0").await).await;
    assert_eq!(verdict, Verdict::Rejected, "{message}");
    assert!(message.contains("blue"), "{message}");
    assert_eq!(site.value().await, "blue");
}
