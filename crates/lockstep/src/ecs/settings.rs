//! How a service rolls out: the settings that travel with the task definition in the one
//! `UpdateService`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::json::count_option;
use super::live::LiveService;
use crate::manifest::Rollout;

/// A service's rollout settings, as `UpdateService` takes them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// `deploymentConfiguration`, whole: AWS replaces it as one.
    pub deployment_configuration: Value,
    /// `healthCheckGracePeriodSeconds`; `None` when the service has no load balancer, for
    /// which AWS refuses the field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check_grace_seconds: Option<u32>,
}

impl Settings {
    /// The settings that a service has now, in a form that restores them.
    ///
    /// A circuit breaker that is not there is written out as switched off: AWS keeps the
    /// old one when the field is left out.
    pub fn of(live: &LiveService) -> Self {
        let mut configuration = object(&live.deployment_configuration);
        configuration
            .entry("deploymentCircuitBreaker")
            .or_insert_with(|| json!({"enable": false, "rollback": false}));
        let grace = live
            .load_balanced
            .then(|| live.health_check_grace_seconds.unwrap_or_default());
        Self {
            deployment_configuration: Value::Object(configuration),
            health_check_grace_seconds: grace,
        }
    }

    /// The same settings with the manifest's rollout laid over them. Everything the
    /// manifest does not name stays: alarms, hooks, thresholds.
    ///
    /// Percentages of a `DAEMON` service stay as well: it runs one task an instance, and
    /// AWS refuses more than 100 % for it.
    #[must_use]
    pub fn with(&self, rollout: &Rollout, live: &LiveService) -> Self {
        let mut configuration = object(&self.deployment_configuration);
        if live.scheduling != "DAEMON" {
            configuration.insert("maximumPercent".into(), rollout.maximum_percent.into());
            configuration.insert(
                "minimumHealthyPercent".into(),
                rollout.minimum_healthy_percent.into(),
            );
        }
        let mut breaker = configuration
            .get("deploymentCircuitBreaker")
            .map(object)
            .unwrap_or_default();
        breaker.insert("enable".into(), rollout.circuit_breaker.enable.into());
        breaker.insert("rollback".into(), rollout.circuit_breaker.rollback.into());
        configuration.insert("deploymentCircuitBreaker".into(), Value::Object(breaker));
        Self {
            deployment_configuration: Value::Object(configuration),
            health_check_grace_seconds: live
                .load_balanced
                .then_some(rollout.health_check_grace_seconds),
        }
    }

    /// The same settings, with `others`' percentages where its own let no task be replaced:
    /// none more may start and none may stop. (150 and 50 percent of one task are one task:
    /// ECS rounds the maximum down and the minimum up.) The service that is to be put back
    /// may have had such settings, and ECS would wait for ever.
    #[must_use]
    pub fn able_to_roll(&self, desired: u32, others: &Self) -> Self {
        if self.leaves_room(desired) {
            return self.clone();
        }
        let mut configuration = object(&self.deployment_configuration);
        for field in ["maximumPercent", "minimumHealthyPercent"] {
            match others.deployment_configuration.get(field) {
                Some(value) => drop(configuration.insert(field.into(), value.clone())),
                None => drop(configuration.remove(field)),
            }
        }
        Self {
            deployment_configuration: Value::Object(configuration),
            health_check_grace_seconds: self.health_check_grace_seconds,
        }
    }

    fn leaves_room(&self, desired: u32) -> bool {
        let (maximum, minimum, ..) = compared(&self.deployment_configuration);
        let desired = u64::from(desired);
        let most = desired * u64::from(maximum) / 100;
        let least = (desired * u64::from(minimum)).div_ceil(100);
        desired == 0 || most > desired || least < desired
    }

    /// Whether the service has these settings. Compares only what a rollout changes: AWS
    /// fills in defaults elsewhere, and would never print back exactly what was sent.
    pub fn are_set_on(&self, live: &LiveService) -> bool {
        let now = Self::of(live);
        let same_grace = self.health_check_grace_seconds.is_none()
            || self.health_check_grace_seconds == now.health_check_grace_seconds;
        same_grace
            && compared(&self.deployment_configuration) == compared(&now.deployment_configuration)
    }
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// What a rollout changes of a configuration, with AWS's defaults for what is left out.
fn compared(configuration: &Value) -> (u32, u32, bool, bool) {
    let breaker = configuration.get("deploymentCircuitBreaker");
    let flag = |key: &str| {
        breaker
            .and_then(|breaker| breaker.get(key)?.as_bool())
            .unwrap_or(false)
    };
    (
        count_option(configuration, "maximumPercent").unwrap_or(200),
        count_option(configuration, "minimumHealthyPercent").unwrap_or(100),
        flag("enable"),
        flag("rollback"),
    )
}

#[cfg(test)]
mod tests;
