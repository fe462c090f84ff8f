#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Known, artifact_of, members, needs_listing};
use crate::Only;
use crate::lambda::testing::zip;
use crate::manifest::ResolvedEnvironment;
use crate::release::Artifacts;

fn environment(functions: &[(&str, Value)]) -> ResolvedEnvironment {
    let functions: BTreeMap<_, _> = functions
        .iter()
        .map(|(name, target)| {
            (
                *name,
                json!({"target": target, "code": {"zip": "a.zip"}, "keep": 5}),
            )
        })
        .collect();
    let environment = json!({
        "application": "shop", "environment": "local", "services": {}, "functions": functions, "verify": {},
    });
    serde_json::from_value(environment).unwrap()
}

fn known(names: &[&str]) -> Known {
    let team = |name: &str| if name.ends_with('x') { "x" } else { "shop" };
    let tags = |name: &str| BTreeMap::from([("team".to_owned(), team(name).to_owned())]);
    names
        .iter()
        .map(|name| ((*name).to_owned(), tags(name)))
        .collect()
}

fn found(environment: &ResolvedEnvironment, known: &Known) -> (Vec<String>, Vec<String>) {
    found_of(environment, &Only::default(), known)
}

fn found_of(
    environment: &ResolvedEnvironment,
    only: &Only,
    known: &Known,
) -> (Vec<String>, Vec<String>) {
    let (members, failed) = members(environment, only, known);
    let member = |(component, member): (String, super::Member<'_>)| {
        format!("{component}={}", member.function)
    };
    let failed = failed.iter().map(ToString::to_string).collect();
    (members.into_iter().map(member).collect(), failed)
}

#[test]
fn groups_have_every_function_that_matches_but_those_that_are_named() {
    let environment = environment(&[
        ("api", json!({"one": "shop-api"})),
        ("workers", json!({"group": {"pattern": "shop-*"}})),
    ]);
    let known = known(&["other", "shop-a", "shop-api", "shop-b"]);
    let expected = [
        "api=shop-api",
        "workers/shop-a=shop-a",
        "workers/shop-b=shop-b",
    ];
    assert_eq!(
        found(&environment, &known),
        (expected.map(str::to_owned).to_vec(), vec![])
    );
    assert_eq!(needs_listing(&environment), (true, false));
}

#[test]
fn tags_and_pattern_must_both_fit() {
    let both = json!({"group": {"pattern": "shop-*", "tags": {"team": "x"}}});
    let environment = environment(&[("x", both)]);
    let known = known(&["shop-a", "shop-x", "other-x"]);
    assert_eq!(found(&environment, &known).0, ["x/shop-x=shop-x"]);
    assert_eq!(needs_listing(&environment), (true, true));
}

#[test]
fn a_function_named_by_itself_needs_no_list() {
    let environment = environment(&[("api", json!({"one": "shop-api"}))]);
    assert_eq!(needs_listing(&environment), (false, false));
    assert_eq!(found(&environment, &known(&[])).0, ["api=shop-api"]);
}

#[test]
fn empty_and_overlapping_groups_are_told() {
    let environment = environment(&[
        ("all", json!({"group": {"pattern": "shop-*"}})),
        (
            "none",
            json!({"group": {"pattern": "web-*", "tags": {"team": "web"}}}),
        ),
        ("some", json!({"group": {"pattern": "shop-a*"}})),
    ]);
    let (members, failed) = found(&environment, &known(&["shop-a", "shop-b"]));
    assert_eq!(members, ["all/shop-a=shop-a", "all/shop-b=shop-b"]);
    assert_eq!(
        failed,
        [
            "functions none: group: found no function that matches, expected functions with the name web-* and the tag \
             team=web; correct the group in lockstep.yaml and apply it, or create the functions",
            "function shop-a: groups: found all and some, expected one group; make the groups in lockstep.yaml tell \
             them apart and apply it, or name the function by itself",
        ]
    );
}

#[test]
fn of_a_part_only_that_is_looked_at_and_what_is_named_elsewhere_still_is() {
    let environment = environment(&[
        ("api", json!({"one": "shop-api"})),
        ("none", json!({"group": {"pattern": "web-*"}})),
        ("workers", json!({"group": {"pattern": "shop-*"}})),
    ]);
    let known = known(&["shop-a", "shop-api"]);
    let only = |name: &str| serde_json::from_value(json!({ "components": [name] })).unwrap();
    let (members, failed) = found_of(&environment, &only("workers"), &known);
    assert_eq!(
        (members, failed),
        (vec!["workers/shop-a=shop-a".to_owned()], vec![])
    );
    let (members, failed) = found_of(&environment, &only("api"), &known);
    assert_eq!((members, failed), (vec!["api=shop-api".to_owned()], vec![]));
}

#[test]
fn a_member_s_own_artifact_goes_before_its_group_s() {
    let artifacts: Artifacts = [
        ("w".to_owned(), zip('a')),
        ("w/shop-b".to_owned(), zip('b')),
    ]
    .into();
    assert_eq!(artifact_of(&artifacts, "w/shop-a"), Some(&zip('a')));
    assert_eq!(artifact_of(&artifacts, "w/shop-b"), Some(&zip('b')));
    assert_eq!(
        (
            artifact_of(&artifacts, "x/shop-a"),
            artifact_of(&artifacts, "x")
        ),
        (None, None)
    );
}
