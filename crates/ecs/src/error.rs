//! What a refusal by ECS means, and what to do about it.

use lockstep::PhaseError;
use lockstep_aws::{AwsError, ErrorKind};

/// The phase error for a failed call about `resource`, with what a person should do.
pub(crate) fn explain(error: AwsError, resource: &str) -> PhaseError {
    if error.is_about_role() {
        return error.role_unseen(&format!("a role of {resource}"));
    }
    let advice = match error.kind {
        ErrorKind::Transient | ErrorKind::AccessDenied => None,
        ErrorKind::Refused => advice(&error.code, &error.message),
    };
    match (error.about(resource), advice) {
        (PhaseError::Rejected { resource, reason }, Some(advice)) => PhaseError::Rejected {
            resource,
            reason: format!("{}; {advice}", reason.trim_end_matches('.')),
        },
        (error, _) => error,
    }
}

fn advice(code: &str, message: &str) -> Option<&'static str> {
    match code {
        "ClusterNotFoundException" => {
            Some("create the cluster, or correct its name in lockstep.yaml and apply it")
        }
        "ServiceNotFoundException" => {
            Some("create the service, or correct its name in lockstep.yaml and apply it")
        }
        "ServiceNotActiveException" => {
            Some("somebody deleted the service; create it again, then deploy again")
        }
        "PlatformUnknownException" | "PlatformTaskDefinitionIncompatibilityException" => Some(
            "the task definition does not fit the service's platform version; change one of them",
        ),
        "UnsupportedFeatureException" => {
            Some("this region or launch type lacks the feature; take it out of the task definition")
        }
        "ClientException" if message.contains("inactive") => {
            Some("the revision was deregistered; deploy again, so that a new one is registered")
        }
        "ClientException" | "InvalidParameterException" => Some(
            "correct the task definition or the rollout settings in lockstep.yaml and apply it, then deploy again",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use lockstep::PhaseError;
    use lockstep_aws::{AwsError, ErrorKind};

    use super::explain;

    fn refused(code: &str, message: &str) -> PhaseError {
        let error = AwsError {
            operation: "ecs:UpdateService",
            kind: ErrorKind::Refused,
            code: code.into(),
            message: message.into(),
        };
        explain(error, "service quiz/web")
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        assert_eq!(
            refused("ServiceNotActiveException", "Service was not ACTIVE.").to_string(),
            "service quiz/web: ecs:UpdateService refused: ServiceNotActiveException: Service was not ACTIVE; \
             somebody deleted the service; create it again, then deploy again"
        );
        assert!(
            refused("ClientException", "TaskDefinition is inactive")
                .to_string()
                .contains("was deregistered")
        );
    }

    #[test]
    fn an_unknown_refusal_is_still_rejected() {
        assert_eq!(refused("BlockedException", "no").name(), "Rejected");
    }
}
