//! Retries, catchers and timeouts.

use std::collections::BTreeSet;
use std::time::Duration;

use lockstep::PhaseError;
use serde_json::Value;

use crate::machine::{Machine, error_names, text};

/// Errors that say nothing about the deployment: the function could not be asked.
const OF_LAMBDA: [&str; 8] = [
    "Lambda.AWSLambdaException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.SdkClientException",
    "Lambda.ServiceException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
];

/// Errors of a function inside a VPC whose network interface is being made: after weeks
/// without a call Lambda takes it away, and the first call finds the function pending.
const OF_VPC: [&str; 6] = [
    "Lambda.EC2ThrottledException",
    "Lambda.EC2UnexpectedException",
    "Lambda.ENILimitReachedException",
    "Lambda.ResourceConflictException",
    "Lambda.ResourceNotReadyException",
    "Lambda.SubnetIPAddressLimitReachedException",
];

const OF_STEP_FUNCTIONS: [&str; 2] = ["States.ALL", "States.Timeout"];

/// No error: the phase is not done, and no event would wake it.
const CONTINUE: &str = "Continue";

#[test]
fn only_known_integrations_are_used() {
    for task in Machine::load().tasks() {
        let resource = task.body["Resource"].as_str().unwrap();
        assert!(
            matches!(
                resource,
                "arn:aws:states:::lambda:invoke"
                    | "arn:aws:states:::lambda:invoke.waitForTaskToken"
            ),
            "{}: {resource}",
            task.name
        );
    }
}

#[test]
fn the_catch_all_is_last_and_alone() {
    for state in Machine::load().states {
        for rules in [state.retriers(), state.catchers()] {
            for (position, rule) in rules.iter().enumerate() {
                let names = error_names(rule);
                if names.contains("States.ALL") {
                    assert_eq!(names.len(), 1, "{}: States.ALL is not alone", state.name);
                    assert_eq!(
                        position,
                        rules.len() - 1,
                        "{}: States.ALL is not last",
                        state.name
                    );
                }
            }
        }
    }
}

#[test]
fn no_error_is_named_that_nobody_raises() {
    let mut known: BTreeSet<&str> = OF_LAMBDA
        .into_iter()
        .chain(OF_VPC)
        .chain(OF_STEP_FUNCTIONS)
        .chain([CONTINUE])
        .collect();
    known.extend(phase_errors().iter().map(PhaseError::name));
    for state in Machine::load().states {
        for rule in state.retriers().iter().chain(state.catchers()) {
            let unknown: Vec<_> = error_names(rule).difference(&known).copied().collect();
            assert!(unknown.is_empty(), "{}: {unknown:?}", state.name);
        }
    }
}

#[test]
fn every_call_is_repeated_when_it_could_not_be_made() {
    let wanted: BTreeSet<&str> = OF_LAMBDA.into_iter().chain(["Transient"]).collect();
    for task in Machine::load().tasks() {
        let first = error_names(&task.retriers()[0]);
        let all = first.contains("States.ALL");
        assert!(
            all || first.is_superset(&wanted),
            "{}: {first:?}",
            task.name
        );
    }
}

#[test]
fn a_phase_that_waits_is_asked_again_until_its_own_deadline() {
    let machine = Machine::load();
    for task in machine.token_tasks() {
        let again = task
            .retriers()
            .iter()
            .find(|retrier| error_names(retrier).contains("States.Timeout"));
        let again = again.unwrap_or_else(|| panic!("{} is not asked again", task.name));
        assert_eq!(error_names(again).len(), 1, "{}", task.name);
        assert_eq!(
            again["BackoffRate"], 1.0,
            "{}: asked ever less often",
            task.name
        );
        assert_eq!(again["MaxAttempts"], 4000, "{}", task.name);
        let payload = task.payload();
        assert_eq!(
            payload["task_token"], "{% $states.context.Task.Token %}",
            "{}",
            task.name
        );
    }
    let polled = text().matches("\"TimeoutSeconds\": ${PollSeconds}").count();
    let woken = machine
        .token_tasks()
        .filter(|task| !["Function", "Site"].contains(&task.function()));
    assert_eq!(polled, woken.count());
}

/// Nothing wakes the function phase, and it works for most of its time: it is asked again when it
/// says so, and never while an earlier attempt may still be at work.
#[test]
fn a_phase_that_works_for_long_says_itself_when_to_ask_again() {
    let machine = Machine::load();
    let mut tasks = 0;
    for task in machine
        .token_tasks()
        .filter(|task| ["Function", "Site"].contains(&task.function()))
    {
        let again = task
            .retriers()
            .iter()
            .find(|retrier| error_names(retrier) == BTreeSet::from([CONTINUE]));
        let again = again.unwrap_or_else(|| panic!("{} does not go on", task.name));
        assert_eq!(again["MaxAttempts"], 4000, "{}", task.name);
        // CloudFront takes minutes, Lambda seconds.
        let seconds = if task.function() == "Site" { 3 } else { 1 };
        assert_eq!(again["IntervalSeconds"], seconds, "{}", task.name);
        assert_eq!(again["BackoffRate"], 1.0, "{}", task.name);
        tasks += 1;
    }
    let waits = text()
        .matches("\"TimeoutSeconds\": ${FunctionSeconds}")
        .count();
    assert_eq!((tasks, waits), (4, 5), "do and undo, and prune");
}

/// An execution may have 25,000 events. An attempt costs four: scheduled, started, submitted,
/// timed out.
#[test]
fn asking_for_as_long_as_an_execution_may_take_fits_into_its_history() {
    let machine = Machine::load();
    let longest = machine.body["TimeoutSeconds"].as_u64().unwrap();
    for task in machine.token_tasks() {
        let attempt = task.body["TimeoutSeconds"].as_u64().unwrap() + 1;
        assert!(longest / attempt * 4 < 25_000, "{}", task.name);
    }
}

#[test]
fn every_failure_is_caught_but_that_of_conclude() {
    for state in Machine::load().states {
        match (state.kind(), state.name.as_str()) {
            ("Task", "Conclude") => {
                assert!(state.catchers().is_empty(), "the watchdog takes over");
                assert!(error_names(&state.retriers()[0]).contains("States.ALL"));
            }
            ("Task" | "Map", name) => {
                let last = state.catchers().last();
                let all = last.is_some_and(|last| error_names(last).contains("States.ALL"));
                assert!(all, "{name} lets an error through");
            }
            _ => {}
        }
    }
}

#[test]
fn no_heartbeat_is_longer_than_its_timeout() {
    for task in Machine::load().tasks() {
        let seconds = |field: &str| task.body.get(field).and_then(Value::as_u64);
        if let Some(heartbeat) = seconds("HeartbeatSeconds") {
            assert!(
                seconds("TimeoutSeconds").is_some_and(|timeout| heartbeat < timeout),
                "{}",
                task.name
            );
        }
    }
}

fn phase_errors() -> Vec<PhaseError> {
    let text = String::new;
    vec![
        PhaseError::InvalidRequest {
            field: text(),
            reason: text(),
        },
        PhaseError::Diverged {
            resource: text(),
            expected: text(),
            found: text(),
        },
        PhaseError::Superseded {
            resource: text(),
            by: text(),
        },
        PhaseError::Rejected {
            resource: text(),
            reason: text(),
        },
        PhaseError::Unhealthy { signal: text() },
        PhaseError::Halted { by: text() },
        PhaseError::DeadlineExceeded {
            what: text(),
            after: Duration::ZERO,
        },
        PhaseError::LockHeld {
            by: text(),
            since: text(),
            clear_with: text(),
        },
        PhaseError::Transient {
            operation: text(),
            source_text: text(),
        },
    ]
}

#[test]
fn a_verify_function_inside_a_vpc_gets_the_time_to_wake_up() {
    for name in ["Verify", "VerifyRestored"] {
        let machine = Machine::load();
        let task = machine.tasks().into_iter().find(|task| task.name == name);
        let retriers = task.expect("the state is there").retriers();
        let patient = retriers
            .iter()
            .find(|rule| error_names(rule) == BTreeSet::from(OF_VPC));
        let rule = patient.unwrap_or_else(|| panic!("{name} has no retrier for its VPC"));
        assert!(rule["MaxAttempts"].as_u64() >= Some(12), "{name}");
        assert!(rule["IntervalSeconds"].as_u64() >= Some(10), "{name}");
    }
}
