//! The operations on services and task definitions.

use aws_sdk_ecs::config::retry::RetryConfig;
use aws_sdk_ecs::types::TaskDefinitionField;
use aws_sdk_ecs::{Client, Config};
use lockstep::PhaseError;
use lockstep::ecs::{LiveService, Revision};
use lockstep_aws::{AwsError, Exchange};
use serde_json::Value;

use crate::error::explain;

/// A handle on ECS. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ecs {
    pub(crate) client: Client,
}

/// What looking for a service found.
#[derive(Debug, Clone, PartialEq)]
pub enum ServiceLookup {
    /// The service, in whatever status: deleted ones are shown for a while.
    Found(Box<LiveService>),
    /// The cluster has no such service.
    NoService,
    /// There is no such cluster.
    NoCluster,
}

impl Ecs {
    /// A handle that calls through `client`.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Looks for a service.
    pub async fn find_service(
        &self,
        cluster: &str,
        service: &str,
    ) -> Result<ServiceLookup, PhaseError> {
        const OPERATION: &str = "ecs:DescribeServices";
        let exchange = Exchange::reading();
        let call = self
            .client
            .describe_services()
            .cluster(cluster)
            .services(service);
        let sent = call.customize().interceptor(exchange.clone()).send().await;
        let answer = match exchange.answer(OPERATION, sent) {
            Ok(answer) => answer,
            Err(error) if error.code == "ClusterNotFoundException" => {
                return Ok(ServiceLookup::NoCluster);
            }
            Err(error) => return Err(explain(error, &format!("service {cluster}/{service}"))),
        };
        let found = answer.get("services").and_then(|services| services.get(0));
        Ok(found.map_or(ServiceLookup::NoService, |found| {
            ServiceLookup::Found(Box::new(LiveService::parse(found)))
        }))
    }

    /// The service, which has to be there.
    pub async fn service(&self, cluster: &str, service: &str) -> Result<LiveService, PhaseError> {
        let rejected = |reason: &str| PhaseError::Rejected {
            resource: format!("service {cluster}/{service}"),
            reason: reason.to_owned(),
        };
        match self.find_service(cluster, service).await? {
            ServiceLookup::Found(live) => Ok(*live),
            ServiceLookup::NoService => Err(rejected("it does not exist; somebody deleted it")),
            ServiceLookup::NoCluster => {
                Err(rejected("its cluster does not exist; somebody deleted it"))
            }
        }
    }

    /// A revision with its tags, by ARN or `family:revision`; by family alone the newest
    /// one that is active. `None` when there is none.
    pub async fn revision(&self, reference: &str) -> Result<Option<Revision>, PhaseError> {
        const OPERATION: &str = "ecs:DescribeTaskDefinition";
        let exchange = Exchange::reading();
        let call = self
            .client
            .describe_task_definition()
            .task_definition(reference)
            .include(TaskDefinitionField::Tags);
        let sent = call.customize().interceptor(exchange.clone()).send().await;
        match exchange.answer(OPERATION, sent) {
            Ok(answer) => Ok(Some(Revision::parse(&answer))),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(explain(error, &format!("task definition {reference}"))),
        }
    }

    /// Registers a revision and returns it.
    ///
    /// The SDK does not try again by itself here: a call that acted and lost its answer
    /// would register a second revision. Whoever tries again looks for the first one.
    pub async fn register(&self, input: &Value) -> Result<Revision, PhaseError> {
        const OPERATION: &str = "ecs:RegisterTaskDefinition";
        let family = input
            .get("family")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let exchange = Exchange::sending(input);
        // Family and containers are what the SDK insists on; the raw body has them all.
        let call = self
            .client
            .register_task_definition()
            .family(family)
            .set_container_definitions(Some(Vec::new()));
        let once = Config::builder().retry_config(RetryConfig::disabled());
        let sent = call
            .customize()
            .config_override(once)
            .interceptor(exchange.clone())
            .send()
            .await;
        let answer = exchange.answer(OPERATION, sent);
        let answer = answer.map_err(|error| {
            if error.is_about_role() {
                return error.role_unseen(&roles(input));
            }
            explain(error, &format!("task definition {family}"))
        })?;
        Ok(Revision::parse(&answer))
    }

    /// Sends one `UpdateService`. Repeating it changes nothing: ECS starts a deployment
    /// only when the task definition differs.
    pub async fn update_service(&self, input: &Value) -> Result<(), PhaseError> {
        let field = |key: &str| input.get(key).and_then(Value::as_str).unwrap_or_default();
        let (cluster, service) = (field("cluster"), field("service"));
        let call = self
            .client
            .update_service()
            .cluster(cluster)
            .service(service);
        let exchange = Exchange::sending(input);
        let sent = call.customize().interceptor(exchange.clone()).send().await;
        let answer = exchange.answer("ecs:UpdateService", sent).map(drop);
        answer.map_err(|error| explain(error, &format!("service {cluster}/{service}")))
    }
}

/// ECS has no error of its own for a task definition that is not there.
fn is_missing(error: &AwsError) -> bool {
    error.code == "ClientException" && error.message.contains("Unable to describe task definition")
}

/// The roles that a task definition names, as people read them.
fn roles(input: &Value) -> String {
    let roles = ["executionRoleArn", "taskRoleArn"]
        .iter()
        .filter_map(|field| input.get(field)?.as_str());
    let roles: Vec<_> = roles.collect();
    format!("role {}", roles.join(" or "))
}

#[cfg(test)]
mod tests;
