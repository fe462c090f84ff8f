//! The recovery of a deployment whose execution ended without concluding.

use jiff::Timestamp;
use lockstep::plan::{Change, Plan, Step, StepRef};
use lockstep::record::{DeploymentRecord, Execution, Failure};
use lockstep::trigger::Recover;
use lockstep::{DeploymentId, PhaseError};
use lockstep_ledger::{Acquired, EnvironmentState, Passed};

use crate::Trigger;
use crate::answer::Answer;

impl Trigger {
    /// A trigger that fails for good rejects its deployment. This one is half done and nobody
    /// else puts it back, so whatever fails here is worth another try.
    pub(crate) async fn recover(
        &self,
        execution: &Execution,
        recover: &Recover,
    ) -> Result<Answer, PhaseError> {
        let answer = self.begin_recovery(execution, recover).await;
        answer.map_err(worth_another_try)
    }

    async fn begin_recovery(
        &self,
        execution: &Execution,
        recover: &Recover,
    ) -> Result<Answer, PhaseError> {
        let Some(record) = self.ledger.record(&recover.deployment).await? else {
            return Ok(Answer::ignore(&format!(
                "deployment {} has no record; nothing was changed",
                recover.deployment
            )));
        };
        let failure = Failure {
            phase: "execution".to_owned(),
            step: None,
            error: recover.status.as_str().to_owned(),
            cause: recover.cause.clone().unwrap_or_default(),
        };
        let deployment = record.deployment.clone();
        let nothing_left = |fence, builds, reason: &str| Answer::Conclude {
            deployment: deployment.clone(),
            fence,
            failure: failure.clone(),
            builds,
            reason: reason.to_owned(),
        };
        if record.conclusion.is_some() {
            let reason = "it concluded; only people are to be told";
            return Ok(nothing_left(0, Vec::new(), reason));
        }
        let plan = self.ledger.plan(&deployment.id).await?;
        let contracts: Vec<_> = contracts(plan.as_ref()).collect();
        let steps = plan.as_ref().map_or_else(Vec::new, Plan::references);
        let builds = self.builds(&deployment.id, &steps).await?;
        let left = !steps.is_empty() || !builds.is_empty();
        let fence = self.fence_off(&record, execution, left).await?;
        if steps.is_empty() {
            return Ok(nothing_left(fence, builds, "it had not changed anything"));
        }
        if self.has_begun(&deployment.id, &contracts).await? {
            let reason = format!(
                "finishing deployment {}: its contract began, and nothing goes back behind it",
                deployment.id
            );
            return Ok(Answer::Contract {
                deployment,
                steps,
                fence,
                reason,
            });
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

    /// The builds of images that have to be stopped. Once there is a plan, all of them are over.
    async fn builds(
        &self,
        id: &DeploymentId,
        steps: &[StepRef],
    ) -> Result<Vec<StepRef>, PhaseError> {
        if !steps.is_empty() {
            return Ok(Vec::new());
        }
        let builds = self.ledger.build_steps(id).await?;
        Ok(builds.iter().map(Step::reference).collect())
    }

    /// Whether a contract of the deployment began. Where none did, none does any more: not even
    /// by a call of the ended execution that is still on its way.
    async fn has_begun(&self, id: &DeploymentId, contracts: &[String]) -> Result<bool, PhaseError> {
        for run in contracts {
            let run = self.ledger.migration_run(id, run).await?;
            if run.begun_at.is_some() {
                return Ok(true);
            }
        }
        for run in contracts {
            let now = Timestamp::now();
            if !self.ledger.close_unless_begun(id, run, now).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes the lock anew for the same deployment. The fencing number grows, so a handler
    /// of the ended execution that is still running cannot act any more.
    ///
    /// 0, which no lock has, when there is none to take. A deployment that had changed
    /// something and lost its lock to another one cannot put anything back then: each undo
    /// says so, and a person has to look.
    async fn fence_off(
        &self,
        record: &DeploymentRecord,
        execution: &Execution,
        changed: bool,
    ) -> Result<u64, PhaseError> {
        let me = &record.deployment;
        let state: EnvironmentState = self
            .ledger
            .environment(&me.application, &me.environment)
            .await?;
        if !may_take(&state, &me.id, changed) {
            return Ok(0);
        }
        match self
            .ledger
            .acquire_lock(record, &state, Passed::default(), execution.started_at)
            .await?
        {
            Acquired::Yes { fence } => Ok(fence),
            Acquired::No => Err(PhaseError::Transient {
                operation: "taking the lock for the recovery".to_owned(),
                source_text: "it changed at the same moment".to_owned(),
            }),
        }
    }
}

/// The runs of what comes after verification.
fn contracts(plan: Option<&Plan>) -> impl Iterator<Item = String> {
    let steps = plan.into_iter().flat_map(|plan| &plan.steps);
    steps.filter_map(|step| match &step.change {
        Change::Contract(step) => Some(step.run_name(step.run)),
        _ => None,
    })
}

fn worth_another_try(error: PhaseError) -> PhaseError {
    if error.is_transient() {
        return error;
    }
    PhaseError::Transient {
        operation: "beginning the recovery".to_owned(),
        source_text: error.to_string(),
    }
}

/// The lock is the deployment's own, or nobody's while there may be something to put back:
/// after its lease ran out another deployment may have come and gone.
fn may_take(state: &EnvironmentState, me: &DeploymentId, changed: bool) -> bool {
    let holder = state
        .lock
        .as_ref()
        .and_then(|lock| lock.deployment.as_ref());
    holder.map_or(changed, |holder| holder == me)
}

#[cfg(test)]
mod tests {
    use lockstep::{DeploymentId, PhaseError};
    use lockstep_ledger::{EnvironmentState, Lock};

    use super::{may_take, worth_another_try};

    fn id(number: u64) -> DeploymentId {
        DeploymentId::for_execution("", "", number)
    }

    fn held_by(holder: Option<u64>) -> EnvironmentState {
        let lock = Lock {
            deployment: holder.map(id),
            since: None,
            lease_until: None,
            fence: 7,
            halted_by: None,
        };
        EnvironmentState {
            lock: Some(lock),
            ..EnvironmentState::default()
        }
    }

    #[test]
    fn what_was_changed_is_put_back_even_when_the_lock_was_lost_meanwhile() {
        assert!(may_take(&held_by(Some(1)), &id(1), true));
        assert!(may_take(&held_by(None), &id(1), true));
        assert!(!may_take(&held_by(Some(2)), &id(1), true));
    }

    #[test]
    fn a_refusal_does_not_end_a_recovery() {
        let refused = PhaseError::Rejected {
            resource: "the ledger".to_owned(),
            reason: "dynamodb:GetItem refused: AccessDenied".to_owned(),
        };
        let error = worth_another_try(refused);
        assert!(error.is_transient());
        assert!(error.to_string().contains("AccessDenied"), "{error}");
    }

    #[test]
    fn a_deployment_that_never_had_its_environment_takes_nothing() {
        assert!(may_take(&held_by(Some(1)), &id(1), false));
        assert!(!may_take(&held_by(None), &id(1), false));
        assert!(!may_take(&EnvironmentState::default(), &id(1), false));
    }
}
