//! Stopped tasks of a service.

use aws_sdk_ecs::types::DesiredStatus;
use lockstep::PhaseError;
use lockstep::ecs::StoppedTask;
use lockstep_aws::{AwsError, Exchange};
use serde_json::Value;

use crate::Ecs;
use crate::error::explain;

/// How many pages of a hundred tasks are looked at. ECS shows stopped tasks for about an
/// hour, so that only a service that crash-loops fast has more than one.
const PAGES: usize = 5;

impl Ecs {
    /// The service's tasks that ECS still shows as stopped, or that are being stopped.
    pub async fn stopped_tasks(
        &self,
        cluster: &str,
        service: &str,
    ) -> Result<Vec<StoppedTask>, PhaseError> {
        let mut tasks = Vec::new();
        let mut next = None;
        for _ in 0..PAGES {
            let call = self
                .client
                .list_tasks()
                .cluster(cluster)
                .service_name(service)
                .set_next_token(next);
            let sent = call.desired_status(DesiredStatus::Stopped).send().await;
            let page = sent.map_err(|error| {
                explain(
                    AwsError::new("ecs:ListTasks", &error),
                    &format!("service {cluster}/{service}"),
                )
            })?;
            if !page.task_arns().is_empty() {
                let described = self.described_tasks(cluster, page.task_arns()).await?;
                tasks.extend(described.iter().map(StoppedTask::parse));
            }
            next = page.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                break;
            }
        }
        Ok(tasks)
    }

    /// Tasks as `DescribeTasks` shows them.
    pub(crate) async fn described_tasks(
        &self,
        cluster: &str,
        arns: &[String],
    ) -> Result<Vec<Value>, PhaseError> {
        const OPERATION: &str = "ecs:DescribeTasks";
        let exchange = Exchange::reading();
        let call = self
            .client
            .describe_tasks()
            .cluster(cluster)
            .set_tasks(Some(arns.to_vec()));
        let sent = call.customize().interceptor(exchange.clone()).send().await;
        let answer = exchange.answer(OPERATION, sent);
        let answer = answer.map_err(|error| explain(error, &format!("cluster {cluster}")))?;
        let tasks = answer.get("tasks").and_then(Value::as_array);
        Ok(tasks.cloned().unwrap_or_default())
    }
}
