//! What a person does about infrastructure from the command line: the real command against stacks of the local engine.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise, and says so on the terminal"
)]

mod command;
mod repair;

use std::fs;

use aws_sdk_cloudwatch::types::{ComparisonOperator, StateValue, Statistic};
use command::lockstep;
use lockstep_cli::local::emulator::ACCOUNT;
use lockstep_cli::local::gateway::{ResourceAction, ResourceFault};
use lockstep_tests::{ENVIRONMENT, Shape, World, eventually, run, shared};
use serde_json::Value;
use tempfile::TempDir;

/// A manifest with one stack, beside its template.
fn folder(name: &str, template: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let manifest = format!(
        "application: {name}\nstacks:\n  data:\n    template: data.yaml\n    role: arn:aws:iam::{ACCOUNT}:role/stacks\n\
         environments:\n  {ENVIRONMENT}: {{ verify: {{ settle_seconds: 0 }} }}\n"
    );
    fs::write(folder.path().join("lockstep.yaml"), manifest).unwrap();
    fs::write(folder.path().join("data.yaml"), template).unwrap();
    folder
}

fn resource<'a>(report: &'a Value, kind: &str) -> &'a Value {
    let all = report["resources"].as_array().unwrap();
    let found = all.iter().find(|it| it["kind"] == kind);
    found.unwrap_or_else(|| panic!("no {kind} in {report}"))
}

const TOPIC: &str = "Resources:\n  Topic: { Type: AWS::SNS::Topic }\n";

#[test]
fn one_command_takes_a_new_application_into_an_empty_environment() {
    run(async {
        let Some(world) = shared("infrastructure_cli").await else {
            return;
        };
        let folder = folder("newborn", TOPIC);
        let before = lockstep(world, &folder, &["verify", ENVIRONMENT]).await;
        assert_eq!(before.code, 1, "{before:?}");
        let report = before.json();
        assert_eq!(report["manifest_version"], Value::Null);
        let stack = resource(&report, "stack");
        assert_eq!(stack["state"], "missing", "{report}");
        let todo = stack["todo"].as_str().unwrap();
        assert!(todo.contains("lockstep deploy test"), "{todo}");

        let deployed = lockstep(world, &folder, &["deploy", ENVIRONMENT, "--apply"]).await;
        assert_eq!(deployed.code, 0, "{deployed:?}");
        let applied = deployed.lines().next().unwrap();
        assert_eq!(
            (&applied["event"], &applied["version"]),
            (&"applied".into(), &1.into())
        );
        assert_eq!(deployed.last()["outcome"], "SUCCEEDED", "{deployed:?}");

        let after = lockstep(world, &folder, &["verify", ENVIRONMENT]).await;
        assert_eq!(after.code, 0, "{after:?}");
        let report = after.json();
        assert_eq!(report["complete"], true, "{report}");
        assert_eq!(report["manifest_version"], 1);
        assert_eq!(resource(&report, "stack")["note"], "CREATE_COMPLETE");

        let again = lockstep(world, &folder, &["deploy", ENVIRONMENT, "--apply"]).await;
        assert_eq!(again.code, 0, "{again:?}");
        assert_eq!(again.lines().next().unwrap()["changed"], false);
        assert_eq!(again.last()["outcome"], "NO_CHANGE", "{again:?}");

        let healthy = lockstep(world, &folder, &["doctor", ENVIRONMENT]).await;
        assert_eq!(healthy.code, 0, "{healthy:?}");
        assert_eq!(healthy.json()["stacks"][0]["state"], "healthy");
    });
}

#[test]
fn a_stack_that_was_never_created_to_the_end_is_told_and_healed() {
    run(async {
        let Some(world) = shared("infrastructure_cli").await else {
            return;
        };
        let folder = folder("halfborn", TOPIC);
        let applied = lockstep(world, &folder, &["apply"]).await;
        assert_eq!(applied.code, 0, "{applied:?}");
        spoil(world, "halfborn-test-data").await;

        let verified = lockstep(world, &folder, &["verify", ENVIRONMENT]).await;
        assert_eq!(verified.code, 1, "{verified:?}");
        let report = verified.json();
        assert_eq!(resource(&report, "stack")["state"], "faulty", "{report}");

        let told = lockstep(world, &folder, &["doctor", ENVIRONMENT, "data"]).await;
        assert_eq!(told.code, 1, "{told:?}");
        let report = told.json();
        let stack = &report["stacks"][0];
        assert_eq!(stack["state"], "curable", "{report}");
        let cause = stack["cause"].as_str().unwrap();
        assert!(
            cause.starts_with("Topic (AWS::SNS::Topic) failed: There are too many topics"),
            "{cause}"
        );

        let asked = lockstep(world, &folder, &["doctor", ENVIRONMENT, "--heal"]).await;
        assert_eq!(asked.code, 2, "nobody agreed: {asked:?}");
        assert!(asked.said.contains("--yes"), "{asked:?}");
        let healed = lockstep(world, &folder, &["doctor", ENVIRONMENT, "--heal", "--yes"]).await;
        assert_eq!(healed.code, 0, "{healed:?}");
        assert_eq!(healed.last()["status"], "DELETE_COMPLETE", "{healed:?}");
        let gone = lockstep(world, &folder, &["doctor", ENVIRONMENT]).await;
        assert_eq!(gone.json()["stacks"][0]["state"], "absent", "{gone:?}");

        let deployed = lockstep(world, &folder, &["deploy", ENVIRONMENT]).await;
        assert_eq!(deployed.last()["outcome"], "SUCCEEDED", "{deployed:?}");
        let refused = ["doctor", ENVIRONMENT, "data", "--delete", "--yes"];
        let refused = lockstep(world, &folder, &refused).await;
        assert_eq!(refused.code, 2, "a good stack stays: {refused:?}");
    });
}

const RUNNING: &str = "Parameters:\n  Note: { Type: String }\nResources:\n  Topic: { Type: AWS::SNS::Topic }\n  \
                       Noted:\n    Type: AWS::SSM::Parameter\n    \
                       Properties: { Name: /found/note, Type: String, Value: !Ref Note }\n";

#[test]
fn what_runs_is_taken_over_without_a_change() {
    run(async {
        let Some(world) = shared("infrastructure_cli").await else {
            return;
        };
        let app = world.application("found").await;
        let fleet = world.fleet("foundling", Shape::aliased(1)).await;
        create(world, "found-net").await;
        let folder = tempfile::tempdir().unwrap();
        let (service, function) = (format!("{}/web", app.name), fleet.function(1));
        let init = [
            "init",
            "--application",
            "found-again",
            "--environment",
            ENVIRONMENT,
            "--from-stack",
            "found-net",
            "--from-service",
            &service,
            "--from-function",
            function,
        ];
        let written = lockstep(world, &folder, &init).await;
        assert_eq!(written.code, 0, "{written:?}");
        println!(
            "{}",
            fs::read_to_string(folder.path().join("lockstep.yaml")).unwrap()
        );
        let again = lockstep(world, &folder, &init).await;
        assert_eq!(again.code, 2, "nothing is overwritten: {again:?}");
        let valid = lockstep(world, &folder, &["validate"]).await;
        assert_eq!(valid.code, 0, "{valid:?}");
        // The emulator forgets the role of a stack; a person names one, as the remark says.
        let remarks = written.json()["remarks"].to_string();
        assert!(remarks.contains("has no role of its own"), "{remarks}");
        let file = folder.path().join("lockstep.yaml");
        let text = fs::read_to_string(&file).unwrap();
        let role = format!("    role: arn:aws:iam::{ACCOUNT}:role/stacks #");
        fs::write(&file, text.replacen("    # role:", &role, 1)).unwrap();
        let deployed = lockstep(world, &folder, &["deploy", ENVIRONMENT, "--apply"]).await;
        assert_eq!(deployed.last()["outcome"], "NO_CHANGE", "{deployed:?}");
        let verified = lockstep(world, &folder, &["verify", ENVIRONMENT]).await;
        assert_eq!(verified.code, 0, "{verified:?}");
        let report = verified.json();
        let missing = report["resources"].as_array().unwrap().iter();
        // What others read is told by the first deployment that changes something.
        let missing: Vec<_> = missing
            .filter(|it| it["state"] != "found")
            .filter(|it| it["kind"] != "parameter" || it["state"] != "awaited")
            .collect();
        assert!(missing.is_empty(), "{missing:#?}");
        let role = resource(&verified.json(), "function role").clone();
        assert_eq!(role["state"], "found", "{role}");
    });
}

#[test]
fn alarms_that_have_things_put_back_are_looked_at() {
    run(async {
        let Some(world) = shared("infrastructure_cli").await else {
            return;
        };
        let folder = folder("alarmed", TOPIC);
        let file = folder.path().join("lockstep.yaml");
        let text = fs::read_to_string(&file).unwrap();
        let alarms = "    template: data.yaml\n    alarms: [alarmed-errors]\n";
        fs::write(&file, text.replacen("    template: data.yaml\n", alarms, 1)).unwrap();
        let looked = async || {
            let verified = lockstep(world, &folder, &["verify", ENVIRONMENT]).await;
            resource(&verified.json(), "alarm").clone()
        };
        let missing = looked().await;
        assert_eq!(missing["state"], "missing", "{missing}");
        assert!(
            missing["todo"]
                .as_str()
                .unwrap()
                .contains("nothing is put back by it")
        );

        let cloudwatch = &world.clients().cloudwatch;
        let put = cloudwatch.put_metric_alarm().alarm_name("alarmed-errors");
        let put = put.namespace("AWS/Lambda").metric_name("Errors");
        let put = put
            .statistic(Statistic::Sum)
            .period(60)
            .evaluation_periods(1);
        let put = put.comparison_operator(ComparisonOperator::GreaterThanThreshold);
        put.threshold(0.0).send().await.unwrap();
        assert_eq!(looked().await["state"], "found");

        let set = cloudwatch.set_alarm_state().alarm_name("alarmed-errors");
        let set = set
            .state_value(StateValue::Alarm)
            .state_reason("9 is too many");
        set.send().await.unwrap();
        let faulty = looked().await;
        assert_eq!(faulty["state"], "faulty", "{faulty}");
    });
}

/// Has somebody create a stack.
async fn create(world: &World, stack: &str) {
    let cloudformation = &world.clients().cloudformation;
    let note = aws_sdk_cloudformation::types::Parameter::builder();
    let note = note.parameter_key("Note").parameter_value("a: b").build();
    let create = cloudformation.create_stack().stack_name(stack);
    let role = format!("arn:aws:iam::{ACCOUNT}:role/stacks");
    let create = create
        .template_body(RUNNING)
        .parameters(note)
        .role_arn(role);
    create.send().await.unwrap();
    eventually("the stack is created", async || {
        let found = cloudformation.describe_stacks().stack_name(stack);
        let found = found.send().await.unwrap();
        let status = found.stacks().first()?.stack_status()?.as_str().to_owned();
        (status == "CREATE_COMPLETE").then_some(())
    })
    .await;
}

/// Has somebody create the stack in vain.
async fn spoil(world: &World, stack: &str) {
    let fault = ResourceFault::on(stack, "Topic", ResourceAction::Create);
    let fault = fault.fails("There are too many topics").times(1);
    let gateway = world.engine().gateway();
    gateway.hit_resources(&[fault]).await.unwrap();
    let cloudformation = &world.clients().cloudformation;
    let create = cloudformation.create_stack().stack_name(stack);
    create.template_body(TOPIC).send().await.unwrap();
    eventually("the creation is rolled back", async || {
        let found = cloudformation.describe_stacks().stack_name(stack);
        let found = found.send().await.unwrap();
        let status = found.stacks().first()?.stack_status()?.as_str().to_owned();
        (status == "ROLLBACK_COMPLETE").then_some(())
    })
    .await;
}
