//! Manifests that are accepted, and manifests that are refused with their exact message.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::path::Path;
use std::{fs, io};

use common::{compare, files, name, no_orphans};
use lockstep::manifest::{
    Manifest, ManifestError, PackedSource, SIZE_LIMIT, StoredManifest, trigger_index,
};

fn read(file: &Path) -> Result<StoredManifest, Vec<ManifestError>> {
    let text = fs::read_to_string(file).unwrap();
    let folder = file.parent().unwrap();
    let load = |path: &str| fs::read_to_string(folder.join(path));
    Manifest::parse(&name(file), &text)?
        .embed_with_sources(load, |path| pack(&folder.join(path)))
        .map(|embedded| embedded.manifest)
}

/// The files of a folder, not packed: what they are is all that matters here.
fn pack(folder: &Path) -> io::Result<PackedSource> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        files.push(entry?.file_name().to_string_lossy().into_owned());
    }
    files.sort();
    Ok(PackedSource {
        sha256: "ab".repeat(32),
        zip: Vec::new(),
        files,
    })
}

fn accept(file: &Path) -> StoredManifest {
    read(file).unwrap_or_else(|errors| {
        let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
        panic!("{}", errors.join("\n"))
    })
}

/// Everything that follows from a manifest, as readable text.
fn resolved(stored: &StoredManifest) -> String {
    let mut text = String::new();
    for environment in stored.manifest.environments.keys() {
        let resolved = stored.resolve(environment).unwrap();
        text += &serde_json::to_string_pretty(&resolved).unwrap();
        text += "\n";
    }
    text + &serde_json::to_string_pretty(&trigger_index(stored)).unwrap()
}

#[test]
fn valid_manifests_are_accepted_and_resolve_as_expected() {
    for file in files("tests/manifests/valid", ".yaml") {
        let stored = accept(&file);
        compare(&file, "resolved.txt", &resolved(&stored));
    }
}

#[test]
fn what_the_ledger_keeps_reads_back_the_same() {
    for file in files("tests/manifests/valid", ".yaml") {
        let stored = accept(&file);
        let json = serde_json::to_string(&stored).unwrap();
        assert_eq!(
            serde_json::from_str::<StoredManifest>(&json).unwrap(),
            stored
        );
    }
}

#[test]
fn the_examples_are_accepted() {
    for folder in [
        "../../examples/hello-service",
        "../../examples/live-quiz",
        "../../examples/migrations",
    ] {
        for file in files(folder, "lockstep.yaml") {
            accept(&file);
        }
    }
}

#[test]
fn invalid_manifests_are_refused_with_their_exact_message() {
    for file in files("tests/manifests/invalid", ".yaml") {
        let Err(errors) = read(&file) else {
            panic!("{} was accepted", file.display())
        };
        let text: Vec<_> = errors.iter().map(ToString::to_string).collect();
        compare(&file, "message.txt", &text.join("\n\n"));
    }
}

#[test]
fn every_expected_text_has_its_case() {
    no_orphans("tests/manifests/valid", ".resolved.txt", ".yaml");
    no_orphans("tests/manifests/invalid", ".message.txt", ".yaml");
}

#[test]
fn a_file_that_two_services_name_is_read_once() {
    let text = "application: a\nservices:\n  one: &one { cluster: c, containers: { app: ab }, task_definition: t.json }\n  \
                two: *one\nenvironments:\n  x: {}\n  y: {}\n";
    let mut read = Vec::new();
    let load = |path: &str| {
        read.push(path.to_owned());
        Ok(r#"{"family": "f", "containerDefinitions": [{"name": "app"}]}"#.to_owned())
    };
    let stored = Manifest::parse("a.yaml", text)
        .unwrap()
        .embed(load)
        .unwrap();
    assert_eq!(read, ["t.json"]);
    assert_eq!(stored.source, text);
}

#[test]
fn an_unknown_environment_is_answered_with_those_there_are() {
    let stored = accept(&files("tests/manifests/valid", "rupaya.yaml")[0]);
    let error = stored.resolve("production").unwrap_err();
    assert_eq!(
        error.to_string(),
        "application rupaya has no environment `production`; it has: dev, prod, staging; did you mean `prod`?"
    );
}

#[test]
fn a_file_beyond_the_limit_is_refused_unread() {
    let text = "#".repeat(SIZE_LIMIT + 1);
    let errors = Manifest::parse("lockstep.yaml", &text).unwrap_err();
    assert_eq!(
        errors[0].headline(),
        "found a file of 257 KiB, expected at most 256 KiB"
    );
}

#[test]
fn errors_have_fields_for_tools() {
    let errors = Manifest::parse(
        "lockstep.yaml",
        "application: A\nservices: {}\nenvironments: { x: {} }\n",
    )
    .unwrap_err();
    let error = errors.iter().find(|error| error.path == "services");
    let json = serde_json::to_value(error).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "file": "lockstep.yaml", "line": 2, "column": 1, "path": "services",
            "found": "nothing in it", "expected": "at least one entry",
        })
    );
}

#[test]
fn a_manifest_that_fits_no_item_of_the_ledger_is_refused() {
    let text = "application: a\nservices:\n  one: { cluster: c, containers: { app: ab }, task_definition: t.json }\n\
                environments:\n  x: {}\n";
    let comment = "x".repeat(380 * 1024);
    let load = |_: &str| {
        Ok(format!(
            r#"{{"family": "{comment}", "containerDefinitions": [{{"name": "app"}}]}}"#
        ))
    };
    let errors = Manifest::parse("a.yaml", text)
        .unwrap()
        .embed(load)
        .unwrap_err();
    assert_eq!(
        errors[0].headline(),
        "found 381 KiB with the files it names, expected at most 380 KiB"
    );
}
