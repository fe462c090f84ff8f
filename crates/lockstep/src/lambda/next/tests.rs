#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;

use serde_json::json;

use super::super::testing::{Account, code, resolved, settings, zip};
use super::super::{FunctionChange, FunctionsStep, LastUpdate, State};
use super::{Next, next, progress};
use crate::manifest::FunctionConfiguration;
use crate::{PhaseError, Progress};

fn planned(account: &Account, settings: FunctionConfiguration) -> FunctionChange {
    let alias = account.alias.as_ref().map(|_| "live");
    account
        .plan(&resolved(alias, settings), Some(&zip('b')))
        .unwrap()
        .unwrap()
}

fn nothing() -> FunctionConfiguration {
    FunctionConfiguration::default()
}

/// The calls that are made, one after the other.
fn calls(account: &mut Account, change: &FunctionChange) -> Vec<String> {
    let (mut published, mut calls) = (None, Vec::new());
    loop {
        let next = next(change, &account.look(change, published));
        let name = match &next {
            Next::Snapshot { .. } => "snapshot".to_owned(),
            Next::UpdateConfiguration(_) => "configuration".to_owned(),
            Next::UpdateCode { revision_id, .. } => format!("code if {revision_id}"),
            Next::Publish { .. } => "publish".to_owned(),
            Next::Check { version, .. } => format!("check {version}"),
            Next::PointAlias {
                version,
                revision_id,
            } => {
                format!(
                    "alias to {version} if {}",
                    revision_id.clone().unwrap_or_default()
                )
            }
            Next::Done { summary } => summary.clone(),
            Next::Wait { note } => note.clone(),
            Next::Fail(error) => error.to_string(),
        };
        calls.push(name);
        if !next.acts() {
            return calls;
        }
        published = account.act(&next).or(published);
    }
}

#[test]
fn a_function_with_an_alias_takes_three_calls_for_new_code() {
    let mut account = Account::new('a', true);
    let change = planned(&account, nothing());
    assert_eq!(
        calls(&mut account, &change),
        [
            "code if r1",
            "publish",
            "alias to 2 if a2",
            "function shop-api:live serves version 2"
        ]
    );
    assert_eq!(account.serves().0, code('b'));
}

#[test]
fn configuration_comes_first_and_is_published_with_the_code() {
    let mut account = Account::new('a', true);
    let change = planned(&account, settings());
    let calls = calls(&mut account, &change);
    assert_eq!(calls[..2], ["configuration", "code if r3"]);
    let serving = account.serving().unwrap();
    assert_eq!(serving.configuration["MemorySize"], 512);
    assert_eq!(
        serving.configuration["Environment"]["Variables"],
        json!({"SECRET": "hunter2", "LOG_LEVEL": "info"})
    );
}

#[test]
fn a_function_without_an_alias_is_published_before_it_is_touched() {
    let mut account = Account::new('a', false);
    let change = planned(&account, settings());
    assert_eq!(
        calls(&mut account, &change),
        [
            "snapshot",
            "configuration",
            "code if r2",
            "function shop-api runs api.zip v2 (bbbbbbbbbbbb) with new configuration"
        ]
    );
    assert_eq!(account.version(1).code_sha256, code('a'));
}

#[test]
fn code_that_a_release_can_put_back_is_not_published_first() {
    let mut account = Account::new('a', false);
    let mut change = planned(&account, nothing());
    change.put_back = Some(change.code.clone().unwrap());
    let release = [
        "code if r1",
        "function shop-api runs api.zip v2 (bbbbbbbbbbbb)",
    ];
    assert_eq!(calls(&mut account, &change), release);

    let mut account = Account::new('a', false);
    let mut change = planned(&account, settings());
    change.put_back = Some(change.code.clone().unwrap());
    assert_eq!(calls(&mut account, &change)[0], "snapshot");
}

#[test]
fn weights_are_cleared_even_where_the_first_version_stays() {
    let mut account = Account::new('b', true);
    account.point("1", &[("2".to_owned(), 0.1)].into());
    let change = planned(&account, nothing());
    assert_eq!(
        calls(&mut account, &change),
        [
            "publish",
            "alias to 1 if a3",
            "function shop-api:live serves version 1"
        ]
    );
    assert!(account.live_alias().unwrap().weights.is_empty());
}

#[test]
fn while_lambda_works_nothing_is_sent() {
    let mut account = Account::new('a', true);
    let change = planned(&account, nothing());
    account.set("/Configuration/LastUpdateStatus", "InProgress");
    let waits = next(&change, &account.look(&change, None));
    assert!(
        matches!(&waits, Next::Wait { note } if note == "shop-api: Lambda is at work on it"),
        "{waits:?}"
    );

    let mut account = Account::new('a', true);
    account.update_code(&code('b'));
    account.publish();
    let mut world = account.look(&change, Some(2));
    world.published.as_mut().unwrap().state = State::Pending;
    assert!(matches!(next(&change, &world), Next::Wait { .. }));
    world.published.as_mut().unwrap().state = State::Failed("why".into());
    let failed = next(&change, &world);
    assert!(
        matches!(&failed, Next::Fail(PhaseError::Unhealthy { signal }) if signal == "function shop-api:live: version 2 failed: why"),
        "{failed:?}"
    );
}

#[test]
fn an_update_that_failed_is_told_in_words_and_an_older_failure_is_not() {
    let mut account = Account::new('a', true);
    account.set("/Configuration/LastUpdateStatus", "Failed");
    let change = planned(&account, nothing());
    assert!(matches!(
        next(&change, &account.look(&change, None)),
        Next::UpdateCode { .. }
    ));
    account.update_code(&code('b'));
    let mut world = account.look(&change, None);
    world.latest.last_update = LastUpdate::Failed("the code took too long to start".into());
    let failed = next(&change, &world);
    assert!(
        matches!(&failed, Next::Fail(error) if error.to_string()
            == "function shop-api:live: the update failed: the code took too long to start"),
        "{failed:?}"
    );
}

#[test]
fn what_another_tool_changed_is_told_and_left() {
    let change = planned(&Account::new('a', true), nothing());
    let told = |account: &Account| match next(&change, &account.look(&change, None)) {
        Next::Fail(error @ PhaseError::Diverged { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let mut code_changed = Account::new('a', true);
    code_changed.update_code(&code('x'));
    assert!(
        told(&code_changed)
            .starts_with("function shop-api was changed by someone else: expected code qqq")
    );
    let mut reconfigured = Account::new('a', true);
    reconfigured.set("/Configuration/Timeout", 9);
    assert!(told(&reconfigured).ends_with("found another one"));
    let mut pointed = Account::new('a', true);
    pointed.update_code(&code('x'));
    pointed.publish();
    pointed.update_code(&code('a'));
    pointed.point("2", &[].into());
    assert_eq!(
        told(&pointed),
        "function shop-api:live was changed by someone else: expected version 1, found version 2"
    );
    let mut gone = Account::new('a', true);
    gone.alias = None;
    assert!(told(&gone).ends_with("found no such alias"));
}

#[test]
fn an_alias_that_was_touched_is_pointed_only_if_it_serves_what_it_did() {
    let mut account = Account::new('a', true);
    let change = planned(&account, nothing());
    account.update_code(&code('b'));
    let published = account.publish();
    account.point("1", &[].into());
    let mut world = account.look(&change, Some(published));
    let planned = change.before.alias_revision.clone();
    let point = |world: &_| match next(&change, world) {
        Next::PointAlias { revision_id, .. } => revision_id,
        other => panic!("{other:?}"),
    };
    assert_eq!(point(&world), planned);
    world.alias = account.live_alias();
    assert_ne!(point(&world), planned);
    account.point("1", &[("2".to_owned(), 0.5)].into());
    world.alias = account.live_alias();
    let Next::Fail(error) = next(&change, &world) else {
        panic!()
    };
    assert_eq!(
        error.to_string(),
        "function shop-api:live was changed by someone else: expected all traffic on one version, found 50 % of it on \
         version 2"
    );
}

#[test]
fn a_new_version_is_checked_before_the_alias_points_to_it() {
    let mut account = Account::new('a', true);
    let change = planned(&account, nothing());
    account.unchecked = true;
    let calls = calls(&mut account, &change);
    let calls: Vec<_> = calls
        .iter()
        .map(|it| it.split(" if").next().unwrap())
        .collect();
    let end = "function shop-api:live serves version 2";
    let expected = ["code", "publish", "check 2", "alias to 2", end];
    assert_eq!(calls, expected);
    account.unchecked = true;
    let world = account.look(&change, None);
    assert!(
        matches!(next(&change, &world), Next::Done { .. }),
        "it serves already"
    );
}

#[test]
fn a_function_without_an_alias_is_checked_when_its_code_has_settled() {
    let mut account = Account::new('a', false);
    let change = planned(&account, nothing());
    account.unchecked = true;
    let calls = calls(&mut account, &change);
    assert_eq!(calls[calls.len() - 2], "check $LATEST");
    account.unchecked = true;
    account.set("/Configuration/LastUpdateStatus", "InProgress");
    let world = account.look(&change, None);
    assert!(matches!(next(&change, &world), Next::Wait { .. }));
}

#[test]
fn a_check_knows_where_the_log_is() {
    let logs = |group: Option<&str>| {
        let mut account = Account::new('a', false);
        if let Some(group) = group {
            account.latest["Configuration"]["LoggingConfig"] = json!({"LogGroup": group});
        }
        let change = planned(&account, nothing());
        account.unchecked = true;
        account.update_code(change.code_after());
        match next(&change, &account.look(&change, None)) {
            Next::Check { logs, .. } => logs,
            other => panic!("{other:?}"),
        }
    };
    let page = "https://eu-west-1.console.aws.amazon.com/cloudwatch/home\
                ?region=eu-west-1#logsV2:log-groups/log-group";
    assert_eq!(
        logs(None),
        format!("{page}/$252Faws$252Flambda$252Fshop-api")
    );
    assert_eq!(logs(Some("shop")), format!("{page}/shop"));
}

fn step(changes: usize) -> FunctionsStep {
    FunctionsStep {
        deployment: "d".into(),
        application: "shop".into(),
        environment: "production".into(),
        release: Some("v2".into()),
        functions: vec![planned(&Account::new('a', true), nothing()); changes],
        checks: BTreeMap::new(),
        traffic: None,
        parameters: Vec::new(),
        rate_per_second: 15,
        deadline_seconds: 60,
    }
}

#[test]
fn the_step_is_done_when_every_function_is() {
    let done = || Next::Done {
        summary: "function shop-api:live serves version 2".into(),
    };
    let waits = || Next::Wait {
        note: "shop-api: Lambda is at work on it".into(),
    };
    let publish = || Next::Publish {
        code_sha256: String::new(),
        revision_id: String::new(),
    };
    let fail = || Next::Fail(PhaseError::Halted { by: "x".into() });
    let of = |nexts: &[Next]| progress(&step(nexts.len()), nexts);
    assert_eq!(of(&[done(), publish(), waits()]), Ok(Progress::NotStarted));
    let note = "1 of 2 functions done; shop-api: Lambda is at work on it".to_owned();
    assert_eq!(of(&[done(), waits()]), Ok(Progress::Running { note }));
    let summary = "function shop-api:live serves version 2".to_owned();
    assert_eq!(of(&[done()]), Ok(Progress::Done { summary }));
    let summary = "4 functions run api.zip v2 (bbbbbbbbbbbb)".to_owned();
    assert_eq!(
        of(&[done(), done(), done(), done()]),
        Ok(Progress::Done { summary })
    );
    assert!(of(&[done(), publish(), fail()]).is_err());
}
