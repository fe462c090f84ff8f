//! What a waiting phase can be woken by.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Names one thing in the world that a waiting phase looks at. An event about that
/// thing wakes every phase registered under its key; the event's content is never
/// trusted, it only says "look now".
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WakeKey(String);

impl WakeKey {
    /// An ECS service, by the names of its cluster and itself.
    pub fn ecs_service(cluster: &str, service: &str) -> Self {
        Self(format!("ecs-service/{cluster}/{service}"))
    }

    /// The lock of an environment.
    pub fn lock(application: &str, environment: &str) -> Self {
        Self(format!("lock/{application}/{environment}"))
    }

    /// The key as it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WakeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
