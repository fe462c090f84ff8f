//! What one environment changes of a service.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::types::{CircuitBreaker, Rollout, Service};

/// What differs for one service in one environment. What is left out stays as it is in
/// the service itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceOverride {
    /// The name of the ECS cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The name of the ECS service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Containers with another ECR repository, or further containers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub containers: BTreeMap<String, String>,
    /// Another file with the task definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_definition: Option<String>,
    /// What differs in how new tasks replace old ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutOverride>,
    /// What is rolled out before it, in place of what the service itself says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Vec<String>>,
}

impl ServiceOverride {
    /// The service as it is in this environment.
    pub fn apply(&self, service: &Service) -> Service {
        let mut containers = service.containers.clone();
        containers.extend(self.containers.clone());
        let rollout = self.rollout.as_ref();
        Service {
            cluster: self
                .cluster
                .clone()
                .unwrap_or_else(|| service.cluster.clone()),
            service: self.service.clone().or_else(|| service.service.clone()),
            containers,
            task_definition: self
                .task_definition
                .clone()
                .or_else(|| service.task_definition.clone()),
            rollout: rollout
                .map_or_else(|| service.rollout.clone(), |it| it.apply(&service.rollout)),
            after: self.after.clone().unwrap_or_else(|| service.after.clone()),
        }
    }
}

/// What differs in how new tasks replace old ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RolloutOverride {
    /// How many tasks may run during a rollout, in percent of the desired count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 100, max = 1000))]
    pub maximum_percent: Option<u32>,
    /// How many tasks must stay healthy during a rollout, in percent of the desired count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub minimum_healthy_percent: Option<u32>,
    /// How long ECS ignores a new task's failing load balancer health checks, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 7200))]
    pub health_check_grace_seconds: Option<u32>,
    /// What differs in the ECS deployment circuit breaker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit_breaker: Option<CircuitBreakerOverride>,
    /// The rollout has failed once this many tasks of the new revision stopped by
    /// themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub stopped_tasks: Option<u32>,
    /// The rollout has failed when it is not finished after this many minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1440))]
    pub timeout_minutes: Option<u32>,
}

impl RolloutOverride {
    fn apply(&self, rollout: &Rollout) -> Rollout {
        let breaker = self.circuit_breaker;
        Rollout {
            maximum_percent: self.maximum_percent.unwrap_or(rollout.maximum_percent),
            minimum_healthy_percent: self
                .minimum_healthy_percent
                .unwrap_or(rollout.minimum_healthy_percent),
            health_check_grace_seconds: self
                .health_check_grace_seconds
                .unwrap_or(rollout.health_check_grace_seconds),
            circuit_breaker: breaker.map_or(rollout.circuit_breaker, |breaker| {
                breaker.apply(rollout.circuit_breaker)
            }),
            stopped_tasks: self.stopped_tasks.unwrap_or(rollout.stopped_tasks),
            timeout_minutes: self.timeout_minutes.unwrap_or(rollout.timeout_minutes),
        }
    }
}

/// What differs in the ECS deployment circuit breaker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CircuitBreakerOverride {
    /// Whether ECS gives up on a rollout whose tasks keep failing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable: Option<bool>,
    /// Whether ECS then returns to the last revision that was stable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<bool>,
}

impl CircuitBreakerOverride {
    fn apply(self, breaker: CircuitBreaker) -> CircuitBreaker {
        CircuitBreaker {
            enable: self.enable.unwrap_or(breaker.enable),
            rollback: self.rollback.unwrap_or(breaker.rollback),
        }
    }
}
