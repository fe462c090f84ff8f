#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use proptest::prelude::*;

use super::super::testing::{Account, code, resolved, settings, zip};
use super::super::traffic::wanted;
use super::super::{FunctionChange, FunctionWorld, Next};
use super::{Snapshot, Undo, undo};
use crate::manifest::FunctionConfiguration;

fn planned(account: &Account, configured: bool) -> FunctionChange {
    let settings = if configured {
        settings()
    } else {
        FunctionConfiguration::default()
    };
    let alias = account.alias.as_ref().map(|_| "live");
    account
        .plan(&resolved(alias, settings), Some(&zip('b')))
        .unwrap()
        .unwrap()
}

proptest! {
    /// However many calls of the change took effect, and however often an invocation forgot
    /// what it had published: what served before serves again, and a second undo changes
    /// nothing.
    #[test]
    fn a_change_that_got_anywhere_is_put_back_exactly(
        aliased: bool, configured: bool, weighted: bool, forgetful: bool, limit in 0..8_usize,
    ) {
        let mut account = Account::new('a', aliased);
        if aliased && weighted {
            account.update_code(&code('c'));
            account.publish();
            account.point("1", &[("2".to_owned(), 0.25)].into());
        }
        let before = account.clone();
        let change = planned(&account, configured);
        account.run(&change, limit, forgetful);
        let end = account.undo(&change);
        prop_assert!(matches!(end, Undo::Done { .. }), "{:?}", end);
        prop_assert_eq!(account.serves(), before.serves());
        let place = |account: &Account| account.live_alias().map(|it| (it.version, it.weights));
        prop_assert_eq!(place(&account), place(&before));
        let once = account.calls;
        account.undo(&change);
        prop_assert_eq!(account.calls, once);
    }

    /// The change always comes to its end, and a finished one makes no further call.
    #[test]
    fn a_change_comes_to_its_end_from_anywhere(
        aliased: bool, configured: bool, forgetful: bool, limit in 0..8_usize,
    ) {
        let mut account = Account::new('a', aliased);
        let change = planned(&account, configured);
        account.run(&change, limit, forgetful);
        let end = account.run(&change, 20, false);
        prop_assert!(matches!(end, Next::Done { .. }), "{:?}", end);
        prop_assert_eq!(account.serves().0, code('b'));
        let calls = account.calls;
        account.run(&change, 20, false);
        prop_assert_eq!(account.calls, calls);
        prop_assert_eq!(account.plan(&resolved(change.alias.as_deref(), FunctionConfiguration::default()), Some(&zip('b'))), Ok(None));
    }
}

proptest! {
    /// Traffic that is shifted in stages, stopped anywhere: in the rollout, which does not
    /// touch the alias, between two stages, or at the end. What served serves again, with the
    /// shares that it had.
    #[test]
    fn shifted_traffic_is_put_back_exactly(
        weighted: bool, limit in 0..8_usize, percent in proptest::option::of(1_u32..100), shifts: bool,
    ) {
        let mut account = Account::new('a', true);
        if weighted {
            account.update_code(&code('c'));
            account.publish();
            account.point("1", &[("2".to_owned(), 0.25)].into());
        }
        let before = account.live_alias().map(|it| (it.version, it.weights));
        let change = FunctionChange { in_stages: true, ..planned(&account, false) };
        let end = account.run(&change, limit, false);
        let place = |account: &Account| account.live_alias().map(|it| (it.version, it.weights));
        prop_assert_eq!(place(&account), before.clone());
        if shifts && matches!(end, Next::Done { .. }) {
            let (new, _) = account.versions.last_key_value().unwrap();
            let (version, weights) = wanted(&change, &new.to_string(), percent);
            account.point(&version, &weights);
        }
        let end = account.undo(&change);
        prop_assert!(matches!(end, Undo::Done { .. }), "{:?}", end);
        prop_assert_eq!(place(&account), before);
        let calls = account.calls;
        account.undo(&change);
        prop_assert_eq!(account.calls, calls);
    }
}

#[test]
fn a_share_that_is_not_of_our_version_is_left_alone() {
    let mut account = Account::new('a', true);
    let change = FunctionChange {
        in_stages: true,
        ..planned(&account, false)
    };
    account.run(&change, 20, false);
    account.update_code(&code('x'));
    account.publish();
    account.point("1", &[("3".to_owned(), 0.5)].into());
    let end = account.undo(&change);
    assert!(
        matches!(&end, Undo::Done { summary } if summary.contains("left alone: it serves version 1 with")),
        "{end:?}"
    );
}

#[test]
fn what_somebody_else_put_there_is_left_alone() {
    let mut account = Account::new('a', true);
    let change = planned(&account, false);
    account.run(&change, 20, false);
    account.update_code(&code('x'));
    account.publish();
    account.point("3", &[].into());
    let told = |end: Undo| match end {
        Undo::Done { summary } => summary,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        told(account.undo(&change)),
        "function shop-api:live left alone: it serves version 3 now, which is not of this deployment"
    );
    let mut direct = Account::new('a', false);
    let change = planned(&direct, false);
    direct.run(&change, 20, false);
    direct.update_code(&code('x'));
    assert!(told(direct.undo(&change)).contains("it has other code now"));
    assert_eq!(direct.serves().0, code('x'));
}

#[test]
fn ours_is_put_back_where_somebody_else_only_changed_the_settings() {
    let mut account = Account::new('a', false);
    let change = planned(&account, false);
    account.run(&change, 20, false);
    account.set("/Configuration/Timeout", 9);
    let end = account.undo(&change);
    assert!(
        matches!(&end, Undo::Done { summary } if summary.contains("another configuration")),
        "{end:?}"
    );
    assert_eq!(account.serves().0, code('a'));
}

#[test]
fn a_lost_snapshot_is_told() {
    let mut account = Account::new('a', false);
    let change = planned(&account, false);
    account.run(&change, 20, false);
    account.versions.clear();
    let Undo::Fail(error) = account.undo(&change) else {
        panic!()
    };
    assert!(error.to_string().contains("somebody deleted it"), "{error}");
}

#[test]
fn the_release_s_own_artifact_needs_no_snapshot() {
    let mut account = Account::new('a', false);
    let mut change = planned(&account, false);
    change.put_back = planned(&Account::new('c', false), false).code;
    account.run(&change, 20, false);
    let world = account.look(&change, None);
    let restore = undo(&change, &world, &Snapshot::Unknown);
    assert!(
        matches!(restore, Undo::RestoreCode { code: Some(_), .. }),
        "{restore:?}"
    );
}

#[test]
fn an_image_is_put_back_by_its_digest() {
    let mut account = Account::new('a', false);
    let change = planned(&account, false);
    account.run(&change, 20, false);
    let mut snapshot = account.version(1);
    snapshot.image_uri = Some("host/shop@sha256:a".into());
    let world: FunctionWorld = account.look(&change, None);
    let restore = undo(&change, &world, &Snapshot::Found(Box::new(snapshot)));
    assert!(
        matches!(&restore, Undo::RestoreCode { code: Some(code), .. } if code.code_sha256() == change.before.latest_code_sha256),
        "{restore:?}"
    );
}
