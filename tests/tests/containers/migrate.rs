//! Migrations as one-shot tasks in real containers: one that ends well, one with exit code 3, one that hangs.

use std::fs;

use lockstep::verdict::Verdict;
use lockstep_cli::local::image::build;
use lockstep_tests::{ENVIRONMENT, MIGRATION, World};

use crate::{compiled, release, serving_as};

/// Serves without a word, and does what its arguments say.
const PROGRAM: &str = r#"
fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let deployment = std::env::var("LOCKSTEP_DEPLOYMENT").unwrap_or_default();
    match words.first().map(String::as_str) {
        Some("up") => println!("migrated by {deployment}"),
        Some("broken") => {
            println!("migrating 0007_orders.sql");
            println!("ERROR: no such column");
            std::process::exit(3);
        }
        _ => loop {
            std::thread::sleep(std::time::Duration::from_secs(60));
        },
    }
}
"#;

/// Runs all three, one release after the other.
pub async fn in_containers(world: &World) {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("migrating.rs");
    fs::write(&source, PROGRAM).unwrap();
    let program = compiled(&source, folder.path().join("migrating"));
    let image = |version: &str| build(&program, &[("VERSION", version)], &[]).unwrap();
    let name = "migrating";
    let app = serving_as(world, name, &image("v1")).await;
    let health = app.manifest(&world.health_url(name));
    let manifest = |command: &str| {
        format!(
            "{health}migrations:\n  {MIGRATION}: {{ service: web, command: [\"{command}\"], timeout_minutes: 1 }}\n"
        )
    };
    app.apply(&manifest("up")).await;
    let good = release(world, &app, &image("v2"), "v2").await;
    assert_eq!(good.0, Verdict::Succeeded, "{}", good.1);
    let runs = app.migration_runs().await;
    assert_eq!(runs, ["up: EssentialContainerExited, exit code 0"]);
    let live = app.snapshot().await;

    app.apply(&manifest("broken")).await;
    let broken = release(world, &app, &image("v3"), "v3").await;
    assert_eq!(broken.0, Verdict::RolledBack, "{}", broken.1);
    for told in ["container web exited with code 3", "ERROR: no such column"] {
        assert!(broken.1.contains(told), "{}", broken.1);
    }
    assert!(app.snapshot().await.runs_the_same_as(&live));

    app.apply(&manifest("hang")).await;
    let hanging = release(world, &app, &image("v4"), "v4").await;
    assert_eq!(hanging.0, Verdict::RolledBack, "{}", hanging.1);
    let told = "did not finish within 1 min";
    assert!(hanging.1.contains(told), "{}", hanging.1);
    assert!(app.snapshot().await.runs_the_same_as(&live));
    let runs = app.migration_runs().await;
    let last = runs.last().map(String::as_str).unwrap_or_default();
    assert!(last.starts_with("hang: UserInitiated"), "{runs:?}");
    let ledger = &world.clients().ledger;
    let kept = ledger.migrated(name, ENVIRONMENT, MIGRATION).await;
    assert_eq!(kept.unwrap().done.len(), 1);
}
