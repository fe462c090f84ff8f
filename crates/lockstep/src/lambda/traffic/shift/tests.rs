#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Shift, shift};
use crate::lambda::testing::{Account, resolved, zip};
use crate::lambda::{FunctionChange, LiveAlias};
use crate::manifest::FunctionConfiguration;

/// A function on version 1; its new version is 2.
fn change() -> FunctionChange {
    let resolved = resolved(Some("live"), FunctionConfiguration::default());
    let account = Account::new('a', true);
    account.plan(&resolved, Some(&zip('b'))).unwrap().unwrap()
}

fn alias(version: &str, weights: &[(&str, f64)]) -> LiveAlias {
    let weights = weights
        .iter()
        .map(|(version, weight)| ((*version).to_owned(), *weight));
    LiveAlias {
        version: version.into(),
        weights: weights.collect(),
        revision_id: "r".into(),
    }
}

fn told(percent: Option<u32>, alias: &LiveAlias) -> String {
    match shift(&change(), "2", percent, alias) {
        Ok(Shift::There { revision_id }) => format!("there ({revision_id})"),
        Ok(Shift::Point {
            version, weights, ..
        }) => format!("{version} {weights:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_stage_is_reached_from_whatever_the_one_before_left() {
    for (percent, from, wanted) in [
        (Some(10), alias("1", &[]), "1 {\"2\": 0.1}"),
        (Some(10), alias("1", &[("2", 0.1)]), "there (r)"),
        (Some(20), alias("1", &[("2", 0.1)]), "1 {\"2\": 0.2}"),
        (Some(10), alias("1", &[("2", 0.2)]), "there (r)"),
        (Some(10), alias("2", &[]), "there (r)"),
        (None, alias("1", &[("2", 0.9)]), "2 {}"),
        (None, alias("1", &[]), "2 {}"),
        (None, alias("2", &[]), "there (r)"),
    ] {
        assert_eq!(told(percent, &from), wanted, "{from:?}");
    }
}

#[test]
fn what_another_tool_did_is_left_alone() {
    assert_eq!(
        told(Some(10), &alias("3", &[])),
        "function shop-api:live was changed by someone else: expected version 1 with a share of its traffic for version 2, \
         found version 3"
    );
    assert!(
        told(None, &alias("1", &[("3", 0.5)])).ends_with("found version 1 with 50 % for version 3")
    );
    assert!(told(None, &alias("2", &[("1", 0.5)])).contains("found version 2 with 50 %"));
}

#[test]
fn a_share_that_was_there_before_is_replaced() {
    let mut change = change();
    for (version, weight) in [("9", 0.25), ("2", 0.5)] {
        change.before.weights = BTreeMap::from([(version.to_owned(), weight)]);
        let to = shift(&change, "2", Some(10), &alias("1", &[(version, weight)])).unwrap();
        assert!(
            matches!(&to, Shift::Point { weights, .. } if *weights == BTreeMap::from([("2".to_owned(), 0.1)])),
            "{to:?}"
        );
    }
}

#[test]
fn a_version_that_serves_already_only_loses_the_other_s_share() {
    let mut change = change();
    change.before.weights = BTreeMap::from([("9".to_owned(), 0.25)]);
    let to = shift(&change, "1", Some(10), &alias("1", &[("9", 0.25)])).unwrap();
    assert!(
        matches!(&to, Shift::Point { version, weights, .. } if version == "1" && weights.is_empty())
    );
}

proptest! {
    /// From any of our own stages to any other: shares stay within 0 and 1, the new version
    /// never gets less than it has, and the end has no weights.
    #[test]
    fn traffic_never_goes_back(has in 0_u32..=100, percent in proptest::option::of(1_u32..100)) {
        let before = match has {
            0 => alias("1", &[]),
            100 => alias("2", &[]),
            has => alias("1", &[("2", f64::from(has) / 100.0)]),
        };
        let now = match shift(&change(), "2", percent, &before).unwrap() {
            Shift::There { .. } => before.clone(),
            Shift::Point { version, weights, .. } => LiveAlias { version, weights, revision_id: "n".into() },
        };
        let share = |alias: &LiveAlias| match alias.version.as_str() {
            "2" => 1.0,
            _ => alias.weights.get("2").copied().unwrap_or_default(),
        };
        prop_assert!(share(&now) >= share(&before));
        prop_assert!(now.weights.values().all(|weight| *weight > 0.0 && *weight < 1.0));
        prop_assert!(percent.is_some() || now == alias("2", &[]) || now.version == "2" && now.weights.is_empty());
        prop_assert_eq!(share(&now) * 100.0 >= f64::from(percent.unwrap_or(100)) - 0.001, true);
    }
}
