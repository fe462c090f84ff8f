#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use super::{FoundParameter, ParameterChange, ParameterWrite, owner_tags};
use crate::DeploymentId;
use crate::record::DeploymentRef;

const NAME: &str = "/lockstep/shop/production/thumbs/image";

fn owner() -> DeploymentRef {
    DeploymentRef {
        id: DeploymentId::for_execution("x", "arn", 0),
        application: "shop".into(),
        environment: "production".into(),
    }
}

fn found(value: &str, tags: &[(&str, &str)]) -> FoundParameter {
    let tags = tags.iter();
    FoundParameter {
        value: value.into(),
        kind: "String".into(),
        tags: tags
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
    }
}

fn ours(value: &str) -> FoundParameter {
    found(value, &owner_tags(&owner()))
}

fn change(before: Option<&str>, after: &str) -> ParameterChange {
    ParameterChange {
        name: NAME.into(),
        before: before.map(str::to_owned),
        after: after.into(),
    }
}

fn plan(found: Option<&FoundParameter>) -> Result<Option<ParameterChange>, String> {
    let planned = ParameterChange::plan(&owner(), NAME.into(), "new".into(), found);
    planned.map_err(|check| check.to_string())
}

#[test]
fn our_own_and_missing_parameters_are_planned() {
    assert_eq!(plan(None), Ok(Some(change(None, "new"))));
    assert_eq!(
        plan(Some(&ours("old"))),
        Ok(Some(change(Some("old"), "new")))
    );
    assert_eq!(plan(Some(&ours("new"))), Ok(None));
}

#[test]
fn a_stacks_parameter_is_a_conflict_that_names_the_stack() {
    let stacks = found("secret", &[("aws:cloudformation:stack-name", "shop-base")]);
    let told = plan(Some(&stacks)).unwrap_err();
    assert_eq!(
        told,
        "parameter /lockstep/shop/production/thumbs/image: found one of the CloudFormation stack shop-base, expected \
         none, or Lockstep's own for shop/production; take it out of the template of shop-base, or give what is \
         published there another name in lockstep.yaml"
    );
    let first = change(None, "new");
    let refused = first.publish(&owner(), Some(&stacks)).unwrap_err();
    assert_eq!((refused.name(), refused.to_string()), ("Rejected", told));
    assert_eq!(
        change(None, "secret").put_back(&owner(), Some(&stacks)),
        ParameterWrite::Nothing
    );
}

#[test]
fn anybody_elses_parameter_is_a_conflict_with_the_way_to_hand_it_over() {
    // Even where it has the value that is wanted: the next release could not change it.
    let told = plan(Some(&found("new", &[("team", "shop")]))).unwrap_err();
    assert!(told.contains("found one that somebody else made"), "{told}");
    assert!(
        told.ends_with(
            "aws ssm add-tags-to-resource --resource-type Parameter --resource-id \
             /lockstep/shop/production/thumbs/image --tags Key=lockstep:application,Value=shop \
             Key=lockstep:environment,Value=production"
        ),
        "{told}"
    );
    assert!(!told.contains("new"), "{told}");
    let other = [
        ("lockstep:application", "shop"),
        ("lockstep:environment", "staging"),
    ];
    let told = plan(Some(&found("old", &other))).unwrap_err();
    assert!(
        told.contains("found Lockstep's own for shop/staging"),
        "{told}"
    );
}

#[test]
fn a_secret_of_our_own_is_no_place_for_what_templates_read() {
    let mut secret = ours("old");
    secret.kind = "SecureString".into();
    let told = plan(Some(&secret)).unwrap_err();
    assert!(
        told.contains("found a SecureString, expected a String"),
        "{told}"
    );
}

#[test]
fn what_is_planned_is_written_once() {
    let owner = owner();
    let (first, next) = (change(None, "new"), change(Some("old"), "new"));
    assert_eq!(
        first.publish(&owner, None),
        Ok(ParameterWrite::Create("new"))
    );
    assert_eq!(
        next.publish(&owner, Some(&ours("old"))),
        Ok(ParameterWrite::Overwrite("new"))
    );
    for change in [&first, &next] {
        let again = change.publish(&owner, Some(&ours("new")));
        assert_eq!(again, Ok(ParameterWrite::Nothing));
    }
}

#[test]
fn what_somebody_changed_since_the_plan_is_not_overwritten() {
    let owner = owner();
    for (before, found, words) in [
        (
            Some("old"),
            Some(ours("other")),
            "expected old, found other",
        ),
        (Some("old"), None, "expected old, found no such parameter"),
        (
            None,
            Some(ours("other")),
            "expected no such parameter, found other",
        ),
    ] {
        let change = change(before, "new");
        let error = change.publish(&owner, found.as_ref()).unwrap_err();
        assert_eq!(
            (error.name(), error.to_string()),
            (
                "Diverged",
                format!("parameter {NAME} was changed by someone else: {words}")
            )
        );
        assert_eq!(
            change.put_back(&owner, found.as_ref()),
            ParameterWrite::Nothing
        );
    }
}

#[test]
fn exactly_what_was_there_is_put_back() {
    let owner = owner();
    assert_eq!(
        change(Some("old"), "new").put_back(&owner, Some(&ours("new"))),
        ParameterWrite::Overwrite("old")
    );
    assert_eq!(
        change(None, "new").put_back(&owner, Some(&ours("new"))),
        ParameterWrite::Delete
    );
    assert_eq!(
        change(Some("old"), "new").put_back(&owner, Some(&ours("old"))),
        ParameterWrite::Nothing
    );
}
