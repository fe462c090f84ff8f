//! What becomes of an execution that was aborted, timed out or failed.

use aws_sdk_sfn::Client;
use aws_sdk_sfn::types::HistoryEventType;
use jiff::Timestamp;
use lockstep::trigger::StoppedStatus;
use lockstep::{DeploymentId, PhaseError, Recovery};
use lockstep_aws::AwsError;
use lockstep_handler::parse;
use lockstep_ledger::Ledger;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::decide::{failed_on_purpose, said, told_before};

pub(crate) struct Watchdog {
    pub(crate) sfn: Client,
    pub(crate) ledger: Ledger,
    pub(crate) state_machine: String,
}

/// The EventBridge event `Step Functions Execution Status Change`.
#[derive(Deserialize)]
struct Event {
    detail: Detail,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    execution_arn: String,
    name: String,
    status: String,
    /// Left out by Step Functions where it is large, which a recovery's is not.
    #[serde(default)]
    input: Option<String>,
    #[serde(default)]
    error: Option<String>,
}

impl Watchdog {
    pub(crate) async fn handle(&self, payload: Value) -> Result<Value, PhaseError> {
        let Event { detail } = parse(payload)?;
        let earlier = Recovery::of_execution(&detail.name);
        let has_verdict = failed_on_purpose(&detail.status, detail.error.as_deref());
        if has_verdict && earlier.is_none() {
            return Ok(left_alone(&detail, "the execution ended with a verdict"));
        }
        let id = match &earlier {
            Some(recovery) => Some(recovery.deployment.clone()),
            None => {
                self.ledger
                    .end_execution(&detail.name, Timestamp::now())
                    .await?
            }
        };
        let Some(id) = id else {
            return Ok(left_alone(&detail, "it had not created a deployment yet"));
        };
        let Some(record) = self.ledger.record(&id).await? else {
            return Ok(left_alone(&detail, "its deployment has no record"));
        };
        let concluded = record.conclusion.is_some();
        if concluded && (has_verdict || self.told(&detail).await?) {
            return Ok(left_alone(
                &detail,
                "its deployment concluded and people were told",
            ));
        }
        let recovery = match earlier {
            None => Recovery {
                deployment: id,
                number: 1,
            },
            Some(earlier) => earlier.next().ok_or_else(|| given_up(&id))?,
        };
        self.start(&recovery, &detail).await
    }

    /// Whether people were told. Step Functions' own history is the proof: the ledger could
    /// only say that somebody was about to.
    async fn told(&self, detail: &Detail) -> Result<bool, PhaseError> {
        let sent = self
            .sfn
            .get_execution_history()
            .execution_arn(&detail.execution_arn)
            .reverse_order(true)
            .max_results(50)
            .send()
            .await;
        let history = sent.map_err(|error| {
            AwsError::new("states:GetExecutionHistory", &error)
                .about(format!("execution {}", detail.name))
        })?;
        Ok(history.events().iter().any(|event| {
            *event.r#type() == HistoryEventType::TaskStateExited
                && event
                    .state_exited_event_details()
                    .is_some_and(|details| details.name() == "Notify")
        }))
    }

    /// What whoever stopped the execution said of it. Putting back what it changed does not wait for
    /// that: where nobody can tell, nothing is said.
    async fn said(&self, detail: &Detail) -> Option<String> {
        if detail.status != StoppedStatus::Aborted.as_str() {
            return None;
        }
        let describe = self.sfn.describe_execution();
        let sent = describe.execution_arn(&detail.execution_arn).send().await;
        match sent {
            Ok(execution) => said(execution.cause().unwrap_or_default()),
            Err(error) => {
                let error = AwsError::new("states:DescribeExecution", &error);
                let error = error.about(format!("execution {}", detail.name));
                tracing::warn!(
                    execution = detail.name,
                    "nobody will be told why it was stopped: {error}"
                );
                None
            }
        }
    }

    async fn start(&self, recovery: &Recovery, detail: &Detail) -> Result<Value, PhaseError> {
        let (name, deployment) = (recovery.name(), recovery.deployment.as_str());
        let mut recover = json!({ "deployment": deployment, "status": detail.status });
        let cause = match told_before(detail.input.as_deref()) {
            Some(told) => {
                recover["status"] = told.status.as_str().into();
                told.cause
            }
            None => self.said(detail).await,
        };
        if let Some(cause) = cause {
            recover["cause"] = cause.into();
        }
        let input = json!({ "recover": recover });
        let sent = self
            .sfn
            .start_execution()
            .state_machine_arn(&self.state_machine)
            .name(&name)
            .input(input.to_string())
            .send()
            .await;
        match sent {
            Ok(_) => tracing::warn!(
                deployment,
                execution = name,
                status = detail.status,
                "recovery started"
            ),
            Err(error) => {
                let error = AwsError::new("states:StartExecution", &error);
                if error.code != "ExecutionAlreadyExists" {
                    return Err(error.about(format!("execution {name}")));
                }
                tracing::info!(
                    deployment,
                    execution = name,
                    "the recovery is under way already"
                );
            }
        }
        Ok(json!({ "recovery": name }))
    }
}

fn given_up(id: &DeploymentId) -> PhaseError {
    PhaseError::Rejected {
        resource: format!("deployment {id}"),
        reason: format!(
            "its recovery was tried five times and did not conclude; look at it with `lockstep show {id}`, then put the \
             environment in order by hand"
        ),
    }
}

fn left_alone(detail: &Detail, reason: &str) -> Value {
    tracing::info!(
        execution = detail.name,
        status = detail.status,
        "nothing to recover: {reason}"
    );
    json!({ "left_alone": reason })
}
