use std::collections::BTreeMap;

use jiff::Timestamp;
use lockstep::manifest::{ResolvedEnvironment, ResolvedStack};
use lockstep::record::DeploymentRecord;
use lockstep::release::Artifacts;
use lockstep::stack::{ParameterValue, StackStep};
use lockstep_sources::{Known, Sources};
use serde_json::{Value, json};

use super::{Outcome, Wanted};
use crate::progress::Progress;
use crate::world::{ID, TEMPLATE, World, sha};

/// A manifest with one stack, `data`, and these fields of it.
fn environment(more: &Value) -> ResolvedEnvironment {
    let mut stack = json!({
        "stack": "shop-test-data", "role": "arn:aws:iam::1:role/stacks", "timeout_seconds": 3600, "monitoring_minutes": 0,
        "termination_protection": false, "tags": {"lockstep:application": "shop", "lockstep:environment": "test"},
        "template": {"stored": {"url": "https://b.s3.eu-west-1.amazonaws.com/new", "sha256": sha(TEMPLATE), "size": 3}},
    });
    for (name, value) in more.as_object().unwrap() {
        stack[name] = value.clone();
    }
    let verify = json!({"http": [], "settle_seconds": 0});
    let environment = json!({
        "application": "shop", "environment": "test", "services": {}, "stacks": {"data": stack}, "verify": verify,
    });
    serde_json::from_value(environment).unwrap()
}

fn record(approved: &[&str]) -> DeploymentRecord {
    serde_json::from_value(json!({
        "id": ID, "application": "shop", "environment": "test",
        "execution": {"name": "x", "arn": "arn:aws:states:eu-west-1:1:execution:m:x", "started_at": "2026-11-20T10:00:00Z"},
        "source": {"kind": "manual", "by": "ann"}, "manifest_version": 3, "requested": {}, "approved": approved,
    }))
    .unwrap()
}

/// One look at the stack, in the first or a later minute.
async fn look_at(world: &World, stack: &Value, approved: &[&str], minutes: i64) -> Outcome {
    let (environment, record) = (environment(stack), record(approved));
    let since = Timestamp::UNIX_EPOCH;
    let known = [(
        "network".to_owned(),
        Known::Outputs([("Vpc".to_owned(), "vpc-1".to_owned())].into()),
    )];
    let resolved: &ResolvedStack = &environment.stacks["data"];
    let wanted = Wanted {
        component: "data",
        resolved,
        sources: Sources {
            deployment: &record.deployment,
            record: &record,
            environment: &environment,
            verified: &Artifacts::new(),
            known: &BTreeMap::from(known),
        },
        progress: &Progress::begin(since),
        now: since + jiff::SignedDuration::from_mins(minutes),
    };
    world.planner().look(wanted).await.unwrap()
}

async fn look(world: &World, stack: Value) -> Outcome {
    look_at(world, &stack, &[], 0).await
}

fn step(outcome: Outcome) -> StackStep {
    match outcome {
        Outcome::Step(planned) => planned.step,
        other => panic!("{other:?}"),
    }
}

fn failed(outcome: Outcome) -> Vec<String> {
    match outcome {
        Outcome::Failed(checks) => checks.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

const PENDING: &str = "<Status>CREATE_PENDING</Status>";
const EMPTY: &str = "<Status>FAILED</Status><StatusReason>The submitted information didn't contain changes.</StatusReason>";
const REPLACED: &str = "<Status>CREATE_COMPLETE</Status><ExecutionStatus>AVAILABLE</ExecutionStatus><Changes><member>\
     <ResourceChange><Action>Modify</Action><LogicalResourceId>Orders</LogicalResourceId>\
     <ResourceType>AWS::DynamoDB::Table</ResourceType><Replacement>True</Replacement><Details><member><Target>\
     <Attribute>Properties</Attribute><Name>KeySchema</Name><RequiresRecreation>Always</RequiresRecreation>\
     <BeforeValue>id</BeforeValue><AfterValue>orderId</AfterValue></Target></member></Details></ResourceChange>\
     </member></Changes>";

#[tokio::test]
async fn a_new_stack_gets_a_step_and_no_change_set() {
    let world = World::default();
    let step = step(look(&world, json!({})).await);
    assert_eq!((step.before, step.preview), (None, None));
    assert!(!world.asked().contains(&"CreateChangeSet".to_owned()));
}

#[tokio::test]
async fn a_stack_that_is_as_wanted_costs_no_change_set() {
    let world = World::with_stack("UPDATE_COMPLETE", TEMPLATE);
    let outcome = look(&world, json!({"parameters": {"Size": {"text": "1"}}})).await;
    assert!(matches!(outcome, Outcome::Unchanged(_)), "{outcome:?}");
    assert!(!world.asked().contains(&"CreateChangeSet".to_owned()));
}

#[tokio::test]
async fn changes_are_compared_by_cloudformation_and_what_was_there_is_kept() {
    let world = World::with_stack("UPDATE_COMPLETE", "old").change_set(PENDING);
    let outcome = look(&world, json!({})).await;
    assert!(matches!(outcome, Outcome::NotYet(_)), "{outcome:?}");
    let stored = format!("templates/shop/{}", sha("old"));
    assert_eq!(world.stored(), [stored]);
    let later = look_at(&world, &json!({}), &[], 60).await;
    assert!(failed(later)[0].contains("after 60 minutes CloudFormation compares"));
}

#[tokio::test]
async fn an_empty_change_set_is_no_change_and_is_deleted() {
    let world = World::with_stack("UPDATE_COMPLETE", "old").change_set(EMPTY);
    let outcome = look(&world, json!({})).await;
    assert!(matches!(outcome, Outcome::Unchanged(_)), "{outcome:?}");
    assert_eq!(world.asked().last().unwrap(), "DeleteChangeSet");
}

#[tokio::test]
async fn only_the_protection_is_a_change_too() {
    let world = World::with_stack("UPDATE_COMPLETE", TEMPLATE).change_set(EMPTY);
    let protected = step(look(&world, json!({"termination_protection": true})).await);
    assert!(protected.termination_protection && protected.preview.is_none());
}

#[tokio::test]
async fn the_guard_stops_what_nobody_allowed() {
    let world = World::with_stack("UPDATE_COMPLETE", "old").change_set(REPLACED);
    let checks = failed(look(&world, json!({})).await);
    assert_eq!(
        checks,
        [
            "stack shop-test-data: guard: found Orders (AWS::DynamoDB::Table): replaced because KeySchema id -> orderId, expected \
          nothing that holds data to be replaced or deleted; if it is meant, allow it once with `lockstep deploy test \
          --approve data/Orders`, or for good with `replaceable: [Orders]` of the stack data in lockstep.yaml"
        ]
    );
    assert_eq!(world.asked().last().unwrap(), "DeleteChangeSet");
    let allowed = step(look(&world, json!({"replaceable": ["Orders"]})).await);
    assert_eq!(allowed.preview.unwrap().changes.len(), 1);
    let approved = look_at(&world, &json!({}), &["data/Orders"], 0).await;
    let approved = step(approved);
    assert!(approved.approved.contains("Orders"));
    let before = approved.before.unwrap();
    assert_eq!(before.template.sha256, sha("old"));
    assert_eq!(before.parameters["Size"], "1");
    assert!(before.hidden.contains("Secret") && !before.parameters.contains_key("Secret"));
}

#[tokio::test]
async fn values_come_from_where_the_manifest_says() {
    let world = World::default();
    let parameters = json!({
        "Size": {"output": {"component": "network", "output": "Vpc"}},
        "Secret": {"text": "x"},
    });
    let checks = failed(look(&world, json!({"parameters": parameters})).await);
    assert!(checks[0].contains("could not be put back"), "{checks:?}");
    let parameters = json!({"Size": {"output": {"component": "network", "output": "Vpc"}}});
    let known = step(look(&world, json!({"parameters": parameters})).await);
    assert_eq!(
        known.parameters["Size"],
        ParameterValue::Text("vpc-1".into())
    );
    let parameters = json!({"Size": {"output": {"component": "later", "output": "Vpc"}}});
    let unknown = step(look(&world, json!({"parameters": parameters})).await);
    assert!(matches!(
        unknown.parameters["Size"],
        ParameterValue::Output { .. }
    ));
    let parameters = json!({"Size": {"output": {"component": "network", "output": "Vcp"}}});
    let checks = failed(look(&world, json!({"parameters": parameters})).await);
    assert!(
        checks[0].contains("did you mean network.Vpc?"),
        "{checks:?}"
    );
}

#[tokio::test]
async fn parameters_of_ssm_are_read_and_secrets_are_not() {
    let world = World::default();
    let of = |name: &str| json!({"parameters": {"Size": {"ssm": name}}});
    let read = step(look(&world, of("/shared/size")).await);
    assert_eq!(
        read.parameters["Size"],
        ParameterValue::Text("large".into())
    );
    let checks = failed(look(&world, of("/shared/secret")).await);
    assert!(checks[0].contains("{{resolve:ssm-secure:/shared/secret}}"));
    let checks = failed(look(&world, of("/shared/none")).await);
    assert!(checks[0].contains("no SSM parameter /shared/none"));
}

#[tokio::test]
async fn an_image_that_nobody_has_yet_is_the_fallback() {
    let world = World::default();
    let image = json!({"image": {"component": "web/web", "fallback": "nginx:1.27"}});
    let step = step(look(&world, json!({"parameters": {"Size": image}})).await);
    let expected = ParameterValue::Text("nginx:1.27".into());
    assert_eq!(step.parameters["Size"], expected);
    let image = json!({"image": {"component": "web/web"}});
    let checks = failed(look(&world, json!({"parameters": {"Size": image}})).await);
    assert!(checks[0].contains("--image web/web=TAG"), "{checks:?}");
}

#[tokio::test]
async fn what_the_template_needs_is_asked_for_before() {
    let world = World::default().capabilities("CAPABILITY_NAMED_IAM");
    let checks = failed(look(&world, json!({"role": null})).await);
    assert_eq!(checks.len(), 2);
    assert!(checks[0].contains("add `capabilities: [CAPABILITY_NAMED_IAM]`"));
    assert!(checks[1].contains("examples/stack-role.yaml"));
}

#[tokio::test]
async fn stacks_of_others_and_the_controllers_own_are_left_alone() {
    let world = World::with_stack("UPDATE_COMPLETE", "old")
        .tags("<member><Key>lockstep:application</Key><Value>other</Value></member>");
    let checks = failed(look(&world, json!({})).await);
    assert!(checks[0].contains("the tags of other in no environment"));
    let checks = failed(look(&world, json!({"stack": "lockstep"})).await);
    assert!(checks[0].contains("the stack of Lockstep itself"));
}

#[tokio::test]
async fn a_stack_at_work_is_waited_for_and_a_broken_one_is_healed() {
    let world = World::with_stack("UPDATE_IN_PROGRESS", "old");
    let outcome = look(&world, json!({})).await;
    assert!(matches!(outcome, Outcome::NotYet(_)), "{outcome:?}");
    let world = World::with_stack("ROLLBACK_COMPLETE", "old");
    let step = step(look(&world, json!({})).await);
    assert_eq!(step.heal, Some(lockstep::stack::Heal::DeleteAndCreate));
    assert_eq!(step.before, None);
}
