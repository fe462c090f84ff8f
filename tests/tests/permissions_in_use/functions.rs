//! Releases of Lambda functions, with every ending.

use lockstep::verdict::Verdict;
use lockstep_tests::{Fleet, Shape, World};

use crate::verdict;

/// New settings, so that the configuration is updated as well.
const SETTINGS: &str = "memory_mb: 256, environment: { FLEET_NEW: added }";

/// Traffic that is shifted in stages although nobody calls the functions.
const STAGES: &str =
    "strategy: canary, percent: 50, seconds: 2, metrics_delay_seconds: 0, when_quiet: proceed";

/// Through an alias and without one: succeeds, from files and from one archive, with old versions deleted, and is put
/// back.
pub async fn one_of_each_ending(world: &World) {
    for (name, shape) in [
        ("permitted-alias", Shape::aliased(2)),
        ("permitted-direct", Shape::direct(2)),
    ] {
        let fleet = world.fleet(name, shape).await;
        let bad_first = !shape.aliased;
        if bad_first {
            // What is put back is from no release: it comes from the version that was published before.
            assert_eq!(uploaded(&fleet, "1.0.0", "bad").await, Verdict::RolledBack);
        }
        let kept = "    keep: 2\n    configuration";
        let manifest = fleet.manifest(SETTINGS);
        fleet
            .apply(&manifest.replace("    configuration", kept))
            .await;
        assert_eq!(uploaded(&fleet, "1.1.0", "v2").await, Verdict::Succeeded);
        fleet.build_all("v3");
        fleet.release_zip("1.2.0").await;
        let archive = fleet.execution_of_release("1.2.0").await;
        assert_eq!(verdict(&archive).await, Verdict::Succeeded);
        assert_eq!(uploaded(&fleet, "1.3.0", "v4").await, Verdict::Succeeded);
        assert_eq!(
            uploaded(&fleet, "1.4.0", "bad again").await,
            Verdict::RolledBack
        );
        if shape.aliased {
            let traffic = format!("    traffic: {{ {STAGES} }}\n    trigger:");
            fleet
                .apply(&fleet.manifest("").replace("    trigger:", &traffic))
                .await;
            assert_eq!(uploaded(&fleet, "1.5.0", "v5").await, Verdict::Succeeded);
        }
        world.idle().await;
        fleet.delete().await;
    }
}

async fn uploaded(fleet: &Fleet<'_>, version: &str, label: &str) -> Verdict {
    if label.starts_with("bad") {
        fleet.spoil(label);
    }
    fleet.build_all(label);
    fleet.release(version).await;
    verdict(&fleet.execution_of_release(version).await).await
}
