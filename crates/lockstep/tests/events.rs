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
        if let TriggerInput::EcrPush(push) = accept(&file) {
            assert_eq!(push.ignore_reason(), None, "{}", file.display());
        }
    }
}

#[test]
fn ignored_events_have_their_exact_reason() {
    for file in files("../../events/ignored", ".json") {
        let TriggerInput::EcrPush(push) = accept(&file) else {
            panic!("{} is no push", file.display())
        };
        let reason = push
            .ignore_reason()
            .unwrap_or_else(|| panic!("{} is not ignored", file.display()));
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
