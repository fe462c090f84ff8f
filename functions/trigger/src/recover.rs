//! The recovery of a deployment whose execution ended without concluding.

use lockstep::PhaseError;
use lockstep::record::{DeploymentRecord, Execution, Failure};
use lockstep::trigger::Recover;
use lockstep_ledger::{Acquired, EnvironmentState};

use crate::Trigger;
use crate::answer::Answer;

impl Trigger {
    pub(crate) async fn recover(
        &self,
        execution: &Execution,
        recover: &Recover,
    ) -> Result<Answer, PhaseError> {
        let Some(record) = self.ledger.record(&recover.deployment).await? else {
            return Ok(Answer::ignore(format!(
                "deployment {} has no record; nothing was changed",
                recover.deployment
            )));
        };
        let failure = Failure {
            phase: "execution".to_owned(),
            step: None,
            error: recover.status.as_str().to_owned(),
            cause: format!(
                "execution {} ended as {}",
                record.execution.name,
                recover.status.as_str()
            ),
        };
        let deployment = record.deployment.clone();
        let nothing_left = |fence, reason: &str| Answer::Conclude {
            deployment: deployment.clone(),
            fence,
            failure: failure.clone(),
            reason: reason.to_owned(),
        };
        if record.conclusion.is_some() {
            return Ok(nothing_left(0, "it concluded; only people are to be told"));
        }
        let Some(fence) = self.fence_off(&record, execution).await? else {
            return Ok(nothing_left(0, "it never had its environment"));
        };
        let steps: Vec<_> = self
            .ledger
            .plan(&deployment.id)
            .await?
            .map_or_else(Vec::new, |plan| {
                plan.steps.iter().map(|step| step.number).collect()
            });
        if steps.is_empty() {
            return Ok(nothing_left(fence, "it had not changed anything"));
        }
        let reason = format!("putting back what deployment {} changed", deployment.id);
        Ok(Answer::Recover {
            deployment,
            steps,
            fence,
            failure,
            reason,
        })
    }

    /// Takes the lock anew for the same deployment. The fencing number grows, so a handler
    /// of the ended execution that is still running cannot act any more.
    async fn fence_off(
        &self,
        record: &DeploymentRecord,
        execution: &Execution,
    ) -> Result<Option<u64>, PhaseError> {
        let me = &record.deployment;
        let state: EnvironmentState = self
            .ledger
            .environment(&me.application, &me.environment)
            .await?;
        let ours = state
            .lock
            .as_ref()
            .is_some_and(|lock| lock.deployment.as_ref() == Some(&me.id));
        if !ours {
            return Ok(None);
        }
        match self
            .ledger
            .acquire_lock(record, &state, &[], execution.started_at)
            .await?
        {
            Acquired::Yes { fence } => Ok(Some(fence)),
            Acquired::No => Err(PhaseError::Transient {
                operation: "taking the lock for the recovery".to_owned(),
                source_text: "it changed at the same moment".to_owned(),
            }),
        }
    }
}
