//! A front end end to end: deployed, changed, broken and put back, as its viewers see it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise, and says so on the terminal"
)]

mod by_key;
mod in_place;

use lockstep::verdict::Verdict;
use lockstep_tests::{Execution, Sited, World, run};

const CONFIG: &str = "    config: { file: config.json, values: { apiUrl: \"https://api.example.com\", stage: \"${environment}\" } }\n    keep: 2\n";

#[test]
fn a_site_as_its_viewers_see_it() {
    run(async {
        let Some(world) = World::start("sites").await else {
            return;
        };
        let site = world.sited("quiz-web").await;
        first_release(&site).await;
        same_again(&site).await;
        small_change(&world, &site).await;
        missing_asset(&site).await;
        other_settings(&site).await;
        old_release(&site).await;
        world.stop().await;
    });
}

async fn verdict(execution: &Execution<'_>) -> (Verdict, String) {
    let (record, executions) = execution.concluded().await;
    let conclusion = record.conclusion.unwrap();
    println!("{}: {}", conclusion.verdict, conclusion.message);
    println!("{}", executions[0].path().await.join(" "));
    (conclusion.verdict, conclusion.message)
}

fn page(number: u32) -> String {
    format!(
        "<!doctype html><link rel=\"stylesheet\" href=\"/style.css\"><script type=\"module\" src=\"/assets/index-{number}aBcDeF1.js\"></script><p>page {number}</p>"
    )
}

fn build(site: &Sited<'_>, number: u32) {
    site.write("index.html", &page(number));
    site.write(
        &format!("assets/index-{number}aBcDeF1.js"),
        &format!("console.log({number})"),
    );
}

/// The first release takes the place of a page that somebody put there.
async fn first_release(site: &Sited<'_>) {
    assert_eq!(site.view("/").await.body, "<p>by hand</p>");
    site.apply(CONFIG).await;
    build(site, 1);
    site.write("style.css", "p { color: red }");
    site.write("config.json", "{}");
    for number in 0..40 {
        site.write(
            &format!("images/{number}.svg"),
            &format!("<svg id='{number}'/>"),
        );
    }
    let (verdict, message) = verdict(&site.release("1.0.0").await).await;
    assert_eq!(verdict, Verdict::Succeeded, "{message}");
    assert_eq!(site.view("/").await.body, page(1));
    assert!(site.origin_path().await.starts_with("/releases/quiz-web/"));
    assert_eq!(site.invalidations().await, [["/*"]]);
    let page = site.view("/index.html").await;
    assert_eq!(
        (
            page.status,
            page.content_type.as_str(),
            page.control.as_str()
        ),
        (200, "text/html; charset=utf-8", "no-cache")
    );
    let script = site.view("/assets/index-1aBcDeF1.js").await;
    assert_eq!(
        (script.content_type.as_str(), script.control.as_str()),
        (
            "text/javascript; charset=utf-8",
            "public, max-age=31536000, immutable"
        )
    );
    let style = site.view("/style.css").await;
    assert_eq!(style.control, "public, max-age=300");
    let config = site.view("/config.json").await;
    assert_eq!(config.control, "no-cache");
    assert_eq!(
        config.body,
        "{\n  \"apiUrl\": \"https://api.example.com\",\n  \"stage\": \"production\"\n}\n"
            .replace("production", lockstep_tests::ENVIRONMENT)
    );
    // What was there before is untouched.
    assert!(site.keys("").await.contains(&"index.html".to_owned()));
}

async fn same_again(site: &Sited<'_>) {
    let path = site.origin_path().await;
    let (verdict, message) = verdict(&site.release("1.0.1").await).await;
    assert_eq!(verdict, Verdict::NoChange, "{message}");
    assert_eq!(site.origin_path().await, path);
}

/// Two files of many are new: only they are sent, and only what is not hashed is forgotten.
async fn small_change(world: &World, site: &Sited<'_>) {
    build(site, 2);
    site.remove("assets/index-1aBcDeF1.js");
    let mark = world.engine().gateway().last_call();
    let (verdict, message) = verdict(&site.release("1.1.0").await).await;
    assert_eq!(verdict, Verdict::Succeeded, "{message}");
    let calls = world.engine().gateway().calls_since(mark);
    let count = |operation: &str| {
        let ours = calls.iter().filter(|it| it.name.caller == "lockstep-site");
        ours.filter(|it| it.name.operation == operation).count()
    };
    // The two, and the list of all.
    assert_eq!(count("PutObject"), 3);
    // 40 images, the style and the configuration, and the script of the release before.
    assert_eq!(count("CopyObject"), 43);
    assert_eq!(count("UpdateDistribution"), 1);
    let invalidations = site.invalidations().await;
    assert_eq!(invalidations.last().unwrap(), &["/", "/index.html"]);
    assert_eq!(site.view("/").await.body, page(2));
    // A browser with the old page open still finds what that page names, as it was.
    let old = site.view("/assets/index-1aBcDeF1.js").await;
    assert_eq!(old.body, "console.log(1)");
    assert_eq!(old.control, "public, max-age=31536000, immutable");
}

/// The distribution answers what is missing with the page: that is seen through, and what was live is live again.
async fn missing_asset(site: &Sited<'_>) {
    let path = site.origin_path().await;
    site.write("index.html", &page(3));
    let (verdict, message) = verdict(&site.release("1.2.0").await).await;
    assert_eq!(verdict, Verdict::RolledBack, "{message}");
    assert!(
        message.contains("/assets/index-3aBcDeF1.js")
            && message.contains("answers with the page instead"),
        "{message}"
    );
    assert_eq!(site.origin_path().await, path);
    assert_eq!(site.view("/").await.body, page(2));
    let invalidations = site.invalidations().await;
    let last = &invalidations[invalidations.len() - 2..];
    assert_eq!(last, [["/", "/index.html"], ["/", "/index.html"]]);
    site.write("index.html", &page(2));
}

/// Another configuration is another release of the same files, and only it is forgotten.
async fn other_settings(site: &Sited<'_>) {
    site.apply(&CONFIG.replace("api.example.com", "api2.example.com"))
        .await;
    let (verdict, message) = verdict(&site.release("1.3.0").await).await;
    assert_eq!(verdict, Verdict::Succeeded, "{message}");
    let config = site.view("/config.json").await;
    assert!(
        config.body.contains("https://api2.example.com"),
        "{}",
        config.body
    );
    let invalidations = site.invalidations().await;
    assert_eq!(invalidations.last().unwrap(), &["/config.json"]);
}

/// Old releases go, but never the live one nor the one that was live before it.
async fn old_release(site: &Sited<'_>) {
    let live = site.origin_path().await;
    build(site, 4);
    let (verdict, message) = verdict(&site.release("1.4.0").await).await;
    assert_eq!(verdict, Verdict::Succeeded, "{message}");
    let lists = site.keys("releases/").await;
    let lists: Vec<_> = lists
        .iter()
        .filter(|it| it.strip_suffix(".json").is_some() && it.matches('/').count() == 4)
        .collect();
    assert!(lists.len() <= 3, "{lists:?}");
    for release in [live, site.origin_path().await] {
        let list = format!("{}.json", release.trim_start_matches('/'));
        assert!(lists.iter().any(|it| **it == list), "{list} of {lists:?}");
    }
    assert_eq!(site.view("/").await.body, page(4));
}
