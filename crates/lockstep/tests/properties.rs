//! What holds for every text, not only for the examples.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::io;

use common::{files, name};
use lockstep::manifest::{Manifest, trigger_index};
use lockstep::trigger::{ImageReference, TriggerInput};
use proptest::prelude::*;
use proptest::sample::{Index, select};

fn valid_manifests() -> Vec<String> {
    files("tests/manifests/valid", ".yaml")
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect()
}

/// Whatever the text: either errors that can be shown, or a manifest whose every
/// environment resolves.
fn parse_and_resolve(text: &str) {
    let file = match Manifest::parse("lockstep.yaml", text) {
        Ok(file) => file,
        Err(errors) => {
            assert!(!errors.is_empty());
            for error in errors {
                assert!(error.to_string().contains("expected"));
                assert!(error.line <= text.split('\n').count(), "{error}");
            }
            return;
        }
    };
    let environments: Vec<_> = file.manifest().environments.keys().cloned().collect();
    let definition = |_: &str| -> io::Result<String> {
        Ok(
            r#"{"family":"f","containerDefinitions":[{"name":"websocket"},{"name":"metrics"}]}"#
                .to_owned(),
        )
    };
    let Ok(stored) = file.embed(definition) else {
        return;
    };
    for environment in environments {
        let resolved = stored.resolve(&environment).unwrap();
        assert_eq!(resolved.services.len(), stored.manifest.services.len());
        // The name of a function of a group is put in when the group is looked up.
        let json = serde_json::to_string(&resolved)
            .unwrap()
            .replace("${function}", "");
        assert!(!json.contains("${"), "{json}");
    }
    assert!(!trigger_index(&stored).is_empty());
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*") {
        parse_and_resolve(&text);
    }

    #[test]
    fn any_yaml_like_text_is_read_or_refused(text in "[a-c:\\-\\[\\]{}&*!|>'\"#%,? \n]{0,80}") {
        parse_and_resolve(&text);
    }

    /// Valid manifests with a piece cut out, doubled, or replaced.
    #[test]
    fn any_damaged_manifest_is_read_or_refused(
        text in select(valid_manifests()),
        from in any::<Index>(),
        length in 0..40_usize,
        instead in "(\\PC{0,8}|\n|\\$\\{[a-z]{0,12}\\}?|[0-9-]{1,6}|null|~)",
    ) {
        let characters: Vec<char> = text.chars().collect();
        let from = from.index(characters.len());
        let to = (from + length).min(characters.len());
        let (before, after) = (&characters[..from], &characters[to..]);
        let damaged: String = before.iter().copied().chain(instead.chars()).chain(after.iter().copied()).collect();
        parse_and_resolve(&damaged);
    }

    #[test]
    fn names_by_the_schema_s_pattern_are_accepted(name in "[a-z][a-z0-9-]{0,31}") {
        let text = format!(
            "application: {name:?}\nservices:\n  {name:?}: {{ cluster: c, containers: {{ a: ab }} }}\n\
             environments:\n  {name:?}: {{}}\n"
        );
        let read = Manifest::parse("lockstep.yaml", &text);
        prop_assert!(read.is_ok(), "{:?}", read.err());
    }

    #[test]
    fn repositories_by_the_registry_s_pattern_are_accepted(
        name in "([a-z0-9]{1,4}([._-][a-z0-9]{1,4}){0,2}/){0,3}[a-z0-9]{2,5}([._-][a-z0-9]{1,4}){0,2}"
    ) {
        let text = format!(
            "application: a\nservices:\n  s: {{ cluster: c, containers: {{ a: {name:?} }} }}\n\
             environments:\n  e: {{}}\n"
        );
        let read = Manifest::parse("lockstep.yaml", &text);
        prop_assert!(read.is_ok(), "{:?}", read.err());
    }

    #[test]
    fn any_image_reference_is_read_or_refused(text in "\\PC{0,80}") {
        if let Ok(image) = ImageReference::parse(&text) {
            prop_assert_eq!(image.as_str(), text);
        }
    }

    /// Valid inputs with one text anywhere replaced.
    #[test]
    fn any_damaged_input_is_read_or_refused(
        file in select(files("../../events/valid", ".json")),
        at in any::<Index>(),
        instead in "\\PC{0,20}",
    ) {
        let text = fs::read_to_string(&file).unwrap();
        let texts: Vec<_> = text.match_indices('"').map(|(at, _)| at).collect();
        let pair = at.index(texts.len() / 2) * 2;
        let damaged = format!("{}\"{}{}", &text[..texts[pair]], instead.escape_default(), &text[texts[pair + 1]..]);
        if let Ok(input) = serde_json::from_str(&damaged)
            && let Err(error) = TriggerInput::parse(&input)
        {
            prop_assert_eq!(error.name(), "InvalidRequest", "{}", name(&file));
        }
    }
}
