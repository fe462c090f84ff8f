//! The committed JSON Schema is the one the types give.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::path::Path;

use common::blessing;
use lockstep::manifest::json_schema;

const COMMAND: &str = "LOCKSTEP_BLESS=1 cargo test -p lockstep --test schema";

#[test]
fn the_committed_schema_is_current() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/lockstep.schema.json");
    let current = serde_json::to_string_pretty(&json_schema()).unwrap() + "\n";
    if blessing() {
        fs::write(&file, &current).unwrap();
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == current,
        "docs/lockstep.schema.json is stale; write it anew with: {COMMAND}"
    );
}

#[test]
fn every_field_is_described_and_none_may_be_null() {
    let schema = json_schema().to_value();
    let objects = schema["$defs"]
        .as_object()
        .unwrap()
        .values()
        .chain([&schema]);
    for object in objects {
        assert_eq!(object["additionalProperties"], false, "{object}");
        for (name, field) in object["properties"].as_object().unwrap() {
            assert!(
                field["description"].is_string(),
                "{name} has no description: {field}"
            );
        }
    }
    assert!(!schema.to_string().contains("\"null\""));
}
