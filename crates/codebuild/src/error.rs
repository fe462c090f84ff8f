//! What a refusal by CodeBuild means, and what to do about it.

use lockstep::PhaseError;
use lockstep_aws::{AwsError, ErrorKind};

/// Whether CodeBuild has no room for another build: the account's queue is full, or the project
/// has a limit of its own.
pub(crate) fn is_full(error: &AwsError) -> bool {
    error.code == "AccountLimitExceededException"
}

/// Whether there is no such project.
pub(crate) fn is_missing(error: &AwsError) -> bool {
    error.code == "ResourceNotFoundException"
}

/// Whether there is nothing to stop: the build ended, or is not kept any more.
pub(crate) fn is_gone(error: &AwsError) -> bool {
    matches!(
        error.code.as_str(),
        "InvalidInputException" | "ResourceNotFoundException"
    )
}

/// The phase error for a failed call about `project`, with what a person should do.
pub(crate) fn explain(error: AwsError, project: &str) -> PhaseError {
    let advice = match error.kind {
        ErrorKind::Transient => None,
        ErrorKind::AccessDenied => Some(
            "the controller may start builds of the projects that its parameter BuildProjects names",
        ),
        ErrorKind::Refused => advice(&error.code, &error.message),
    };
    match (error.about(format!("CodeBuild project {project}")), advice) {
        (PhaseError::Rejected { resource, reason }, Some(advice)) => PhaseError::Rejected {
            resource,
            reason: format!("{}; {advice}", reason.trim_end_matches('.')),
        },
        (error, _) => error,
    }
}

fn advice(code: &str, message: &str) -> Option<&'static str> {
    match code {
        "ResourceNotFoundException" => Some(
            "create the project, or correct its name in lockstep.yaml and apply it, then deploy again",
        ),
        "InvalidInputException" if message.to_lowercase().contains("idempotency") => Some(
            "the same build was asked for with other inputs less than five minutes ago; deploy again",
        ),
        "InvalidInputException" => {
            Some("correct the project, or what lockstep.yaml says of it, then deploy again")
        }
        "OAuthProviderException" => Some(
            "the project's own source cannot be read; connect it again in the CodeBuild console",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use lockstep::PhaseError;
    use lockstep_aws::{AwsError, ErrorKind};

    use super::{explain, is_full};

    fn error(kind: ErrorKind, code: &str, message: &str) -> AwsError {
        AwsError {
            operation: "codebuild:StartBuild",
            kind,
            code: code.into(),
            message: message.into(),
        }
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        for (kind, code, message, words) in [
            (
                ErrorKind::Refused,
                "ResourceNotFoundException",
                "Project cannot be found: arn",
                "create the project",
            ),
            (
                ErrorKind::Refused,
                "InvalidInputException",
                "Idempotency token mismatch",
                "with other inputs",
            ),
            (
                ErrorKind::Refused,
                "InvalidInputException",
                "Invalid compute type",
                "correct the project",
            ),
            (
                ErrorKind::AccessDenied,
                "AccessDeniedException",
                "not authorized",
                "BuildProjects",
            ),
        ] {
            let told = explain(error(kind, code, message), "shop");
            assert!(
                matches!(&told, PhaseError::Rejected { resource, reason }
                    if resource == "CodeBuild project shop" && reason.contains(words)),
                "{told}"
            );
        }
    }

    #[test]
    fn what_passes_by_itself_is_tried_again() {
        let told = explain(
            error(ErrorKind::Transient, "ThrottlingException", "Rate exceeded"),
            "shop",
        );
        assert!(told.is_transient(), "{told}");
        assert!(is_full(&error(
            ErrorKind::Refused,
            "AccountLimitExceededException",
            "Cannot have more than 1 builds in queue for the account"
        )));
    }
}
