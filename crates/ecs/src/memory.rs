//! What ECS remembers of a service's deployments after it stopped listing them.

use std::collections::BTreeMap;

use aws_sdk_ecs::primitives::DateTime;
use aws_sdk_ecs::types::{CreatedAt, ServiceDeploymentBrief};
use lockstep::PhaseError;
use lockstep::ecs::{PastDeployment, ServiceStep};
use lockstep_aws::AwsError;

use crate::Ecs;
use crate::error::explain;

/// How many revisions `DescribeServiceRevisions` takes at once, and how many deployments
/// are looked at: no service sees more in the time of one step.
const MOST: i32 = 20;

impl Ecs {
    /// The service's deployments since the plan was made. Empty where ECS has no memory:
    /// it keeps deployments since October 2024 only, and not in every partition.
    pub async fn past_deployments(
        &self,
        step: &ServiceStep,
    ) -> Result<Vec<PastDeployment>, PhaseError> {
        let since = CreatedAt::builder()
            .after(DateTime::from_secs(step.planned_at.as_second()))
            .build();
        let call = self
            .client
            .list_service_deployments()
            .cluster(&step.cluster)
            .service(&step.service);
        let sent = call.created_at(since).max_results(MOST).send().await;
        let listed = sent.map_err(|error| {
            explain(
                AwsError::new("ecs:ListServiceDeployments", &error),
                &step.resource(),
            )
        })?;
        let targets: Vec<_> = listed
            .service_deployments()
            .iter()
            .filter_map(|brief| brief.target_service_revision_arn.clone())
            .collect();
        if targets.is_empty() {
            return Ok(Vec::new());
        }
        let definitions = self.definitions_of(step, targets).await?;
        let past = |brief: &ServiceDeploymentBrief| past(brief, &definitions);
        Ok(listed
            .service_deployments()
            .iter()
            .filter_map(past)
            .collect())
    }

    /// The task definitions of service revisions, by the service revision's ARN.
    async fn definitions_of(
        &self,
        step: &ServiceStep,
        mut targets: Vec<String>,
    ) -> Result<BTreeMap<String, String>, PhaseError> {
        targets.sort();
        targets.dedup();
        let sent = self
            .client
            .describe_service_revisions()
            .set_service_revision_arns(Some(targets))
            .send()
            .await;
        let described = sent.map_err(|error| {
            explain(
                AwsError::new("ecs:DescribeServiceRevisions", &error),
                &step.resource(),
            )
        })?;
        let pairs = described.service_revisions.into_iter().flatten();
        Ok(pairs
            .filter_map(|revision| {
                Some((revision.service_revision_arn?, revision.task_definition?))
            })
            .collect())
    }
}

fn past(
    brief: &ServiceDeploymentBrief,
    definitions: &BTreeMap<String, String>,
) -> Option<PastDeployment> {
    let target = brief.target_service_revision_arn.as_ref()?;
    Some(PastDeployment {
        task_definition: definitions.get(target)?.clone(),
        status: brief
            .status
            .as_ref()
            .map(|status| status.as_str().to_owned())
            .unwrap_or_default(),
        reason: brief.status_reason.clone().unwrap_or_default(),
    })
}
