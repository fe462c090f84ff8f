#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use serde_json::json;

use super::super::testing::{Account, code, resolved, settings, zip};
use super::super::{CodeChange, FunctionInputs, plan_function};
use crate::Check;
use crate::manifest::FunctionConfiguration;
use crate::release::{Artifact, ImageArtifact};

fn nothing() -> FunctionConfiguration {
    FunctionConfiguration::default()
}

fn failed(result: Result<Option<super::FunctionChange>, Vec<Check>>) -> String {
    let failed: Vec<_> = result
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect();
    failed.join("\n")
}

#[test]
fn a_function_that_runs_the_artifact_is_not_touched() {
    for aliased in [None, Some("live")] {
        let account = Account::new('a', aliased.is_some());
        let same = account.plan(&resolved(aliased, nothing()), Some(&zip('a')));
        assert_eq!(same, Ok(None));
        assert_eq!(account.plan(&resolved(aliased, nothing()), None), Ok(None));
    }
}

#[test]
fn new_code_is_planned_with_what_is_there() {
    let account = Account::new('a', true);
    let change = account
        .plan(&resolved(Some("live"), nothing()), Some(&zip('b')))
        .unwrap()
        .unwrap();
    assert_eq!(change.before.version.as_deref(), Some("1"));
    assert_eq!(change.before.code_sha256, code('a'));
    assert_eq!(
        (change.code_after(), change.configuration.is_none()),
        (code('b').as_str(), true)
    );
    assert_eq!(
        change.configuration_after(),
        change.before.latest_configuration_hash
    );
    assert_eq!(change.resource(), "function shop-api:live");
    assert_eq!(change.after_label(), "api.zip v2 (bbbbbbbbbbbb)");
    let stored = serde_json::to_string(&change).unwrap();
    assert!(!stored.contains("hunter2"), "{stored}");
}

#[test]
fn code_that_is_there_already_is_only_published() {
    let mut account = Account::new('a', true);
    account.update_code(&code('b'));
    let change = account
        .plan(&resolved(Some("live"), nothing()), Some(&zip('b')))
        .unwrap()
        .unwrap();
    assert_eq!(
        (&change.code, change.code_after()),
        (&None, code('b').as_str())
    );
    assert_eq!(change.after_label(), "api.zip v2 (bbbbbbbbbbbb)");
}

#[test]
fn the_configuration_counts_as_far_as_the_manifest_names_it() {
    let account = Account::new('a', false);
    let change = account
        .plan(&resolved(None, settings()), Some(&zip('a')))
        .unwrap()
        .unwrap();
    let configuration = change.configuration.unwrap();
    assert_eq!((change.code, &configuration.settings), (None, &settings()));
    assert_ne!(
        configuration.after_hash,
        change.before.latest_configuration_hash
    );
}

#[test]
fn an_alias_with_weights_does_not_run_one_release() {
    let mut account = Account::new('a', true);
    account.update_code(&code('b'));
    account.publish();
    account.point("1", &[("2".to_owned(), 0.1)].into());
    let change = account
        .plan(&resolved(Some("live"), nothing()), Some(&zip('a')))
        .unwrap();
    assert_eq!(
        change.unwrap().before.weights,
        [("2".to_owned(), 0.1)].into()
    );
    assert_eq!(
        account.plan(&resolved(Some("live"), nothing()), None),
        Ok(None)
    );
}

#[test]
fn the_verified_release_s_artifact_is_the_way_back_without_an_alias() {
    let account = Account::new('a', false);
    let latest = account.function();
    let plan = |verified: Option<&Artifact>, alias| {
        let resolved = resolved(alias, nothing());
        let inputs = FunctionInputs {
            component: "api",
            resolved: &resolved,
            artifact: Some(&zip('b')),
            verified,
            latest: &latest,
            alias: None,
            serving: None,
        };
        plan_function(&inputs).unwrap().unwrap().put_back
    };
    let code_of = |put_back: Option<CodeChange>| put_back.map(|it| it.code_sha256().to_owned());
    assert_eq!(code_of(plan(Some(&zip('a')), None)), Some(code('a')));
    assert_eq!(
        code_of(plan(Some(&zip('c')), None)),
        None,
        "somebody deployed past us"
    );
    assert_eq!(code_of(plan(None, None)), None);
}

#[test]
fn images_go_by_digest_in_the_account_s_own_registry() {
    let mut account = Account::new('a', false);
    account.set("/Configuration/PackageType", "Image");
    let image = Artifact::Image(ImageArtifact {
        repository: "shop/api".into(),
        digest: format!("sha256:{}", "b".repeat(64)),
        tag: Some("v2".into()),
        pushed_at: jiff::Timestamp::UNIX_EPOCH,
    });
    let change = account
        .plan(&resolved(None, nothing()), Some(&image))
        .unwrap()
        .unwrap();
    let Some(CodeChange::Image {
        uri, code_sha256, ..
    }) = change.code
    else {
        panic!("{change:?}")
    };
    let host = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
    assert_eq!(uri, format!("{host}/shop/api@sha256:{}", "b".repeat(64)));
    assert_eq!(code_sha256, "b".repeat(64));
    let handler = FunctionConfiguration {
        handler: Some("x".into()),
        ..nothing()
    };
    assert!(
        failed(account.plan(&resolved(None, handler), Some(&image)))
            .contains("the image says what runs")
    );
    assert!(failed(account.plan(&resolved(None, nothing()), Some(&zip('b')))).contains("kind"));
}

#[test]
fn what_is_in_the_way_is_told_with_what_to_do() {
    let plan = |account: &Account, alias| {
        failed(account.plan(&resolved(alias, settings()), Some(&zip('b'))))
    };
    let without = plan(&Account::new('a', false), Some("live"));
    assert!(
        without.contains("found none, expected live; create it: aws lambda publish-version"),
        "{without}"
    );

    let mut on_latest = Account::new('a', true);
    on_latest.alias = Some(json!({"FunctionVersion": "$LATEST"}));
    let latest = on_latest.function();
    let alias = on_latest.live_alias();
    let resolved = resolved(Some("live"), nothing());
    let inputs = FunctionInputs {
        component: "api",
        resolved: &resolved,
        artifact: Some(&zip('b')),
        verified: None,
        latest: &latest,
        alias: alias.as_ref(),
        serving: Some(&latest),
    };
    assert!(failed(plan_function(&inputs)).contains("could not be put back"));

    let mut busy = Account::new('a', false);
    busy.set("/Configuration/LastUpdateStatus", "InProgress");
    assert!(plan(&busy, None).contains("found one in progress"));

    let mut unreadable = Account::new('a', false);
    unreadable.set(
        "/Configuration/Environment",
        json!({"Error": {"ErrorCode": "AccessDenied"}}),
    );
    assert!(plan(&unreadable, None).contains("kms:Decrypt"));

    let mut large = Account::new('a', false);
    large.set("/Configuration/CodeSize", 60 * 1024 * 1024);
    assert!(plan(&large, None).contains("give the function an alias"));
}

#[test]
fn settings_alone_never_bring_unknown_code_to_life() {
    let mut account = Account::new('a', true);
    account.update_code(&code('x'));
    let message = failed(account.plan(&resolved(Some("live"), settings()), None));
    assert!(
        message.contains("$LATEST with other code than version 1"),
        "{message}"
    );
    assert!(
        account
            .plan(&resolved(Some("live"), settings()), Some(&zip('b')))
            .is_ok()
    );
}

#[test]
fn several_faults_are_told_at_once() {
    let mut account = Account::new('a', false);
    account.set("/Configuration/LastUpdateStatus", "InProgress");
    let failed = account
        .plan(&resolved(Some("live"), nothing()), Some(&zip('b')))
        .unwrap_err();
    assert_eq!(failed.len(), 2);
}
