//! What the example's service runs, looked up the way any client could.

use aws_sdk_ecs::types::TaskDefinition;
use lockstep_aws::AwsError;
use serde_json::Value;

use super::http;
use crate::error::CliError;
use crate::local::image::MANIFEST_TYPE;

/// The example's ECS service.
#[derive(Debug)]
pub struct Service {
    /// A client of the local engine.
    pub ecs: aws_sdk_ecs::Client,
    /// The local engine's address, where its registry answers too.
    pub endpoint: String,
    /// The cluster's name.
    pub cluster: String,
    /// The service's name.
    pub name: String,
    /// The repository of its image.
    pub repository: String,
}

/// What an image says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// `HELLO_VERSION`
    pub version: String,
    /// `HELLO_MODE`
    pub mode: String,
}

impl Service {
    /// What the service's current task definition runs, by its image's own configuration.
    pub async fn running(&self) -> Result<Running, CliError> {
        let image = self.image().await?;
        let reference = image
            .rsplit_once('@')
            .or(image.rsplit_once(':'))
            .map_or("latest", |(_, it)| it);
        let manifest = self.registry(&format!("manifests/{reference}")).await?;
        let config = manifest["config"]["digest"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let config = self.registry(&format!("blobs/{config}")).await?;
        Ok(Running {
            version: variable(&config, "HELLO_VERSION"),
            mode: variable(&config, "HELLO_MODE"),
        })
    }

    /// The image of the task definition that the service is on.
    async fn image(&self) -> Result<String, CliError> {
        let sent = self
            .ecs
            .describe_services()
            .cluster(&self.cluster)
            .services(&self.name)
            .send()
            .await;
        let output =
            sent.map_err(|error| self.failed(AwsError::new("ecs:DescribeServices", &error)))?;
        let revision = output
            .services()
            .first()
            .and_then(|service| service.task_definition());
        let revision = revision.ok_or_else(|| self.missing("no such service"))?;
        let sent = self
            .ecs
            .describe_task_definition()
            .task_definition(revision)
            .send()
            .await;
        let output =
            sent.map_err(|error| self.failed(AwsError::new("ecs:DescribeTaskDefinition", &error)))?;
        let containers = output
            .task_definition()
            .map(TaskDefinition::container_definitions)
            .unwrap_or_default();
        let image = containers.first().and_then(|container| container.image());
        image
            .map(str::to_owned)
            .ok_or_else(|| self.missing("its task definition names no image"))
    }

    async fn registry(&self, path: &str) -> Result<Value, CliError> {
        let url = format!("{}/v2/{}/{path}", self.endpoint, self.repository);
        let (status, body) = http::get(&url, MANIFEST_TYPE)
            .await
            .map_err(|why| self.missing(&why))?;
        let document = serde_json::from_slice(&body).ok().filter(|_| status == 200);
        document.ok_or_else(|| self.missing(&format!("GET {url}: HTTP {status}")))
    }

    fn failed(&self, error: AwsError) -> CliError {
        CliError::Aws {
            doing: format!("looking at service {}/{}", self.cluster, self.name),
            error,
        }
    }

    fn missing(&self, why: &str) -> CliError {
        CliError::Failed {
            message: format!("service {}/{}: {why}", self.cluster, self.name),
            help: None,
        }
    }
}

fn variable(config: &Value, name: &str) -> String {
    let variables = config["config"]["Env"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let prefix = format!("{name}=");
    let value = variables
        .iter()
        .filter_map(Value::as_str)
        .find_map(|pair| pair.strip_prefix(&prefix));
    value.unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::variable;

    #[test]
    fn settings_are_read_from_the_image() {
        let config =
            json!({ "config": { "Env": ["PORT=8080", "HELLO_VERSION=v3", "HELLO_MODE=crash"] } });
        assert_eq!(variable(&config, "HELLO_VERSION"), "v3");
        assert_eq!(variable(&config, "HELLO_MODE"), "crash");
        assert_eq!(variable(&json!({}), "HELLO_MODE"), "unknown");
    }
}
