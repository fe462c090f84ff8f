//! What the state machine tells about how a deployment went.

use lockstep::Recovery;
use lockstep::record::{DeploymentRef, Execution, Failure, StepUndo};
use lockstep::verdict::Outcome;
use serde::Deserialize;
use serde_json::Value;

/// The payload of the Conclude state.
#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    pub(crate) deployment: Option<DeploymentRef>,
    pub(crate) execution: Execution,
    pub(crate) fence: u64,
    pub(crate) failure: Option<Failure>,
    pub(crate) undo: Vec<UndoReport>,
    pub(crate) restored: Option<Restored>,
    /// Whatever they look like: executions that began before an update have numbers here.
    pub(crate) steps: Vec<Value>,
}

/// What became of undoing one step.
#[derive(Debug, Deserialize)]
pub(crate) struct UndoReport {
    step: u32,
    /// What failed to be undone: the step itself, or what goes with the deployment as a whole.
    #[serde(default)]
    phase: Option<String>,
    /// What undo did, when it succeeded.
    #[serde(default)]
    summary: Option<String>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    cause: String,
}

/// What became of verifying what was put back.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Restored {
    /// `true`: it passed.
    Passed(bool),
    /// It did not.
    Failed {
        error: String,
        #[serde(default)]
        cause: String,
    },
}

impl Request {
    /// The recovery that this execution was to be, where its trigger failed.
    pub(crate) fn recovery_not_begun(&self) -> Option<Recovery> {
        match &self.deployment {
            Some(_) => None,
            None => Recovery::of_execution(&self.execution.name),
        }
    }

    /// Why the trigger failed.
    pub(crate) fn cause(&self) -> String {
        self.failure
            .as_ref()
            .map_or_else(|| "The trigger failed".to_owned(), lockstep::cause_text)
    }

    /// All that the verdict is decided by.
    pub(crate) fn outcome(&self) -> Outcome {
        let not_restored = match &self.restored {
            Some(Restored::Failed { error, cause }) => Some(failure("verify", error, cause)),
            Some(Restored::Passed(false)) => {
                Some(failure("verify", "Unhealthy", "it was not verified"))
            }
            Some(Restored::Passed(true)) | None => None,
        };
        Outcome {
            failure: self.failure.clone(),
            planned: !self.steps.is_empty(),
            unwound: !self.undo.is_empty() || self.restored.is_some(),
            undo: self.undo.iter().map(UndoReport::read).collect(),
            not_restored,
            gates: Vec::new(),
        }
    }
}

impl UndoReport {
    fn read(&self) -> StepUndo {
        let phase = self.phase.as_deref().unwrap_or("service");
        let failure = self
            .error
            .as_ref()
            .map(|error| failure(phase, error, &self.cause));
        StepUndo {
            step: self.step,
            summary: self.summary.clone(),
            failure,
        }
    }
}

fn failure(phase: &str, error: &str, cause: &str) -> Failure {
    Failure {
        phase: phase.to_owned(),
        step: None,
        error: error.to_owned(),
        cause: cause.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use lockstep::verdict::Verdict;
    use serde_json::json;

    use super::Request;

    fn verdict(fields: &serde_json::Value) -> Option<Verdict> {
        let mut payload = json!({
            "deployment": null,
            "execution": {"name": "x", "arn": "arn", "started_at": "2026-11-20T10:00:00Z"},
            "fence": 1, "failure": null, "undo": [], "restored": null, "steps": [0],
        });
        payload.as_object_mut()?.extend(fields.as_object()?.clone());
        serde_json::from_value::<Request>(payload)
            .ok()
            .map(|request| request.outcome().verdict())
    }

    #[test]
    fn the_state_machines_words_give_the_verdicts() {
        let failed = json!({"phase": "service", "error": "Unhealthy", "cause": "exit code 1"});
        assert_eq!(verdict(&json!({})), Some(Verdict::Succeeded));
        assert_eq!(verdict(&json!({"steps": []})), Some(Verdict::NoChange));
        let undone = json!({"failure": failed, "undo": [{"step": 0, "summary": "web runs web:7 again"}], "restored": true});
        assert_eq!(verdict(&undone), Some(Verdict::RolledBack));
        let stuck = json!({"failure": failed, "undo": [{"step": 0, "error": "Rejected", "cause": "no"}], "restored": true});
        assert_eq!(verdict(&stuck), Some(Verdict::FailedDirty));
        let unhealthy = json!({"failure": failed, "undo": [{"step": 0}], "restored": {"error": "Unhealthy", "cause": "500"}});
        assert_eq!(verdict(&unhealthy), Some(Verdict::FailedDirty));
    }
}
