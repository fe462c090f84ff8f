use serde_json::{Value, json};

use super::Settings;
use crate::ecs::live::LiveService;
use crate::manifest::Rollout;

fn service(fields: &Value) -> LiveService {
    LiveService::parse(fields)
}

fn balanced(configuration: &Value) -> LiveService {
    service(&json!({
        "loadBalancers": [{"targetGroupArn": "tg"}], "healthCheckGracePeriodSeconds": 5,
        "deploymentConfiguration": configuration,
    }))
}

#[test]
fn only_what_the_manifest_names_changes() {
    let live = balanced(&json!({
        "maximumPercent": 150, "minimumHealthyPercent": 50, "strategy": "ROLLING",
        "alarms": {"alarmNames": ["errors"], "enable": true, "rollback": true},
        "deploymentCircuitBreaker": {"enable": false, "rollback": false, "thresholdConfiguration": {"type": "COUNT", "value": 2}},
        "fieldOfTomorrow": 1,
    }));
    let after = Settings::of(&live).with(&Rollout::default(), &live);
    assert_eq!(
        after.deployment_configuration,
        json!({
            "maximumPercent": 200, "minimumHealthyPercent": 100, "strategy": "ROLLING",
            "alarms": {"alarmNames": ["errors"], "enable": true, "rollback": true},
            "deploymentCircuitBreaker": {"enable": true, "rollback": true, "thresholdConfiguration": {"type": "COUNT", "value": 2}},
            "fieldOfTomorrow": 1,
        })
    );
    assert_eq!(after.health_check_grace_seconds, Some(60));
}

#[test]
fn without_a_load_balancer_no_grace_is_sent() {
    let live = service(&json!({"healthCheckGracePeriodSeconds": 0, "loadBalancers": []}));
    let before = Settings::of(&live);
    assert_eq!(before.health_check_grace_seconds, None);
    assert_eq!(
        before
            .with(&Rollout::default(), &live)
            .health_check_grace_seconds,
        None
    );
}

#[test]
fn a_missing_circuit_breaker_is_restored_as_switched_off() {
    let live = balanced(&json!({"maximumPercent": 200}));
    let before = Settings::of(&live);
    assert_eq!(
        before.deployment_configuration["deploymentCircuitBreaker"],
        json!({"enable": false, "rollback": false})
    );
    assert!(before.are_set_on(&live));
}

#[test]
fn a_daemon_keeps_its_percentages() {
    let live = service(
        &json!({"schedulingStrategy": "DAEMON", "deploymentConfiguration": {"maximumPercent": 100, "minimumHealthyPercent": 0}}),
    );
    let after = Settings::of(&live)
        .with(&Rollout::default(), &live)
        .deployment_configuration;
    assert_eq!(
        (&after["maximumPercent"], &after["minimumHealthyPercent"]),
        (&json!(100), &json!(0))
    );
}

#[test]
fn defaults_that_aws_fills_in_do_not_make_settings_differ() {
    let before = Settings::of(&balanced(
        &json!({"maximumPercent": 200, "minimumHealthyPercent": 100}),
    ));
    let filled = balanced(&json!({
        "maximumPercent": 200, "minimumHealthyPercent": 100, "bakeTimeInMinutes": 0,
        "deploymentCircuitBreaker": {"enable": false, "rollback": false, "resetOnHealthyTask": true},
    }));
    assert!(before.are_set_on(&filled));
    assert!(
        !before
            .with(&Rollout::default(), &filled)
            .are_set_on(&filled)
    );
}

#[test]
fn settings_that_let_no_task_be_replaced_borrow_percentages_to_roll_with() {
    let settings = |maximum: u32, minimum: u32| {
        Settings::of(&service(&json!({
            "deploymentConfiguration": {"maximumPercent": maximum, "minimumHealthyPercent": minimum},
        })))
    };
    let (stuck, manifest) = (settings(150, 50), settings(200, 100));
    let rolling = stuck.able_to_roll(1, &manifest);
    assert_eq!(rolling.deployment_configuration["maximumPercent"], 200);
    assert_eq!(
        rolling.deployment_configuration["minimumHealthyPercent"],
        100
    );
    assert_eq!(
        rolling.deployment_configuration["deploymentCircuitBreaker"],
        json!({"enable": false, "rollback": false})
    );
    assert_eq!(stuck.able_to_roll(2, &manifest), stuck);
    assert_eq!(stuck.able_to_roll(0, &manifest), stuck);
    assert_eq!(
        settings(100, 0).able_to_roll(1, &manifest),
        settings(100, 0)
    );
}
