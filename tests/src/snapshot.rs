//! The world of one application at one moment.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_ecs::types::{Service, TaskDefinition};
use lockstep_cli::local::sam;
use serde_json::{Map, Value, json};

use crate::application::ENVIRONMENT;
use crate::{Application, World};

/// What of an application a deployment may change.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The ARN of the task definition that the service is on.
    pub revision: String,
    /// The images by container.
    pub images: BTreeMap<String, String>,
    /// Everything else of the task definition that a person can set, in the SDK's own words.
    pub definition: String,
    /// How the service rolls out, and how many tasks it wants.
    pub settings: Settings,
    /// Everything the ledger keeps of the environment, by sort key.
    pub environment: BTreeMap<String, Value>,
}

/// What `UpdateService` can change beside the task definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `maximumPercent`.
    pub maximum_percent: Option<i32>,
    /// `minimumHealthyPercent`.
    pub minimum_healthy_percent: Option<i32>,
    /// Circuit breaker: enabled, with rollback.
    pub circuit_breaker: (bool, bool),
    /// `healthCheckGracePeriodSeconds`.
    pub grace_seconds: Option<i32>,
    /// `desiredCount`, which a deployment never changes.
    pub desired: i32,
}

impl Application<'_> {
    /// The world of the application now.
    pub async fn snapshot(&self) -> Snapshot {
        let ecs = &self.world.clients().ecs;
        let services = ecs
            .describe_services()
            .cluster(&self.name)
            .services(&self.service)
            .send()
            .await
            .unwrap();
        let service = services.services().first().expect("the service exists");
        let revision = service
            .task_definition()
            .expect("the service has a task definition")
            .to_owned();
        let described = ecs
            .describe_task_definition()
            .task_definition(&revision)
            .send()
            .await
            .unwrap();
        let (images, definition) = content(
            described
                .task_definition()
                .expect("the task definition exists"),
        );
        Snapshot {
            revision,
            images,
            definition,
            settings: settings(service),
            environment: self.environment().await,
        }
    }

    /// Everything the ledger keeps of the environment.
    async fn environment(&self) -> BTreeMap<String, Value> {
        let partition = format!("env#{}#{ENVIRONMENT}", self.name);
        self.world.ledger_items(&partition).await
    }
}

impl World {
    /// The items of one partition of the ledger's table, by sort key.
    pub async fn ledger_items(&self, partition: &str) -> BTreeMap<String, Value> {
        let query = self
            .clients()
            .dynamodb
            .query()
            .table_name(format!("{}-ledger", sam::STACK))
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()));
        let output = query.send().await.unwrap();
        output
            .items()
            .iter()
            .map(|item| (text(&item["sk"]), item_json(item)))
            .collect()
    }
}

impl Snapshot {
    /// The digest that the `web` container runs.
    pub fn digest(&self) -> &str {
        self.images["web"].rsplit('@').next().unwrap_or_default()
    }

    /// Whether nobody holds the lock.
    pub fn is_unlocked(&self) -> bool {
        is_unlocked(&self.environment)
    }

    /// The sort keys of the environment that begin with `prefix`.
    pub fn kept(&self, prefix: &str) -> Vec<&str> {
        kept(&self.environment, prefix)
    }

    /// Whether service and task definition are exactly as in the other.
    pub fn runs_the_same_as(&self, other: &Self) -> bool {
        (
            &self.revision,
            &self.images,
            &self.definition,
            &self.settings,
        ) == (
            &other.revision,
            &other.images,
            &other.definition,
            &other.settings,
        )
    }
}

/// Whether nobody holds the lock of an environment.
pub(crate) fn is_unlocked(environment: &BTreeMap<String, Value>) -> bool {
    let lock = environment.get("lock");
    lock.is_none_or(|lock| lock.get("deployment").is_none())
}

/// The sort keys of an environment that begin with `prefix`.
pub(crate) fn kept<'e>(environment: &'e BTreeMap<String, Value>, prefix: &str) -> Vec<&'e str> {
    let keys = environment.keys().filter(|key| key.starts_with(prefix));
    keys.map(String::as_str).collect()
}

fn settings(service: &Service) -> Settings {
    let configuration = service.deployment_configuration();
    let breaker =
        configuration.and_then(|configuration| configuration.deployment_circuit_breaker());
    Settings {
        maximum_percent: configuration
            .and_then(aws_sdk_ecs::types::DeploymentConfiguration::maximum_percent),
        minimum_healthy_percent: configuration
            .and_then(aws_sdk_ecs::types::DeploymentConfiguration::minimum_healthy_percent),
        circuit_breaker: breaker.map_or((false, false), |breaker| {
            (breaker.enable(), breaker.rollback())
        }),
        grace_seconds: service.health_check_grace_period_seconds(),
        desired: service.desired_count(),
    }
}

/// The images, and the definition without them and without what AWS fills in.
fn content(definition: &TaskDefinition) -> (BTreeMap<String, String>, String) {
    let mut rest = definition.clone();
    rest.task_definition_arn = None;
    rest.revision = 0;
    rest.status = None;
    rest.requires_attributes = None;
    rest.compatibilities = None;
    rest.registered_at = None;
    rest.registered_by = None;
    rest.deregistered_at = None;
    let (mut images, mut maps) = (BTreeMap::new(), Vec::new());
    for container in rest.container_definitions.iter_mut().flatten() {
        let name = container.name().unwrap_or_default().to_owned();
        images.insert(name, container.image.take().unwrap_or_default());
        // The SDK does not show the values of variables, and shows maps in any order.
        let variables: Vec<_> = container
            .environment()
            .iter()
            .map(|pair| (pair.name(), pair.value()))
            .collect();
        let logs = container
            .log_configuration()
            .and_then(|logs| logs.options());
        maps.push(format!(
            "{variables:?} {:?}",
            logs.map(|options| options.iter().collect::<BTreeMap<_, _>>())
        ));
        if let Some(logs) = &mut container.log_configuration {
            logs.options = None;
        }
    }
    (images, format!("{rest:?} {maps:?}"))
}

fn text(value: &AttributeValue) -> String {
    value.as_s().cloned().unwrap_or_default()
}

fn item_json(item: &HashMap<String, AttributeValue>) -> Value {
    let mut fields = Map::new();
    let item: BTreeMap<_, _> = item.iter().collect();
    for (name, value) in item
        .iter()
        .filter(|(name, _)| !["pk", "sk"].contains(&name.as_str()))
    {
        let json = match value {
            AttributeValue::S(text) if *name == "body" => {
                serde_json::from_str(text).unwrap_or_default()
            }
            AttributeValue::S(text) => json!(text),
            AttributeValue::N(number) => serde_json::from_str(number).unwrap_or_default(),
            other => json!(format!("{other:?}")),
        };
        fields.insert((*name).clone(), json);
    }
    Value::Object(fields)
}
