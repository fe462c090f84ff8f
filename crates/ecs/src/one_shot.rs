//! Tasks that no service starts: they run one command and stop.

use aws_sdk_ecs::types::DesiredStatus;
use lockstep::PhaseError;
use lockstep::ecs::{DEPLOYMENT_TAG, images_of};
use lockstep::migration::OneShotTask;
use lockstep_aws::{AwsError, Exchange};
use serde_json::Value;

use crate::Ecs;
use crate::error::explain;

/// How many of a family's newest revisions are looked at. More than one of a deployment is there
/// only when its invocations overlapped.
const NEWEST: u64 = 5;

/// How many tasks `DescribeTasks` takes at once. ECS shows stopped tasks for about an hour.
const MOST: i32 = 100;

impl Ecs {
    /// The revision of a one-shot definition: found again by its deployment and images, or
    /// registered. Overlapping invocations agree on the first one.
    pub async fn one_shot_revision(&self, definition: &Value) -> Result<String, PhaseError> {
        if let Some(found) = self.first_marked(definition).await? {
            return Ok(found);
        }
        let registered = self.register(definition).await?;
        let first = self.first_marked(definition).await?;
        Ok(first.unwrap_or(registered.arn))
    }

    async fn first_marked(&self, definition: &Value) -> Result<Option<String>, PhaseError> {
        let text = |value: &Value, key: &str| {
            let found = value.get(key).and_then(Value::as_str);
            found.unwrap_or_default().to_owned()
        };
        let family = text(definition, "family");
        let tags = definition.get("tags").and_then(Value::as_array);
        let mark = tags.into_iter().flatten();
        let mark = mark
            .filter(|tag| text(tag, "key") == DEPLOYMENT_TAG)
            .map(|tag| text(tag, "value"))
            .next();
        let (Some(newest), Some(mark)) = (self.revision(&family).await?, mark) else {
            return Ok(None);
        };
        let Some(top) = newest.number() else {
            return Ok(None);
        };
        let mut first = None;
        let mut revision = Some(newest);
        for number in (top.saturating_sub(NEWEST)..=top).rev() {
            let Some(seen) = revision else { break };
            let ours = seen.tag(DEPLOYMENT_TAG) == Some(&mark) && seen.is_active();
            if !ours || images_of(&seen.definition) != images_of(definition) {
                break;
            }
            first = Some(seen.arn);
            if number <= 1 {
                break;
            }
            let before = format!("{family}:{}", number - 1);
            revision = self.revision(&before).await?;
        }
        Ok(first)
    }

    /// Starts one task and returns its ARN. Repeating the call gives the same task, as long as
    /// ECS remembers its `clientToken`; `None` when ECS knows the token and says nothing more.
    ///
    /// # Errors
    /// [`PhaseError::Transient`] while the cluster has no room, and [`PhaseError::Rejected`].
    pub async fn run_task(&self, input: &Value) -> Result<Option<String>, PhaseError> {
        const OPERATION: &str = "ecs:RunTask";
        let field = |key: &str| input.get(key).and_then(Value::as_str).unwrap_or_default();
        let family = field("taskDefinition");
        let exchange = Exchange::sending(input);
        let call = self.client.run_task().task_definition(family);
        let sent = call.customize().interceptor(exchange.clone()).send().await;
        let resource = format!("task {}", lockstep::ecs::short_name(family));
        let answer = match exchange.answer(OPERATION, sent) {
            Ok(answer) => answer,
            Err(error) if error.code == "ConflictException" => return Ok(None),
            Err(error) => return Err(explain(error, &resource)),
        };
        let list = |key: &str| answer.get(key).and_then(Value::as_array);
        let task = list("tasks").and_then(|tasks| tasks.first()?.get("taskArn")?.as_str());
        if let Some(task) = task {
            return Ok(Some(task.to_owned()));
        }
        let failure = list("failures").and_then(|failures| failures.first());
        Err(no_task(OPERATION, resource, failure))
    }

    /// Tells a task to stop. One that stopped already is left as it is.
    pub async fn stop_task(
        &self,
        cluster: &str,
        task: &str,
        reason: &str,
    ) -> Result<(), PhaseError> {
        let call = self.client.stop_task().cluster(cluster).task(task);
        let sent = call.reason(reason).send().await;
        match sent.map_err(|error| AwsError::new("ecs:StopTask", &error)) {
            Ok(_) => Ok(()),
            Err(error) if error.message.contains("not found") => Ok(()),
            Err(error) => Err(explain(error, &format!("task {task}"))),
        }
    }

    /// The tasks of a family that were started by `started_by`, running or stopped within about
    /// the last hour. (`ListTasks` takes no other filter beside `startedBy`.)
    pub async fn started_tasks(
        &self,
        cluster: &str,
        family: &str,
        started_by: &str,
    ) -> Result<Vec<OneShotTask>, PhaseError> {
        let mut found = Vec::new();
        for status in [DesiredStatus::Running, DesiredStatus::Stopped] {
            let call = self.client.list_tasks().cluster(cluster).family(family);
            let sent = call.desired_status(status).max_results(MOST).send().await;
            let listed = sent.map_err(|error| {
                let error = AwsError::new("ecs:ListTasks", &error);
                explain(error, &format!("cluster {cluster}"))
            })?;
            if !listed.task_arns().is_empty() {
                found.extend(self.tasks(cluster, listed.task_arns()).await?);
            }
        }
        found.retain(|task| task.started_by == started_by);
        Ok(found)
    }

    /// A task; `None` when ECS does not show it (any more, or yet).
    pub async fn task(&self, cluster: &str, arn: &str) -> Result<Option<OneShotTask>, PhaseError> {
        let tasks = self.tasks(cluster, &[arn.to_owned()]).await?;
        Ok(tasks.into_iter().next())
    }

    async fn tasks(&self, cluster: &str, arns: &[String]) -> Result<Vec<OneShotTask>, PhaseError> {
        let tasks = self.described_tasks(cluster, arns).await?;
        Ok(tasks.iter().map(OneShotTask::parse).collect())
    }
}

/// Why no task was started. A cluster without room may have some soon.
fn no_task(operation: &str, resource: String, failure: Option<&Value>) -> PhaseError {
    let text = |key: &str| failure.and_then(|it| it.get(key)?.as_str());
    let reason = text("reason").unwrap_or("ECS started no task and gave no reason");
    let detail = text("detail").map(|it| format!(" ({it})"));
    let reason = format!("{reason}{}", detail.unwrap_or_default());
    if ["RESOURCE", "AGENT", "Capacity is unavailable"]
        .iter()
        .any(|it| reason.starts_with(it))
    {
        return PhaseError::Transient {
            operation: operation.to_owned(),
            source_text: format!("{resource}: {reason}"),
        };
    }
    PhaseError::Rejected {
        resource,
        reason: format!("{operation} started no task: {reason}"),
    }
}

#[cfg(test)]
mod tests;
