//! The manifest as a person writes it. The JSON Schema is generated from these types,
//! so the sentences on the fields are what an editor shows.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::builds::{ImageBuild, ImageBuildOverride};
use super::functions::{Function, FunctionOverride};
use super::gates::{Gate, GateOverride};
use super::infrastructure::{Infrastructure, InfrastructureOverride};
use super::migrations::{Migration, MigrationOverride};
use super::overrides::ServiceOverride;
use super::sites::{Site, SiteOverride};
use super::stacks::{Stack, StackOverride};
use super::traffic::Traffic;

/// What an application consists of, and the environments it is deployed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Lockstep manifest")]
pub struct Manifest {
    /// The application's name: a lower-case letter, then lower-case letters, digits and
    /// hyphens, at most 32 characters.
    #[schemars(extend("pattern" = "^[a-z][a-z0-9-]{0,31}$"))]
    pub application: String,
    /// Where people are told about deployments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notifications: Option<Notifications>,
    /// The ECS services that are deployed as one unit, by a name of your choice
    /// (same rules as the application's name).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("minProperties" = 1, "propertyNames" = { "pattern": "^[a-z][a-z0-9-]{0,31}$" }))]
    pub services: BTreeMap<String, Service>,
    /// The Lambda functions that are deployed as one unit, and groups of them, by a name of
    /// your choice (same rules as the application's name). No service may have the same.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("minProperties" = 1, "propertyNames" = { "pattern": "^[a-z][a-z0-9-]{0,31}$" }))]
    pub functions: BTreeMap<String, Function>,
    /// The CloudFormation stacks that are deployed before everything that runs on them, by a
    /// name of your choice (same rules as the application's name). No service or function may
    /// have the same.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("minProperties" = 1, "propertyNames" = { "pattern": "^[a-z][a-z0-9-]{0,31}$" }))]
    pub stacks: BTreeMap<String, Stack>,
    /// The migrations of the services' databases, which run before anything else of a release,
    /// by a name of your choice (same rules as the application's name). No service, function or
    /// stack may have the same.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("minProperties" = 1, "propertyNames" = { "pattern": "^[a-z][a-z0-9-]{0,31}$" }))]
    pub migrations: BTreeMap<String, Migration>,
    /// Whether what is live is published for other stacks to read, as SSM parameters under
    /// `/lockstep/<application>/<environment>/`. Always where there are `stacks`. Default: false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub parameters: bool,
    /// Infrastructure that CodeBuild projects build with tools of their own (Terraform, `OpenTofu`,
    /// Pulumi, the CDK), before the stacks and everything else, by a name of your choice (same rules
    /// as the application's name). No service, function or stack may have the same.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("minProperties" = 1, "propertyNames" = { "pattern": "^[a-z][a-z0-9-]{0,31}$" }))]
    pub infrastructure: BTreeMap<String, Infrastructure>,
    /// Front ends in S3 buckets that CloudFront serves, deployed after all services and functions, by
    /// a name of your choice (same rules as the application's name). Nothing else in this manifest
    /// may have the same.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("minProperties" = 1, "propertyNames" = { "pattern": "^[a-z][a-z0-9-]{0,31}$" }))]
    pub sites: BTreeMap<String, Site>,
    /// Builds that must succeed for a deployment to go on: tests before anything is changed, and
    /// once the release was verified; by a name of your choice (same rules as the application's
    /// name).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("minProperties" = 1, "propertyNames" = { "pattern": "^[a-z][a-z0-9-]{0,31}$" }))]
    pub gates: BTreeMap<String, Gate>,
    /// Builds that make the images of a commit, for `lockstep deploy --commit`, by a name of your
    /// choice (same rules as the application's name).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("minProperties" = 1, "propertyNames" = { "pattern": "^[a-z][a-z0-9-]{0,31}$" }))]
    pub builds: BTreeMap<String, ImageBuild>,
    /// The environments, by name (same rules as the application's name).
    #[schemars(extend("minProperties" = 1, "propertyNames" = { "pattern": "^[a-z][a-z0-9-]{0,31}$" }))]
    pub environments: BTreeMap<String, Environment>,
}

/// Where people are told about deployments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Notifications {
    /// The SNS topic: its name, which must begin with `lockstep-`, or the ARN of such a
    /// topic. Default: the controller's own topic.
    pub topic: String,
}

/// One ECS service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The name of the ECS cluster.
    pub cluster: String,
    /// The name of the ECS service. Default: the name used in this manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The containers whose images Lockstep deploys: container name to ECR repository
    /// name, in the controller's account and region, without a tag.
    #[schemars(extend("minProperties" = 1))]
    pub containers: BTreeMap<String, String>,
    /// A file with the service's task definition as `RegisterTaskDefinition` takes it
    /// (JSON), relative to the manifest; `lockstep apply` stores its content. Default: the
    /// task definition that the service runs, with new images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_definition: Option<String>,
    /// How new tasks replace old ones.
    #[serde(default)]
    pub rollout: Rollout,
    /// What is rolled out before it: names of services, functions, groups of functions and sites. A
    /// deployment that does not change them does not wait. Default: it waits for nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
}

/// How new tasks replace old ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rollout {
    /// How many tasks may run during a rollout, in percent of the desired count (ECS
    /// rounds down).
    #[schemars(range(min = 100, max = 1000))]
    pub maximum_percent: u32,
    /// How many tasks must stay healthy during a rollout, in percent of the desired count
    /// (ECS rounds up). Must be less than `maximum_percent`.
    #[schemars(range(min = 0, max = 100))]
    pub minimum_healthy_percent: u32,
    /// How long ECS ignores a new task's failing load balancer health checks, in seconds.
    /// Sent only for services with a load balancer.
    #[schemars(range(min = 0, max = 7200))]
    pub health_check_grace_seconds: u32,
    /// The ECS deployment circuit breaker.
    pub circuit_breaker: CircuitBreaker,
    /// The rollout has failed once this many tasks of the new revision stopped by
    /// themselves.
    #[schemars(range(min = 1, max = 100))]
    pub stopped_tasks: u32,
    /// The rollout has failed when it is not finished after this many minutes.
    #[schemars(range(min = 1, max = 1440))]
    pub timeout_minutes: u32,
}

impl Default for Rollout {
    fn default() -> Self {
        Self {
            maximum_percent: 200,
            minimum_healthy_percent: 100,
            health_check_grace_seconds: 60,
            circuit_breaker: CircuitBreaker::default(),
            stopped_tasks: 2,
            timeout_minutes: 30,
        }
    }
}

/// The ECS deployment circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CircuitBreaker {
    /// Whether ECS gives up on a rollout whose tasks keep failing.
    pub enable: bool,
    /// Whether ECS then returns to the last revision that was stable. A safety net for
    /// the case that Lockstep itself cannot act; Lockstep puts back what ran anyway.
    pub rollback: bool,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self {
            enable: true,
            rollback: true,
        }
    }
}

/// One place the application is deployed to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// Which image pushes deploy by themselves. Default: none, a person deploys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Trigger>,
    /// Whether nothing may be tried out here: `lockstep sync` refuses, and stacks are protected
    /// from being deleted. Default: false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protected: bool,
    /// What must be true before a release counts as good.
    #[serde(default)]
    pub verify: Verify,
    /// What differs in this environment, by service; what is not named stays as above.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub services: BTreeMap<String, ServiceOverride>,
    /// What differs in this environment, by function; what is not named stays as above.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub functions: BTreeMap<String, FunctionOverride>,
    /// What differs in this environment, by stack; what is not named stays as above.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stacks: BTreeMap<String, StackOverride>,
    /// What differs in this environment, by name of the infrastructure; what is not named stays as
    /// above.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub infrastructure: BTreeMap<String, InfrastructureOverride>,
    /// What differs in this environment, by migration; what is not named stays as above.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub migrations: BTreeMap<String, MigrationOverride>,
    /// What differs in this environment, by site; what is not named stays as above.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sites: BTreeMap<String, SiteOverride>,
    /// What differs in this environment, by gate; what is not named stays as above.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gates: BTreeMap<String, GateOverride>,
    /// What differs in this environment, by build; what is not named stays as above.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub builds: BTreeMap<String, ImageBuildOverride>,
    /// How new versions of the functions with an alias take over its traffic. Default: all at
    /// once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Traffic>,
}

/// Which image pushes deploy by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    /// Patterns for image tags; one match is enough. `*` is any text, `?` one character,
    /// `[0-9]` one of several characters, `{a,b}` one of several texts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1))]
    pub tags: Vec<String>,
    /// Whether uploaded releases deploy by themselves.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub releases: bool,
}

/// What must be true before a release counts as good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Verify {
    /// Addresses that must answer as expected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<HttpCheck>,
    /// How long the release must keep running after all checks passed, in seconds; 0 is
    /// not at all. Catches tasks that crash after ECS called the rollout completed.
    #[schemars(range(min = 0, max = 3600))]
    pub settle_seconds: u32,
}

impl Default for Verify {
    fn default() -> Self {
        Self {
            http: Vec::new(),
            settle_seconds: 30,
        }
    }
}

/// One address that must answer as expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpCheck {
    /// The address, `http://` or `https://`. It is asked from the controller's network.
    pub url: String,
    /// The HTTP status that counts as healthy. Redirects are not followed.
    #[serde(default = "HttpCheck::default_status")]
    #[schemars(range(min = 100, max = 599))]
    pub status: u16,
    /// How often it is asked before the release counts as failed.
    #[serde(default = "HttpCheck::default_attempts")]
    #[schemars(range(min = 1, max = 100))]
    pub attempts: u32,
    /// How long to wait between two attempts, in seconds.
    #[serde(default = "HttpCheck::default_interval_seconds")]
    #[schemars(range(min = 1, max = 300))]
    pub interval_seconds: u32,
    /// How long one attempt may take, in seconds. The verify function itself has 25.
    #[serde(default = "HttpCheck::default_timeout_seconds")]
    #[schemars(range(min = 1, max = 20))]
    pub timeout_seconds: u32,
}

impl HttpCheck {
    const fn default_status() -> u16 {
        200
    }

    const fn default_attempts() -> u32 {
        10
    }

    const fn default_interval_seconds() -> u32 {
        6
    }

    const fn default_timeout_seconds() -> u32 {
        5
    }
}
