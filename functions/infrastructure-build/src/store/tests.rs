#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use jiff::Timestamp;
use lockstep::release::ZipArtifact;

use crate::world::{World, source, step};

const PLACE: &str = "infrastructure/shop/production/01JD5Q6Z8G0000000000000000/platform";

#[tokio::test]
async fn variables_lie_where_every_build_of_the_change_reads_them() {
    let world = World::default();
    let (_, store) = world.parts();
    let variables = [("size".to_owned(), "large".to_owned())].into();
    let work = step().work_of(true);
    store.put_variables(&work, &variables).await.unwrap();
    let objects = world.objects.lock().unwrap();
    let text = &objects[&format!("/releases/{PLACE}/undo/variables.json")];
    let read: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(read, serde_json::json!({"size": "large"}));
}

#[tokio::test]
async fn what_a_build_left_is_read_or_it_is_said_what_is_wrong() {
    let world = World::default();
    let (_, store) = world.parts();
    let work = step().work_of(false);
    assert_eq!(
        store.changes(&work).await.unwrap(),
        Err("there is none".to_owned())
    );
    world.put(&format!("{PLACE}/changes.json"), r#"{"changes": []}"#);
    assert_eq!(store.changes(&work).await.unwrap(), Ok(vec![]));
    world.put(&format!("{PLACE}/outputs.json"), "nothing");
    let wrong = store.outputs(&work).await.unwrap().unwrap_err();
    assert!(wrong.contains("expected"), "{wrong}");
    world.put(&format!("{PLACE}/outputs.json"), r#"{"vpc_id": "vpc-1"}"#);
    let outputs = store.outputs(&work).await.unwrap().unwrap();
    assert_eq!(outputs["vpc_id"], "vpc-1");
}

#[tokio::test]
async fn a_source_of_a_release_is_kept_once() {
    let world = World::default();
    let (_, store) = world.parts();
    let file = ZipArtifact {
        bucket: "releases".into(),
        key: "releases/shop/v1/infra.zip".into(),
        version_id: Some("7".into()),
        path: "infra.zip".into(),
        sha256: "cc".into(),
        size: 1,
        release: "v1".into(),
        released_at: Timestamp::UNIX_EPOCH,
    };
    for _ in 0..2 {
        let kept = store.keep("shop", &file).await.unwrap();
        assert_eq!(kept, source("cc"));
    }
    let objects = world.objects.lock().unwrap();
    assert_eq!(
        objects["/releases/sources/shop/cc.zip"],
        "copy of releases/releases/shop/v1/infra.zip?versionId=7"
    );
}
