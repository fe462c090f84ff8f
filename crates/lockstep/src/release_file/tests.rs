#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::read::path_fault;
use super::{ReleaseFile, ReleasedArtifact};
use crate::manifest::ResolvedEnvironment;

fn sha() -> String {
    "0a".repeat(32)
}

fn file(artifacts: &Value) -> Value {
    json!({"application": "shop", "version": "1.4.2", "commit": "3f2a", "artifacts": artifacts})
}

fn parse(value: &Value) -> Result<ReleaseFile, String> {
    ReleaseFile::parse(value.to_string().as_bytes()).map_err(|error| error.to_string())
}

fn with_path(path: &str) -> Result<ReleaseFile, String> {
    parse(&file(&json!([{"path": path, "sha256": sha()}])))
}

#[test]
fn a_release_is_read_and_written_the_same() {
    let value = file(
        &json!([{"path": "workers/a.zip", "sha256": sha()}, {"path": "api.zip", "sha256": sha()}]),
    );
    let read = parse(&value).unwrap();
    assert_eq!(
        read.artifacts[1],
        ReleasedArtifact {
            path: "api.zip".into(),
            sha256: sha()
        }
    );
    assert_eq!(serde_json::to_value(&read).unwrap(), value);
}

#[test]
fn a_rollback_floor_can_be_compared() {
    let with = |floor: Value| {
        let mut value = file(&json!([{"path": "api.zip", "sha256": sha()}]));
        value["rollback_floor"] = floor;
        parse(&value)
    };
    let read = with(json!("1.3.0")).unwrap();
    assert_eq!(read.rollback_floor.as_deref(), Some("1.3.0"));
    assert_eq!(
        with(json!("build-7")).unwrap_err(),
        "rollback_floor: found `build-7`, expected a semantic version such as `1.3.0`, since no other versions can be \
         compared"
    );
    assert!(with(json!(1)).is_err());
}

#[test]
fn paths_that_lead_elsewhere_are_refused() {
    for path in [
        "../api.zip",
        "a/../../b",
        "a/..",
        "/api.zip",
        "a//b",
        "a/",
        "./a",
        "",
        ".",
        "a\\b",
        "C:/a",
        "a\0b",
        "a\nb",
        "release.json",
        "release.zip",
    ] {
        assert!(with_path(path).is_err(), "{path:?}");
    }
    assert_eq!(
        with_path("../api.zip").unwrap_err(),
        "artifacts[0].path: found `../api.zip`, expected a path without empty parts, `.` and `..`"
    );
    for path in [
        "api.zip",
        "a/b/c.zip",
        "..a.zip",
        "a..zip",
        "ü.zip",
        "a b.zip",
    ] {
        assert!(with_path(path).is_ok(), "{path:?}");
    }
    assert!(with_path(&"a".repeat(512)).is_ok() && with_path(&"a".repeat(513)).is_err());
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let wrong = json!({
        "aplication": "shop", "application": "Shop", "version": "../1", "commit": 7,
        "artifacts": [{"path": "a.zip", "sha256": "0A"}, {"path": "b.zip"}, "c"],
    });
    assert_eq!(
        parse(&wrong).unwrap_err().split("; ").collect::<Vec<_>>(),
        [
            "release.json: found the unknown key `aplication`, expected one of: application, version, branch, commit, \
             author, rollback_floor, artifacts",
            "did you mean `application`?",
            "application: found `Shop`, expected an application's name",
            "version: found `../1`, expected up to 128 letters, digits, `.`, `_`, `+` and `-`, beginning with a letter or \
             a digit",
        ]
    );
    let wrong = file(
        &json!([{"path": "a.zip", "sha256": "0A"}, {"path": "b.zip"}, "c", {"path": "d", "sha": sha()}]),
    );
    let message = parse(&wrong).unwrap_err();
    for part in [
        "artifacts[0].sha256: found `0A`, expected 64 lower-case hex digits",
        "artifacts[1].sha256: found nothing, expected text",
        "artifacts[2]: found the text `c`, expected an object",
        "artifacts[3]: found the unknown key `sha`, expected one of: path, sha256; did you mean `sha256`?",
    ] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_release_has_limits() {
    let one = |index: usize| json!({"path": format!("{index}.zip"), "sha256": sha()});
    let many = |count: usize| parse(&file(&(0..count).map(one).collect()));
    assert!(many(500).is_ok());
    assert_eq!(
        many(501).unwrap_err(),
        "artifacts: found 501 of them, expected 1 to 500"
    );
    assert_eq!(
        many(0).unwrap_err(),
        "artifacts: found 0 of them, expected 1 to 500"
    );
    let twice = file(&json!([one(1), one(1)]));
    assert_eq!(
        parse(&twice).unwrap_err(),
        "artifacts[1].path: found `1.zip` a second time, expected every path once"
    );
    let large = " ".repeat(256 * 1024 + 1);
    assert_eq!(
        ReleaseFile::parse(large.as_bytes())
            .unwrap_err()
            .to_string(),
        "release.json has 257 KiB, expected at most 256 KiB"
    );
    assert!(
        ReleaseFile::parse(b"{")
            .unwrap_err()
            .to_string()
            .starts_with("release.json is not JSON")
    );
    assert!(ReleaseFile::parse(b"\xff").is_err() && parse(&json!([])).is_err());
}

proptest! {
    #[test]
    fn nothing_that_is_read_makes_it_stumble(text in any::<Vec<u8>>()) {
        drop(ReleaseFile::parse(&text));
    }

    /// Whatever path is accepted stays inside of the folder that it is joined to.
    #[test]
    fn an_accepted_path_stays_inside(path in r"[a./\\:]{1,12}") {
        if path_fault(&path).is_none() {
            let mut depth = 0_i32;
            for part in path.split('/') {
                depth += if part == ".." { -1 } else { 1 };
                prop_assert!(depth > 0 && !part.is_empty());
            }
            prop_assert!(!path.starts_with('/') && !path.contains('\\'));
        }
    }
}

fn environment() -> ResolvedEnvironment {
    let zip =
        |target: Value, path: &str| json!({"target": target, "code": {"zip": path}, "keep": 5});
    let functions = json!({
        "api": zip(json!({"one": "shop-api"}), "api.zip"),
        "admin": zip(json!({"one": "shop-admin"}), "api.zip"),
        "workers": zip(json!({"group": {"pattern": "shop-*"}}), "workers/${function}.zip"),
        "team": zip(json!({"group": {"tags": {"team": "shop"}}}), "team.zip"),
        "image": {"target": {"one": "shop-image"}, "code": {"image": "shop/image"}, "keep": 5},
    });
    let stack = |template: Value| {
        json!({
            "stack": "s", "template": template, "tags": {}, "monitoring_minutes": 0, "termination_protection": false,
            "timeout_seconds": 3600,
        })
    };
    let stored = json!({"stored": {"url": "u", "sha256": sha(), "size": 1}});
    let stacks =
        json!({"data": stack(json!({"released": "infra/data.yaml"})), "network": stack(stored)});
    let environment = json!({
        "application": "shop", "environment": "local", "services": {}, "functions": functions, "stacks": stacks,
        "verify": {},
    });
    serde_json::from_value(environment).unwrap()
}

#[test]
fn every_artifact_finds_its_functions_and_stacks() {
    let paths = [
        "api.zip",
        "workers/shop-a.zip",
        "workers/shop-api.zip",
        "workers/other.zip",
        "team.zip",
        "apy.zip",
        "infra/data.yaml",
        "infra/dta.yaml",
    ];
    let artifacts = paths
        .iter()
        .map(|path| json!({"path": path, "sha256": sha()}))
        .collect();
    let file = parse(&file(&artifacts)).unwrap();
    let assigned = file.assign(&environment());
    let components: Vec<_> = assigned
        .components
        .iter()
        .map(|(component, artifact)| format!("{component}={}", artifact.path))
        .collect();
    assert_eq!(
        components,
        [
            "admin=api.zip",
            "api=api.zip",
            "data=infra/data.yaml",
            "team=team.zip",
            "workers/shop-a=workers/shop-a.zip"
        ]
    );
    let unused: Vec<_> = assigned
        .unused
        .iter()
        .map(|it| it.split(' ').next().unwrap())
        .collect();
    assert_eq!(
        unused,
        [
            "workers/shop-api.zip",
            "workers/other.zip",
            "apy.zip",
            "infra/dta.yaml"
        ]
    );
    assert_eq!(assigned.unused[2], "apy.zip (did you mean `api.zip`?)");
    assert_eq!(
        assigned.unused[3],
        "infra/dta.yaml (did you mean `infra/data.yaml`?)"
    );
}
