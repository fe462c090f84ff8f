//! What a refusal by CloudFormation means, and what to do about it.
//!
//! Most of them have the one code `ValidationError`; only the text tells them apart.

use lockstep::PhaseError;
use lockstep_aws::{AwsError, ErrorKind};

/// Whether there is no such stack: `Stack with id web does not exist` (`DescribeStacks`), `Stack
/// [web] does not exist` (all others).
pub(crate) fn is_absent(error: &AwsError) -> bool {
    error.code == "ValidationError"
        && error.message.starts_with("Stack")
        && error.message.contains("does not exist")
}

/// Whether there is no such change set.
pub(crate) fn is_no_change_set(error: &AwsError) -> bool {
    matches!(
        error.code.as_str(),
        "ChangeSetNotFound" | "ChangeSetNotFoundException"
    )
}

/// How CloudFormation says that a stack is in another state than the call needs.
const OTHER_STATE: [&str; 6] = [
    "cannot be called from current stack status",
    "state and can not",
    "state and cannot",
    "cannot be deleted while in status",
    "cannot be updated while",
    "is not in the correct state",
];

/// Whether a refusal only says that the stack or the change set is not what the caller takes it
/// for, or that an earlier attempt was taken: whoever gets it looks again.
pub(crate) fn is_outdated(error: &AwsError) -> bool {
    let by_code = matches!(
        error.code.as_str(),
        "AlreadyExistsException"
            | "InvalidChangeSetStatus"
            | "InvalidChangeSetStatusException"
            | "TokenAlreadyExistsException"
            | "OperationInProgressException"
    );
    by_code
        || is_absent(error)
        || is_no_change_set(error)
        || (error.code == "ValidationError"
            && OTHER_STATE.iter().any(|text| error.message.contains(text)))
}

/// The phase error for a failed call about `resource`, with what a person should do.
pub(crate) fn explain(error: AwsError, resource: &str) -> PhaseError {
    let advice = match error.kind {
        ErrorKind::Transient => None,
        ErrorKind::AccessDenied | ErrorKind::Refused => advice(&error.code, &error.message),
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
        "InsufficientCapabilitiesException" => Some(
            "acknowledge it in the stack's `capabilities` in lockstep.yaml and apply it, then deploy again",
        ),
        "LimitExceededException" => Some(
            "delete stacks or change sets that nobody needs, or have the quota raised, then deploy again",
        ),
        _ if message.contains("iam:PassRole") => Some(
            "the stack's role has to be one that the controller may pass: its parameter StackRoleArn names them",
        ),
        "ValidationError" if message.contains("cannot be assumed") => {
            Some("the role's trust policy has to let cloudformation.amazonaws.com assume it")
        }
        "ValidationError" if message.contains("S3 error") => Some(
            "CloudFormation reads the template as the phase that calls; is it still in the releases bucket?",
        ),
        "ValidationError" if message.contains("TerminationProtection") => Some(
            "somebody protected the stack again; take the protection off if it is to be deleted",
        ),
        "ValidationError" if message.contains("Template format error") => {
            Some("correct the template and apply or release it, then deploy again")
        }
        "ValidationError" if message.starts_with("Parameter") => Some(
            "correct the stack's `parameters` in lockstep.yaml and apply it, then deploy again",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use lockstep::PhaseError;
    use lockstep_aws::{AwsError, ErrorKind};

    use super::{explain, is_absent, is_outdated};

    fn error(code: &str, message: &str) -> AwsError {
        AwsError {
            operation: "cloudformation:CreateChangeSet",
            kind: ErrorKind::Refused,
            code: code.into(),
            message: message.into(),
        }
    }

    #[test]
    fn a_stack_is_absent_only_where_the_text_is_about_the_stack() {
        for text in [
            "Stack with id quiz does not exist",
            "Stack [quiz] does not exist",
        ] {
            assert!(is_absent(&error("ValidationError", text)), "{text}");
        }
        for (code, text) in [
            (
                "ValidationError",
                "S3 error: The specified key does not exist.",
            ),
            (
                "ValidationError",
                "Parameters: [X] do not exist in the template",
            ),
            ("ChangeSetNotFound", "ChangeSet [x] does not exist"),
        ] {
            assert!(!is_absent(&error(code, text)), "{text}");
        }
    }

    #[test]
    fn a_stack_in_another_state_is_looked_at_again() {
        for (code, text) in [
            (
                "AlreadyExistsException",
                "ChangeSet lockstep-1 already exists",
            ),
            (
                "InvalidChangeSetStatus",
                "ChangeSet [x] cannot be executed in its current status",
            ),
            ("TokenAlreadyExistsException", ""),
            (
                "ValidationError",
                "Stack:arn:aws:x is in UPDATE_IN_PROGRESS state and can not be updated.",
            ),
            (
                "ValidationError",
                "CancelUpdateStack cannot be called from current stack status",
            ),
            (
                "ValidationError",
                "Stack [q] cannot be deleted while in status UPDATE_IN_PROGRESS",
            ),
            ("ValidationError", "Stack [q] does not exist"),
        ] {
            assert!(is_outdated(&error(code, text)), "{text}");
        }
        for text in [
            "Template format error: unsupported structure.",
            "Parameters: [X] must have values",
        ] {
            assert!(!is_outdated(&error("ValidationError", text)), "{text}");
        }
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        for (code, message, words) in [
            (
                "InsufficientCapabilitiesException",
                "Requires capabilities : [CAPABILITY_IAM]",
                "`capabilities`",
            ),
            (
                "ValidationError",
                "Role arn:x is invalid or cannot be assumed",
                "trust policy",
            ),
            (
                "ValidationError",
                "S3 error: Access Denied",
                "releases bucket",
            ),
            (
                "ValidationError",
                "Template format error: no",
                "correct the template",
            ),
            (
                "ValidationError",
                "Parameters: [X] must have values",
                "`parameters`",
            ),
        ] {
            let told = explain(error(code, message), "stack quiz");
            assert!(
                matches!(&told, PhaseError::Rejected { resource, reason }
                    if resource == "stack quiz" && reason.contains(words)),
                "{told}"
            );
        }
        let denied = AwsError {
            kind: ErrorKind::AccessDenied,
            ..error(
                "AccessDenied",
                "User x is not authorized to perform: iam:PassRole on resource: y",
            )
        };
        let told = explain(denied, "stack quiz").to_string();
        assert!(told.contains("StackRoleArn"), "{told}");
        assert!(
            explain(error("ValidationError", "no"), "stack quiz")
                .to_string()
                .ends_with("no")
        );
    }
}
