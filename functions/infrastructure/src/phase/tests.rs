//! The phase against a small CloudFormation that can fail at every call, before and after it
//! acts.

mod back;
mod faults;
mod heal;
mod overlap;
mod world;

use lockstep::stack::{Operation, ParameterValue, StackBefore, StackStep, Template};
use lockstep::{DeploymentId, Phase, PhaseError, Progress};
use lockstep_cloudformation::CloudFormation;
use lockstep_ledger::Ledger;
use sha2::{Digest, Sha256};

use super::StackPhase;
use world::{Behaviour, FakeCloudFormation, NAME, NETWORK, Shape, address, arn};

/// More rounds than any ending takes.
const ROUNDS: usize = 40;
const ID: &str = "01JD5Q6Z8G0000000000000000";

/// What the runner does with a phase, without the waiting.
async fn run(phase: &StackPhase, step: &StackStep) -> Result<String, PhaseError> {
    for _ in 0..ROUNDS {
        let seen = match phase.observe(step).await {
            Ok(Progress::NotStarted) => phase.start(step).await.map(|()| Progress::NotStarted),
            seen => seen,
        };
        match seen {
            Ok(Progress::Done { summary }) => return Ok(summary),
            Err(error) if !error.is_transient() => return Err(error),
            _ => {}
        }
    }
    panic!("no end after {ROUNDS} rounds");
}

async fn put_back(phase: &StackPhase, step: &StackStep) -> Result<String, PhaseError> {
    for _ in 0..ROUNDS {
        match phase.undo(step).await {
            Ok(Progress::Done { summary }) => return Ok(summary),
            Err(error) if !error.is_transient() => return Err(error),
            _ => {}
        }
    }
    panic!("not put back after {ROUNDS} rounds");
}

/// A ledger that nobody asks: no step of these takes an output from it.
fn no_ledger() -> Ledger {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
        .build();
    Ledger::new(aws_sdk_dynamodb::Client::from_conf(config), "ledger")
}

fn phase(fake: &FakeCloudFormation) -> StackPhase {
    StackPhase::new(CloudFormation::new(fake.client()), no_ledger())
}

fn template(name: &str) -> Template {
    Template {
        url: address(name),
        sha256: format!("{:x}", Sha256::digest(name)),
        size: 6,
    }
}

fn map(pairs: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
    let owned = pairs
        .iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
    owned.collect()
}

/// What somebody made of the stack before.
fn old_shape() -> Shape {
    Shape {
        template: address("before"),
        parameters: map(&[("Password", "hush"), ("Size", "1")]),
        tags: map(&[("team", "shop")]),
        alarms: vec!["arn:old".into()],
        minutes: "5".into(),
    }
}

/// The step that creates the stack.
fn creation() -> StackStep {
    StackStep {
        deployment: DeploymentId::parse(ID).unwrap(),
        application: "shop".into(),
        environment: "production".into(),
        component: "data".into(),
        stack: NAME.into(),
        role: Some("arn:role".into()),
        template: template("after"),
        parameters: [
            ("Password".to_owned(), ParameterValue::Previous),
            ("Size".to_owned(), ParameterValue::Text("2".into())),
            (
                "Vpc".to_owned(),
                ParameterValue::Output {
                    component: "network".into(),
                    stack: NETWORK.into(),
                    output: "VpcId".into(),
                },
            ),
        ]
        .into(),
        capabilities: vec!["CAPABILITY_IAM".into()],
        tags: map(&[("lockstep:application", "shop")]),
        alarms: vec!["arn:new".into()],
        monitoring_minutes: 0,
        termination_protection: true,
        approved: [].into(),
        serves: Vec::new(),
        skip: [].into(),
        before: None,
        heal: None,
        preview: None,
        deadline_seconds: 3600,
    }
}

/// The step that updates the stack which the world has.
fn update(fake: &FakeCloudFormation) -> StackStep {
    StackStep {
        before: Some(StackBefore {
            id: arn(1),
            template: template("before"),
            parameters: map(&[("Size", "1")]),
            hidden: ["Password".to_owned()].into(),
            tags: map(&[("team", "shop")]),
            alarms: vec!["arn:old".into()],
            monitoring_minutes: 5,
            last_operation: Some(Operation {
                token: Some("Console-1".into()),
                event: fake.newest_event(),
            }),
            ..StackBefore::default()
        }),
        ..creation()
    }
}

fn existing(behaviour: Behaviour) -> (FakeCloudFormation, StackStep) {
    let fake = FakeCloudFormation::with_stack(behaviour, old_shape());
    let step = update(&fake);
    (fake, step)
}

/// What the stack is once the step is done.
fn new_shape() -> Shape {
    Shape {
        template: address("after"),
        parameters: map(&[("Password", "hush"), ("Size", "2"), ("Vpc", "vpc-1")]),
        tags: map(&[("lockstep:application", "shop")]),
        alarms: vec!["arn:new".into()],
        minutes: "0".into(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_stack_is_updated_by_one_change_set() {
    let (fake, step) = existing(Behaviour::Completes);
    let summary = run(&phase(&fake), &step).await.unwrap();
    assert_eq!(summary, "updated; outputs TableName=orders");
    assert_eq!(fake.shape(), Some(new_shape()));
    assert!(fake.stack().unwrap().is_protected);
    let executed = fake.asked("ExecuteChangeSet");
    assert_eq!(executed.len(), 1);
    assert_eq!(executed[0]["ChangeSetName"], format!("lockstep-{ID}"));
    assert_eq!(executed[0]["ClientRequestToken"], format!("lockstep-{ID}"));
    let created = &fake.asked("CreateChangeSet")[0];
    assert_eq!(
        (
            created["ChangeSetType"].as_str(),
            created["RoleARN"].as_str()
        ),
        ("UPDATE", "arn:role")
    );
    assert_eq!(fake.count("CreateChangeSet"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stack_is_created_by_one_change_set() {
    let fake = FakeCloudFormation::empty(Behaviour::Completes);
    let summary = run(&phase(&fake), &creation()).await.unwrap();
    assert_eq!(summary, "created; outputs TableName=orders");
    assert_eq!(fake.asked("CreateChangeSet")[0]["ChangeSetType"], "CREATE");
    assert_eq!(
        (
            fake.count("CreateChangeSet"),
            fake.count("ExecuteChangeSet")
        ),
        (1, 1)
    );
    assert!(fake.stack().unwrap().is_protected);
}

#[tokio::test(start_paused = true)]
async fn a_change_set_without_changes_is_not_executed() {
    let (fake, step) = existing(Behaviour::ChangesNothing);
    let summary = run(&phase(&fake), &step).await.unwrap();
    assert_eq!(summary, "nothing to change");
    assert_eq!(fake.count("ExecuteChangeSet"), 0);
    assert_eq!(fake.shape(), Some(old_shape()));
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_by_the_resource_that_failed_first() {
    let (fake, step) = existing(Behaviour::Fails);
    let failed = run(&phase(&fake), &step).await.unwrap_err();
    let told = failed.to_string();
    assert!(
        told.starts_with(
            "stack shop-production-data: Table (AWS::DynamoDB::Table) failed: Limit exceeded for tables; \
             its events: https://eu-west-1.console"
        ),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_guard_stops_what_would_destroy_data() {
    let (fake, step) = existing(Behaviour::Replaces);
    let phase = phase(&fake);
    let refused = run(&phase, &step).await.unwrap_err();
    assert_eq!(refused.name(), "Rejected");
    assert!(
        refused.to_string().contains("--approve data/Table"),
        "{refused}"
    );
    assert_eq!(
        put_back(&phase, &step).await.unwrap(),
        "nothing had been changed"
    );
    assert_eq!(fake.shape(), Some(old_shape()));
    assert_eq!(fake.change_sets(), Vec::<String>::new());
    assert_eq!(fake.count("ExecuteChangeSet"), 0);
}

#[tokio::test(start_paused = true)]
async fn what_was_approved_passes_the_guard() {
    let (fake, step) = existing(Behaviour::Replaces);
    let step = StackStep {
        approved: ["Table".to_owned()].into(),
        ..step
    };
    run(&phase(&fake), &step).await.unwrap();
    assert_eq!(fake.shape(), Some(new_shape()));
}

#[tokio::test(start_paused = true)]
async fn an_output_that_is_not_there_is_named() {
    let (fake, mut step) = existing(Behaviour::Completes);
    let missing = ParameterValue::Output {
        component: "network".into(),
        stack: NETWORK.into(),
        output: "Subnet".into(),
    };
    step.parameters.insert("Vpc".into(), missing);
    assert_eq!(
        run(&phase(&fake), &step).await.unwrap_err().to_string(),
        "stack shop-production-data: parameter Vpc is the output Subnet of stack shop-production-network, which has \
         no such output; add it to that stack's template, or correct lockstep.yaml, then deploy again"
    );
    assert_eq!(fake.count("CreateChangeSet"), 0);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_did_meanwhile_is_not_overwritten() {
    let (fake, step) = existing(Behaviour::Completes);
    fake.change(|state| state.foreign_update("theirs"));
    let phase = phase(&fake);
    assert_eq!(run(&phase, &step).await.unwrap_err().name(), "Diverged");
    let theirs = fake.shape();
    assert_eq!(
        put_back(&phase, &step).await.unwrap(),
        "nothing had been changed"
    );
    assert_eq!((fake.shape(), fake.count("CreateChangeSet")), (theirs, 0));
}
