//! A service whose running image is gone from ECR.

use aws_sdk_ecr::types::ImageIdentifier;
use lockstep_cli::local::sdk;
use lockstep_tests::{Application, ENVIRONMENT, World, eventually, run, shared};
use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Ended, lockstep};

/// The folder of somebody who repairs: nothing of the manifest is needed but the application's name.
fn folder(app: &Application<'_>, world: &World) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let manifest = app.manifest(&world.health_url(&app.name));
    std::fs::write(folder.path().join("lockstep.yaml"), manifest).unwrap();
    folder
}

/// What helps the one container.
fn remedy(ended: &Ended) -> Value {
    ended.json()["containers"][0]["remedy"].clone()
}

async fn delete(world: &World, app: &Application<'_>, digest: &str) {
    let ecr = aws_sdk_ecr::Client::new(&sdk::config(&world.endpoint()));
    let delete = ecr.batch_delete_image().repository_name(&app.repository);
    let image = ImageIdentifier::builder().image_digest(digest).build();
    let deleted = delete.image_ids(image).send().await.unwrap();
    assert!(deleted.failures().is_empty(), "{deleted:?}");
}

/// The image that the service runs.
async fn runs(app: &Application<'_>, digest: &str) {
    eventually("the service runs the image", async || {
        let now = app.snapshot().await;
        (now.digest() == digest).then_some(())
    })
    .await;
}

#[test]
fn a_service_whose_image_is_gone_is_put_on_one_that_exists() {
    run(async {
        let Some(world) = shared("infrastructure_cli").await else {
            return;
        };
        let app = world.application("imageless").await;
        let folder = folder(&app, world);
        let repair = async |more: &[&str]| {
            let words = [&["repair", ENVIRONMENT], more].concat();
            lockstep(world, &folder, &words).await
        };

        let empty = repair(&["--yes"]).await;
        assert_eq!(empty.code, 1, "there is nothing to put it on: {empty:?}");
        assert_eq!(remedy(&empty)["push"]["held"], false, "{empty:?}");
        assert_eq!(empty.lines().count(), 1, "nothing was begun: {empty:?}");

        // No environment deploys this tag by itself.
        let first = app.push("first").await;
        let asked = repair(&[]).await;
        assert_eq!(asked.code, 2, "nobody agreed: {asked:?}");
        assert_eq!(remedy(&asked)["newest"]["tag"], "first", "{asked:?}");
        assert!(app.records().await.is_empty(), "nothing was begun");
        let repaired = repair(&["web", "--yes"]).await;
        assert_eq!(repaired.code, 0, "{repaired:?}");
        assert_eq!(repaired.last()["outcome"], "SUCCEEDED", "{repaired:?}");
        runs(&app, &first).await;
        let record = app.records().await.pop().unwrap();
        let source = serde_json::to_string(&record.source).unwrap();
        assert!(
            source.contains("repair: gone from ECR: imageless/web@"),
            "{source}"
        );

        let fine = repair(&[]).await;
        assert_eq!((fine.code, remedy(&fine)), (0, "none".into()), "{fine:?}");

        // Somebody runs what is not there any more, although what was verified is.
        let newer = app.push("newer").await;
        let gone = app.first_image.clone();
        somebody_runs(world, &app, &gone).await;
        let verified = repair(&["--yes"]).await;
        assert_eq!(verified.code, 0, "{verified:?}");
        assert_eq!(remedy(&verified)["verified"]["digest"], *first);
        assert_eq!(verified.last()["outcome"], "SUCCEEDED", "{verified:?}");
        runs(&app, &first).await;

        // All that is left does not become healthy: the verdict says so, and it is not offered again.
        delete(world, &app, &first).await;
        delete(world, &app, &newer).await;
        let bad = app.push_bad("bad").await;
        let failed = repair(&["--yes"]).await;
        assert_eq!(failed.code, 1, "{failed:?}");
        assert_eq!(remedy(&failed)["newest"]["digest"], *bad, "{failed:?}");
        let outcome = failed.last()["outcome"].clone();
        assert!(
            outcome == "ROLLED_BACK" || outcome == "FAILED_DIRTY",
            "{failed:?}"
        );
        let held = repair(&["--yes"]).await;
        assert_eq!(held.code, 1, "{held:?}");
        assert_eq!(remedy(&held)["push"]["held"], true, "{held:?}");
        app.delete().await;
    });
}

async fn somebody_runs(world: &World, app: &Application<'_>, image: &str) {
    let revision = app.register(image).await;
    let update = world.clients().ecs.update_service();
    let update = update.cluster(&app.name).service("web");
    update.task_definition(revision).send().await.unwrap();
}
