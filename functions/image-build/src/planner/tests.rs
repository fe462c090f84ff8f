//! Which builds there are, from a ledger of which every call can fail.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use serde_json::{Value, json};

use crate::world::{Fault, World};

const ID: &str = "01JD5Q6Z8G0000000000000000";

const MANIFEST: &str = "\
application: shop
services:
  web: { cluster: c, containers: { web: shop/web, cron: shop/web } }
  api: { cluster: c, containers: { api: shop/api } }
builds:
  web: { project: lockstep-web, image: shop/web }
  api: { project: lockstep-api, image: shop/api }
environments:
  test: {}
";

fn unbuilt(build: &str) -> Value {
    json!({"kind": "unbuilt", "build": build, "repository": format!("shop/{build}"), "commit": "3f2a9c1", "asked_at": "2026-11-20T10:00:00Z"})
}

fn world(requested: &Value) -> World {
    let record = json!({
        "id": ID, "application": "shop", "environment": "test",
        "execution": {"name": "x", "arn": "arn", "started_at": "2026-11-20T10:00:00Z"},
        "source": {"kind": "manual", "by": "ann"}, "manifest_version": 7, "requested": requested,
    });
    World::default()
        .with_manifest(MANIFEST)
        .with_record(&record)
}

fn payload() -> Value {
    json!({"deployment": {"id": ID, "application": "shop", "environment": "test"}, "fence": 7, "verb": "plan"})
}

fn both() -> Value {
    json!({"web/web": unbuilt("web"), "web/cron": unbuilt("web")})
}

#[tokio::test]
async fn what_is_written_down_first_holds_whatever_call_fails() {
    let expected = json!({"builds": [{"step": 9000, "phase": "image-build"}]});
    let without = world(&both());
    let told = without.planner().handle(payload()).await.unwrap();
    assert_eq!(told, expected);
    let built = without.item("env#shop#test", "built#shop/web");
    assert_eq!(built["built_commit"]["S"], "3f2a9c1");
    let step = without.item(&format!("deployment#{ID}"), "step#9000");
    let step: Value = serde_json::from_str(step["body"]["S"].as_str().unwrap()).unwrap();
    assert_eq!(
        step["change"]["variables"]["IMAGE_URI"],
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/web:3f2a9c1"
    );
    let calls = *without.calls.lock().unwrap();
    for number in 0..calls {
        for fault in [Fault::BeforeActing, Fault::AfterActing] {
            let world = world(&both());
            world.inject(Some((number, fault)));
            let first = world.planner().handle(payload()).await;
            assert!(first.is_err_and(|error| error.is_transient()), "{number}");
            let again = world.planner().handle(payload()).await.unwrap();
            assert_eq!(again, expected, "{number} {fault:?}");
        }
    }
}

#[tokio::test]
async fn a_late_copy_is_answered_as_the_first_one_was() {
    let begun = world(&both());
    let first = begun.planner().handle(payload()).await.unwrap();
    let items = begun.items.clone();
    // By then the image was taken.
    let later = World {
        items,
        ..world(&json!({}))
    };
    let again = later.planner().handle(payload()).await.unwrap();
    assert_eq!(again, first);
}

#[tokio::test]
async fn a_repository_that_is_missing_is_told_before_anything_is_built() {
    let missing = world(&json!({"api/api": unbuilt("api")}));
    let error = missing.planner().handle(payload()).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("repository shop/api: there is none of this name"),
        "{error}"
    );
    assert_eq!(
        missing.item(&format!("deployment#{ID}"), "builds"),
        Value::Null
    );
}

#[tokio::test]
async fn nothing_to_build_is_no_build() {
    let none = world(&json!({}));
    let told = none.planner().handle(payload()).await.unwrap();
    assert_eq!(told, json!({"builds": []}));
}
