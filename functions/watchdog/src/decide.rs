//! What an ended execution means. Pure.

use lockstep::trigger::Recover;
use lockstep::verdict::Verdict;
use serde::Deserialize;

/// So many characters are kept of what was said.
const LONGEST: usize = 300;

/// Whether an execution failed in its own last state, as a deployment with a bad verdict
/// does: then everything was said and done, unless it was a recovery that could not begin.
pub(crate) fn failed_on_purpose(status: &str, error: Option<&str>) -> bool {
    let verdict = |error: &str| Verdict::ALL.iter().any(|verdict| verdict.as_str() == error);
    status == "FAILED" && error.is_some_and(verdict)
}

/// The input of a recovery.
#[derive(Deserialize)]
struct Input {
    recover: Recover,
}

/// What a recovery that ended was told: how the deployment's own execution ended. A deployment
/// that a person stopped was stopped, whatever became of the attempts to put it back. `None`
/// where it is the deployment's own execution that ended.
pub(crate) fn told_before(input: Option<&str>) -> Option<Recover> {
    let input = serde_json::from_str::<Input>(input?).ok()?;
    Some(input.recover)
}

/// What was said when an execution was stopped, as far as a message takes it.
pub(crate) fn said(cause: &str) -> Option<String> {
    let cause: String = cause.trim().chars().take(LONGEST).collect();
    (!cause.is_empty()).then_some(cause)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use lockstep::trigger::StoppedStatus;

    use super::{failed_on_purpose, said, told_before};

    #[test]
    fn only_a_verdict_is_a_failure_on_purpose() {
        assert!(failed_on_purpose("FAILED", Some("ROLLED_BACK")));
        assert!(!failed_on_purpose("FAILED", Some("States.Runtime")));
        assert!(!failed_on_purpose("ABORTED", None));
    }

    #[test]
    fn a_recovery_that_failed_does_not_change_how_the_deployment_ended() {
        let recovery = r#"{"recover":{"deployment":"01JD5Q6Z8G0000000000000000","status":"ABORTED","cause":"stopped by ann"}}"#;
        let told = told_before(Some(recovery)).unwrap();
        assert_eq!(told.status, StoppedStatus::Aborted);
        assert_eq!(told.cause.as_deref(), Some("stopped by ann"));
        assert_eq!(told_before(Some(r#"{"application":"quiz"}"#)), None);
        assert_eq!(told_before(None), None);
    }

    #[test]
    fn what_was_said_is_kept_as_far_as_a_message_takes_it() {
        assert_eq!(said(" stopped by ann ").as_deref(), Some("stopped by ann"));
        assert_eq!(said("  "), None);
        assert_eq!(said(&"x".repeat(1000)).unwrap().len(), 300);
    }
}
