#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use jiff::{SignedDuration, Timestamp};
use lockstep::PhaseError;
use serde_json::{Value, json};

use crate::world::{ID, World, sha256, zip, zip_with_link};

async fn look(world: &World, progress: Value) -> Result<Value, PhaseError> {
    let deployment = json!({"id": ID, "application": "shop", "environment": "test"});
    let payload = json!({"deployment": deployment, "progress": progress});
    world.releaser().handle(payload).await
}

async fn refused(world: &World) -> String {
    let long_ago = Timestamp::now() - SignedDuration::from_mins(1);
    let error = look(world, json!({"since": long_ago})).await.unwrap_err();
    assert_eq!(error.name(), "Rejected", "{error}");
    error.to_string()
}

const API: &[u8] = b"the code of api";
const WORKER: &[u8] = b"the code of shop-a";

#[tokio::test]
async fn a_checked_release_is_written_into_the_record() {
    let world = World::new();
    let file = World::describe(&[("api.zip", API), ("shop-a.zip", WORKER)]);
    world.upload("release.json", &file);
    world.upload("api.zip", API);
    world.upload("shop-a.zip", WORKER);
    let answer = look(&world, Value::Null).await.unwrap();
    assert_eq!(answer["status"], "passed", "{answer}");
    let written = world.written.lock().unwrap();
    let requested = &written[0]["requested"];
    assert_eq!(requested["api"]["key"], "releases/shop/1.4.0/api.zip");
    assert_eq!(requested["api"]["version_id"], "v1");
    assert_eq!(requested["api"]["sha256"], sha256(API));
    assert_eq!(requested["workers/shop-a"]["path"], "shop-a.zip");
    assert_eq!(written[1]["newest"]["version"], "1.4.0");
    assert_eq!(written[1]["components"]["api"]["deployment"], ID);
}

#[tokio::test]
async fn the_word_of_s3_saves_reading_the_bytes() {
    let world = World::new();
    world.upload("release.json", &World::describe(&[("api.zip", API)]));
    world.upload("api.zip", API);
    let key = "releases/shop/1.4.0/api.zip";
    world.objects.lock().unwrap().get_mut(key).unwrap().1 = true;
    look(&world, Value::Null).await.unwrap();
    assert_eq!(
        *world.reads.lock().unwrap(),
        ["releases/shop/1.4.0/release.json"]
    );
}

#[tokio::test]
async fn what_is_missing_is_waited_for_a_little_and_then_refused() {
    let world = World::new();
    let file = World::describe(&[("api.zip", API), ("shop-a.zip", WORKER)]);
    world.upload("release.json", &file);
    world.upload("api.zip", API);
    let answer = look(&world, Value::Null).await.unwrap();
    assert_eq!(answer["status"], "running");
    assert_eq!(
        answer["note"],
        "1 of 2 artifacts checked; shop-a.zip is not uploaded yet"
    );
    assert_eq!(
        refused(&world).await,
        "s3://releases/releases/shop/1.4.0/release.json: shop-a.zip is missing; upload the release again, \
         release.json last"
    );
    world.upload("shop-a.zip", WORKER);
    let answer = look(&world, answer["progress"].clone()).await.unwrap();
    assert_eq!(answer["status"], "passed");
    let of_api = "releases/shop/1.4.0/api.zip";
    let reads = world.reads.lock().unwrap();
    assert_eq!(reads.iter().filter(|key| *key == of_api).count(), 1);
}

#[tokio::test]
async fn a_wrong_hash_is_refused_at_once() {
    let world = World::new();
    world.upload("release.json", &World::describe(&[("api.zip", API)]));
    world.upload("api.zip", WORKER);
    let error = look(&world, Value::Null).await.unwrap_err().to_string();
    let (found, expected) = (sha256(WORKER), sha256(API));
    assert!(
        error.contains(&format!(
            "api.zip has the SHA-256 {found}, release.json says {expected}"
        )),
        "{error}"
    );
    assert!(world.written.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_release_must_be_where_it_says_and_fit_its_environment() {
    let world = World::new();
    assert!(
        refused(&world)
            .await
            .contains("neither a release.json nor a release.zip")
    );
    world.upload("release.json", b"{\"application\": \"other\"");
    assert!(refused(&world).await.contains("release.json is not JSON"));
    let moved = json!({"application": "shop", "version": "1.3.0", "artifacts": [{"path": "api.zip", "sha256": sha256(API)}]});
    world.upload("release.json", moved.to_string().as_bytes());
    assert!(
        refused(&world)
            .await
            .contains("version: found `1.3.0`, and its key says `1.4.0`")
    );
    world.upload("release.json", &World::describe(&[("apy.zip", API)]));
    world.upload("apy.zip", API);
    assert!(
        refused(&world)
            .await
            .contains("takes any of its artifacts: apy.zip")
    );
}

#[tokio::test]
async fn a_template_of_a_release_is_for_its_stack_unless_it_is_too_large() {
    let world = World::new();
    let path = "infra/data.yaml";
    let upload = |template: &[u8]| {
        world.upload("release.json", &World::describe(&[(path, template)]));
        world.upload(path, template);
    };
    upload(&vec![b'#'; (1 << 20) + 1]);
    let error = refused(&world).await;
    assert!(
        error.contains("infra/data.yaml has 1048577 bytes"),
        "{error}"
    );
    upload(b"Resources: {}");
    let answer = look(&world, Value::Null).await.unwrap();
    assert_eq!(answer["status"], "passed", "{answer}");
    let requested = world.written.lock().unwrap()[0]["requested"].clone();
    assert_eq!(requested["data"]["kind"], "template");
    assert_eq!(requested["data"]["sha256"], sha256(b"Resources: {}"));
}

#[tokio::test]
async fn the_files_of_a_release_zip_are_stored_by_their_hash() {
    let world = World::new();
    let file = World::describe(&[("api.zip", API), ("shop-a.zip", WORKER)]);
    let entries = [
        ("release.json", file.as_slice()),
        ("api.zip", API),
        ("shop-a.zip", WORKER),
    ];
    world.upload("release.zip", &zip(&entries));
    let answer = look(&world, Value::Null).await.unwrap();
    assert_eq!(answer["status"], "passed", "{answer}");
    let requested = world.written.lock().unwrap()[0]["requested"].clone();
    let key = format!("unpacked/{}.zip", sha256(API));
    assert_eq!(requested["api"]["key"], key);
    assert!(world.objects.lock().unwrap().contains_key(&key));
}

#[tokio::test]
async fn a_release_zip_with_tricks_is_refused() {
    let world = World::new();
    let file = World::describe(&[("api.zip", API)]);
    let refusal = async |bytes: &[u8]| {
        world.upload("release.zip", bytes);
        refused(&world).await
    };
    let json = ("release.json", file.as_slice());
    assert!(
        refusal(&zip(&[json, ("../api.zip", API)]))
            .await
            .contains("leads out of the archive")
    );
    assert!(
        refusal(&zip(&[json, ("/api.zip", API)]))
            .await
            .contains("absolute path")
    );
    assert!(refusal(&zip_with_link()).await.contains("symbolic link"));
    assert!(
        refusal(&zip(&[json, ("api.zip", &vec![0; 3 << 20])]))
            .await
            .contains("zip bombs")
    );
    assert!(
        refusal(&zip(&[json, ("api.zip", WORKER)]))
            .await
            .contains("has the SHA-256")
    );
    assert!(refusal(&zip(&[json])).await.contains("api.zip is missing"));
    assert!(
        refusal(&zip(&[("api.zip", API)]))
            .await
            .contains("no release.json at its root")
    );
    assert!(
        refusal(b"PK, but no more")
            .await
            .contains("cannot be read as a zip file")
    );
    let whole = zip(&[json, ("api.zip", API)]);
    assert!(
        refusal(&whole[..whole.len() - 9])
            .await
            .contains("cannot be read as a zip file")
    );
    assert!(world.written.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_person_cannot_go_back_by_accident() {
    let world = World::new();
    world.upload("release.json", &World::describe(&[("api.zip", API)]));
    world.upload("api.zip", API);
    let mark = json!({"version": "1.5.0", "at": "2026-11-20T10:00:00Z", "deployment": ID});
    world.put_item("env#shop#test", "newest-releases", &json!({"newest": mark}));
    let record = json!({
        "id": ID, "application": "shop", "environment": "test",
        "execution": {"name": "x", "arn": "arn", "started_at": "2026-11-20T10:00:00Z"},
        "source": {"kind": "manual", "by": "ann"},
        "manifest_version": 3, "requested": {}, "release": {"version": "1.4.0"},
    });
    let put = |allow_older: bool| {
        let mut record = record.clone();
        record["release"]["allow_older"] = json!(allow_older);
        world.put_item(&format!("deployment#{ID}"), "record", &record);
    };
    put(false);
    assert!(
        refused(&world)
            .await
            .contains("it is older than release 1.5.0")
    );
    put(true);
    let answer = look(&world, Value::Null).await.unwrap();
    assert_eq!(answer["status"], "passed");
    assert_eq!(
        world.written.lock().unwrap()[1]["newest"]["version"],
        "1.5.0"
    );
}

/// A person asked for these components of release 1.4.0 only, where 1.3.0 is the newest release.
fn asked_for(only: &str) -> World {
    let world = World::new();
    let record = json!({
        "id": ID, "application": "shop", "environment": "test",
        "execution": {"name": "x", "arn": "arn", "started_at": "2026-11-20T10:00:00Z"},
        "source": {"kind": "manual", "by": "ann"}, "only": {"components": [only]},
        "manifest_version": 3, "requested": {}, "release": {"version": "1.4.0"},
    });
    world.put_item(&format!("deployment#{ID}"), "record", &record);
    let mark =
        |version: &str| json!({"version": version, "at": "2026-11-01T10:00:00Z", "deployment": ID});
    let newest = json!({"newest": mark("1.3.0"), "components": {"workers/shop-a": mark("1.5.0")}});
    world.put_item("env#shop#test", "newest-releases", &newest);
    let file = World::describe(&[("api.zip", API), ("shop-a.zip", WORKER)]);
    world.upload("release.json", &file);
    world.upload("api.zip", API);
    world.upload("shop-a.zip", WORKER);
    world
}

#[tokio::test]
async fn of_a_part_only_that_is_deployed_and_the_environment_is_not_on_the_release() {
    let world = asked_for("api");
    let answer = look(&world, Value::Null).await.unwrap();
    assert_eq!(answer["status"], "passed", "{answer}");
    let written = world.written.lock().unwrap();
    let requested = written[0]["requested"].as_object().unwrap();
    assert_eq!(requested.keys().collect::<Vec<_>>(), ["api"]);
    let left_out = written[0]["only"]["left_out"][0].as_str().unwrap();
    assert!(
        left_out.starts_with("workers/shop-a shop-a.zip 1.4.0"),
        "{left_out}"
    );
    assert_eq!(written[1]["newest"]["version"], "1.3.0");
    assert_eq!(written[1]["components"]["api"]["version"], "1.4.0");
    assert_eq!(
        written[1]["components"]["workers/shop-a"]["version"],
        "1.5.0"
    );
}

#[tokio::test]
async fn a_part_is_as_old_as_what_it_brings_and_must_bring_something() {
    let older = refused(&asked_for("workers")).await;
    assert!(older.contains("it is older than release 1.5.0"), "{older}");
    let nothing = refused(&asked_for("data")).await;
    assert!(
        nothing.contains(
            "nothing in it is for what is deployed, which is only data. Left out: api api.zip 1.4.0"
        ),
        "{nothing}"
    );
}
