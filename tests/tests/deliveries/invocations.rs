//! Invocations of the functions, as the state machine makes them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use lockstep::verdict::Verdict;
use lockstep_tests::{Application, ENVIRONMENT, Execution, World};
use serde_json::{Value, json};

/// Every invocation of a good and of a bad deployment comes again after the end, twice.
pub async fn again_after_the_end(world: &World) {
    let app = world.application("again").await;
    let good = app.push("v2").await;
    let first = app.execution_of_push(&good).await;
    first.concluded().await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let bad = app.push_bad("v3").await;
    let second = app.execution_of_push(&bad).await;
    second.concluded().await;
    world.idle().await;
    for execution in [&first, &second] {
        let before = everything(world, &app, execution).await;
        for _ in 0..2 {
            for (function, payload) in invocations(world, &app, execution).await {
                invoke(world, &function, &payload).await;
                world.idle().await;
                let after = everything(world, &app, execution).await;
                assert!(
                    after == before,
                    "{function} with {payload} changed:\n{}",
                    difference(&before, &after)
                );
            }
        }
    }
    assert_eq!(app.snapshot().await.digest(), good);
}

/// Every invocation of a deployment that ended comes again while the next one runs.
pub async fn again_while_another_deployment_runs(world: &World) {
    let app = world.application("overlap").await;
    let old = app.push("v2").await;
    let ended = app.execution_of_push(&old).await;
    ended.concluded().await;
    let patient = app
        .manifest(&world.health_url(&app.name))
        .replace("attempts: 2", "attempts: 60");
    app.apply(&patient).await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    app.set_down(true);
    let new = app.push("v3").await;
    let running = app.execution_of_push(&new).await;
    running.reaches("VerifyWait").await;
    for (function, payload) in invocations(world, &app, &ended).await {
        invoke(world, &function, &payload).await;
    }
    assert!(
        !app.snapshot().await.is_unlocked(),
        "the lock is the running deployment's"
    );
    app.set_down(false);
    let (record, _) = running.concluded().await;
    let conclusion = record.conclusion.expect("it is concluded");
    assert_eq!(conclusion.verdict, Verdict::Succeeded, "{conclusion:?}");
    let after = app.snapshot().await;
    assert_eq!(after.digest(), new);
    assert!(after.is_unlocked());
}

/// All that an invocation of a deployment could change: the service, the ledger, and what people were told (a message
/// may come again, but no other).
async fn everything(world: &World, app: &Application<'_>, execution: &Execution<'_>) -> String {
    let snapshot = app.snapshot().await;
    let id = execution
        .deployment()
        .await
        .expect("it created a deployment");
    let ledger = world.ledger_items(&format!("deployment#{id}")).await;
    let told = world.messages(id.as_str()).into_iter();
    let told: BTreeSet<_> = told.map(|message| message.id).collect();
    format!("{snapshot:#?}\n{ledger:#?}\n{told:#?}")
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
    app: &Application<'_>,
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
    let values = values(world, app, execution).await;
    let mut entered = execution.path().await;
    // The states inside a Map are not told of in the history; its items are services here.
    for (map, inside) in [("Rollout", "Service"), ("UndoRollout", "UndoService")] {
        if entered.iter().any(|name| name == map) {
            entered.push(inside.to_owned());
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
    app: &Application<'_>,
    execution: &Execution<'_>,
) -> BTreeMap<&'static str, Value> {
    let record = execution.record().await.expect("it created a deployment");
    let conclusion = record.conclusion.clone().expect("it is concluded");
    let bad = conclusion.verdict != Verdict::Succeeded;
    let failure =
        json!({ "phase": "verify", "error": "Unhealthy", "cause": "the first one said otherwise" });
    let fence = world
        .ledger_items(&format!("env#{}#{ENVIRONMENT}", app.name))
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
        ("keys", json!([format!("lock/{}/{ENVIRONMENT}", app.name)])),
    ])
}
