//! What an ended execution means. Pure.

use lockstep::trigger::Recover;
use lockstep::verdict::Verdict;
use serde::Deserialize;

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

/// How the deployment's own execution ended. Where a recovery ended, that is what the
/// recovery was told: a deployment that a person stopped was stopped, whatever became of
/// the attempts to put it back.
pub(crate) fn first_status<'a>(status: &'a str, input: Option<&str>) -> &'a str {
    let input = input.and_then(|input| serde_json::from_str::<Input>(input).ok());
    input.map_or(status, |input| input.recover.status.as_str())
}

#[cfg(test)]
mod tests {
    use super::{failed_on_purpose, first_status};

    #[test]
    fn only_a_verdict_is_a_failure_on_purpose() {
        assert!(failed_on_purpose("FAILED", Some("ROLLED_BACK")));
        assert!(!failed_on_purpose("FAILED", Some("States.Runtime")));
        assert!(!failed_on_purpose("ABORTED", None));
    }

    #[test]
    fn a_recovery_that_failed_does_not_change_how_the_deployment_ended() {
        let recovery =
            r#"{"recover":{"deployment":"01JD5Q6Z8G0000000000000000","status":"ABORTED"}}"#;
        assert_eq!(first_status("FAILED", Some(recovery)), "ABORTED");
        assert_eq!(
            first_status("TIMED_OUT", Some(r#"{"application":"quiz"}"#)),
            "TIMED_OUT"
        );
        assert_eq!(first_status("FAILED", None), "FAILED");
    }
}
