//! Every execution input in `events/`: what is accepted, what is ignored and why, and
//! what is refused with which message.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::path::Path;

use common::{compare, files, no_orphans};
use lockstep::PhaseError;
use lockstep::trigger::TriggerInput;

fn parse(file: &Path) -> Result<TriggerInput, PhaseError> {
    let text = fs::read_to_string(file).unwrap();
    TriggerInput::parse(&serde_json::from_str(&text).unwrap())
}

fn accept(file: &Path) -> TriggerInput {
    parse(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

#[test]
fn valid_inputs_are_accepted() {
    for file in files("../../events/valid", ".json") {
        match accept(&file) {
            TriggerInput::EcrPush(push) => {
                assert_eq!(push.ignore_reason(), None, "{}", file.display());
            }
            TriggerInput::OtherUpload(upload) => panic!("{}", upload.reason),
            TriggerInput::S3Release(_) | TriggerInput::Manual(_) | TriggerInput::Recover(_) => {}
        }
    }
}

#[test]
fn ignored_events_have_their_exact_reason() {
    for file in files("../../events/ignored", ".json") {
        let reason = match accept(&file) {
            TriggerInput::EcrPush(push) => push.ignore_reason(),
            TriggerInput::OtherUpload(upload) => Some(upload.reason),
            _ => None,
        };
        let reason = reason.unwrap_or_else(|| panic!("{} is not ignored", file.display()));
        compare(&file, "reason.txt", &reason.to_string());
    }
}

#[test]
fn invalid_inputs_are_refused_with_their_exact_message() {
    for file in files("../../events/invalid", ".json") {
        let Err(error) = parse(&file) else {
            panic!("{} was accepted", file.display())
        };
        assert_eq!(error.name(), "InvalidRequest");
        compare(&file, "message.txt", &error.to_string());
    }
}

#[test]
fn every_expected_text_has_its_case() {
    no_orphans("../../events/ignored", ".reason.txt", ".json");
    no_orphans("../../events/invalid", ".message.txt", ".json");
}

#[test]
fn an_uploaded_release_is_read_from_its_key() {
    let file = &files("../../events/valid", "s3-release.json")[0];
    let TriggerInput::S3Release(release) = accept(file) else {
        panic!("{} is no release", file.display())
    };
    assert_eq!(
        (release.application.as_str(), release.version.as_str()),
        ("shop", "1.4.2")
    );
    assert_eq!(release.bucket, "lockstep-releases-111122223333");
    assert_eq!(release.sequencer.as_deref(), Some("00617F08299329D189"));
    assert_eq!(
        release.version_id.as_deref(),
        Some("IYV3p45BT0ac8hjHg1houSdS1a.Mro8e")
    );
    assert!(!release.zipped);
    let zip = &files("../../events/valid", "s3-release-in-one-zip.json")[0];
    assert!(matches!(accept(zip), TriggerInput::S3Release(release) if release.zipped));
}
