//! Invocations of the functions, as the state machine makes them.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use lockstep::verdict::Verdict;
use lockstep_tests::{ENVIRONMENT, Execution, World};
use serde_json::{Value, json};

use crate::subject::{Subject, verdict};

/// Every invocation of a good and of a bad deployment comes again after the end, twice.
pub async fn again_after_the_end(world: &World, subject: &Subject<'_>) {
    let first = subject.deploy(2, false).await;
    assert_eq!(verdict(&first).await, Verdict::Succeeded);
    let good = subject.runs().await;
    let second = subject.deploy(3, true).await;
    assert_eq!(verdict(&second).await, Verdict::RolledBack);
    world.idle().await;
    for execution in [&first, &second] {
        let before = everything(world, subject, execution).await;
        for _ in 0..2 {
            for (function, payload) in invocations(world, subject, execution).await {
                invoke(world, &function, &payload).await;
                world.idle().await;
                let after = everything(world, subject, execution).await;
                assert!(
                    after == before,
                    "{function} with {payload} changed:\n{}",
                    difference(&before, &after)
                );
            }
        }
    }
    assert_eq!(subject.runs().await, good);
}

/// Every invocation of a deployment that ended comes again while the next one runs.
pub async fn again_while_another_deployment_runs(world: &World, subject: &Subject<'_>) {
    let ended = subject.deploy(2, false).await;
    assert_eq!(verdict(&ended).await, Verdict::Succeeded);
    let before = subject.runs().await;
    subject.be_patient(world).await;
    subject.set_down(true);
    let running = subject.deploy(3, false).await;
    running.reaches("VerifyWait").await;
    for (function, payload) in invocations(world, subject, &ended).await {
        invoke(world, &function, &payload).await;
    }
    assert!(
        !subject.is_unlocked().await,
        "the lock is the running deployment's"
    );
    let new = subject.runs().await;
    assert_ne!(new, before);
    subject.set_down(false);
    assert_eq!(verdict(&running).await, Verdict::Succeeded);
    assert_eq!(subject.runs().await, new);
    assert!(subject.is_unlocked().await);
}

/// All that an invocation of a deployment could change: what runs, the ledger, and what people were told (a message may
/// come again, but no other). The parts that a plan was made of may be made again: the plan itself stays.
async fn everything(world: &World, subject: &Subject<'_>, execution: &Execution<'_>) -> String {
    let seen = subject.look().await;
    let id = execution
        .deployment()
        .await
        .expect("it created a deployment");
    let mut ledger = world.ledger_items(&format!("deployment#{id}")).await;
    ledger.retain(|key, _| !key.starts_with("part#"));
    let told = world.messages(id.as_str()).into_iter();
    let told: BTreeSet<_> = told.map(|message| message.id).collect();
    format!("{seen}\n{ledger:#?}\n{told:#?}")
}

/// The lines that only one of them has.
fn difference(before: &str, after: &str) -> String {
    let missing = |from: &str, of: &str| -> Vec<String> {
        let lines = of
            .lines()
            .filter(|line| !from.lines().any(|other| other == *line));
        lines.map(|line| line.trim().to_owned()).collect()
    };
    format!(
        "- {}\n+ {}",
        missing(after, before).join("\n- "),
        missing(before, after).join("\n+ ")
    )
}

async fn invoke(world: &World, function: &str, payload: &Value) {
    let invoke = world.clients().lambda.invoke().function_name(function);
    let invoke = invoke.invocation_type(InvocationType::RequestResponse);
    // Whether it fails is not the point; what it changes is.
    invoke
        .payload(Blob::new(payload.to_string()))
        .send()
        .await
        .expect("the function can be invoked");
}

/// What the tasks of the state machine send, with this execution's values in the place of its variables.
async fn invocations(
    world: &World,
    subject: &Subject<'_>,
    execution: &Execution<'_>,
) -> Vec<(String, Value)> {
    let described = world
        .clients()
        .sfn
        .describe_state_machine()
        .state_machine_arn(world.state_machine());
    let described = described.send().await.expect("the state machine is there");
    let definition: Value =
        serde_json::from_str(described.definition()).expect("its definition is JSON");
    let values = values(world, subject, execution).await;
    let mut entered = execution.path().await;
    for map in ["Rollout", "UndoRollout"] {
        if entered.iter().any(|name| name == map) {
            entered.extend(subject.inside(map).iter().map(|&name| name.to_owned()));
        }
    }
    let mut found = Vec::new();
    collect(&definition, "", &mut |state, task| {
        if entered.iter().any(|name| name == state) {
            let function = task["Arguments"]["FunctionName"].as_str();
            let payload = fill(&task["Arguments"]["Payload"], &values);
            found.push((
                function.expect("a task names its function").to_owned(),
                payload,
            ));
        }
    });
    assert!(found.len() >= 9, "{} tasks of {entered:?}", found.len());
    found
}

fn collect(value: &Value, name: &str, on_task: &mut impl FnMut(&str, &Value)) {
    if value["Type"] == "Task" {
        on_task(name, value);
    }
    for (name, child) in value.as_object().into_iter().flatten() {
        collect(child, name, on_task);
    }
}

fn fill(template: &Value, values: &BTreeMap<&str, Value>) -> Value {
    match template {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), fill(value, values)))
            .collect(),
        Value::Array(items) => items.iter().map(|item| fill(item, values)).collect(),
        Value::String(text) => match text
            .strip_prefix("{% ")
            .and_then(|text| text.strip_suffix(" %}"))
        {
            None => template.clone(),
            Some(expression) if expression.contains("'lock/'") => values["keys"].clone(),
            Some(expression) => values
                .get(expression)
                .cloned()
                .unwrap_or_else(|| panic!("what is {expression}?")),
        },
        other => other.clone(),
    }
}

async fn values(
    world: &World,
    subject: &Subject<'_>,
    execution: &Execution<'_>,
) -> BTreeMap<&'static str, Value> {
    let record = execution.record().await.expect("it created a deployment");
    let conclusion = record.conclusion.clone().expect("it is concluded");
    let bad = conclusion.verdict != Verdict::Succeeded;
    let failure =
        json!({ "phase": "verify", "error": "Unhealthy", "cause": "the first one said otherwise" });
    let fence = world
        .ledger_items(&format!("env#{}#{ENVIRONMENT}", subject.name()))
        .await["lock"]["fence"]
        .clone();
    let input: Value = serde_json::from_str(&execution.input().await).expect("its input is JSON");
    BTreeMap::from([
        ("$deployment", json!(record.deployment)),
        (
            "$states.context.Execution.Name",
            json!(record.execution.name),
        ),
        ("$states.context.Execution.Id", json!(record.execution.arn)),
        (
            "$states.context.Execution.StartTime",
            json!(record.execution.started_at),
        ),
        (
            "$states.context.Task.Token",
            json!("a token that nobody waits for"),
        ),
        ("$states.input", input),
        ("$states.input.step", json!(0)),
        ("$steps", json!([0])),
        ("$fence", fence),
        ("$failure", if bad { failure } else { Value::Null }),
        ("$progress", Value::Null),
        (
            "$undo",
            if bad {
                json!([{ "step": 0 }])
            } else {
                json!([])
            },
        ),
        ("$restored", if bad { json!(true) } else { Value::Null }),
        (
            "$conclusion",
            json!({ "verdict": conclusion.verdict, "message": conclusion.message }),
        ),
        (
            "keys",
            json!([format!("lock/{}/{ENVIRONMENT}", subject.name())]),
        ),
    ])
}
