//! Manifests with functions, as they will be read once they can be deployed, and their
//! refusal until then.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

#[path = "../../../tests/common/mod.rs"]
mod common;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use common::{compare, files, name, no_orphans};

use super::super::{Manifest, ManifestError, StoredManifest, json_schema, trigger_index};

fn read(file: &Path) -> Result<StoredManifest, Vec<ManifestError>> {
    let text = fs::read_to_string(file).unwrap();
    Manifest::parse_with(&name(file), &text, true)?.embed(|path| panic!("{path}"))
}

fn told(errors: &[ManifestError]) -> String {
    let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
    errors.join("\n\n")
}

#[test]
fn functions_resolve_as_expected() {
    for file in files("tests/manifests/functions/valid", ".yaml") {
        let stored = read(&file).unwrap_or_else(|errors| panic!("{}", told(&errors)));
        let mut text = String::new();
        for environment in stored.manifest.environments.keys() {
            let resolved = stored.resolve(environment).unwrap();
            text += &serde_json::to_string_pretty(&resolved).unwrap();
            text += "\n";
        }
        text += &serde_json::to_string_pretty(&trigger_index(&stored)).unwrap();
        write!(text, "\nreleases: {:?}", stored.release_environments()).unwrap();
        compare(&file, "resolved.txt", &text);
        let json = serde_json::to_string(&stored).unwrap();
        assert_eq!(
            serde_json::from_str::<StoredManifest>(&json).unwrap(),
            stored
        );
    }
    no_orphans("tests/manifests/functions/valid", ".resolved.txt", ".yaml");
}

#[test]
fn faults_of_functions_are_told_with_their_exact_message() {
    for file in files("tests/manifests/functions/invalid", ".yaml") {
        let Err(errors) = read(&file) else {
            panic!("{} was accepted", file.display())
        };
        compare(&file, "message.txt", &told(&errors));
    }
    no_orphans("tests/manifests/functions/invalid", ".message.txt", ".yaml");
}

#[test]
fn until_they_can_be_deployed_functions_are_refused() {
    let file = files("tests/manifests/functions/valid", "everything.yaml").remove(0);
    let text = fs::read_to_string(&file).unwrap();
    let errors = Manifest::parse_with("lockstep.yaml", &text, false).unwrap_err();
    let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "functions",
            "environments.development.trigger.releases",
            "environments.development.functions",
            "environments.production.trigger",
            "environments.production.trigger.releases",
        ]
    );
    assert_eq!(
        errors[0].help.as_deref(),
        Some(
            "this version of Lockstep does not deploy Lambda functions from uploaded releases yet"
        )
    );
}

#[test]
fn until_then_infrastructure_is_refused_as_well() {
    let file = files("tests/manifests/valid", "infrastructure.yaml").remove(0);
    let text = fs::read_to_string(&file).unwrap();
    let errors = Manifest::parse_with("lockstep.yaml", &text, false).unwrap_err();
    let refused = |path: &str| errors.iter().any(|error| error.path == path);
    assert!(refused("infrastructure"), "{}", told(&errors));
    let schema = super::super::schema::schema_with(false).to_value();
    assert!(!schema.to_string().contains("nfrastructureOverride"));
}

#[test]
fn the_published_schema_knows_only_what_can_be_deployed() {
    let schema = json_schema().to_value().to_string();
    assert_eq!(schema.contains("FunctionConfiguration"), super::FUNCTIONS);
    assert_eq!(schema.contains("\"releases\""), super::FUNCTIONS);
}
