//! Roles that were made a moment ago: IAM tells of them everywhere only after some seconds.

use lockstep::PhaseError;

use crate::{AwsError, ErrorKind};

/// How services say that they cannot use a role, in lower case. None has a code of its own for it.
const WORDS: [&str; 3] = [
    // Lambda: "The role defined for the function cannot be assumed by Lambda."
    "cannot be assumed",
    // ECS: "Role is not valid"
    "role is not valid",
    // ECS: "Unable to assume the service linked role", "ECS was unable to assume the role ..."
    "unable to assume",
];

impl AwsError {
    /// Whether the service only says that it cannot use a role: it may be one that this
    /// deployment's stack made a moment ago.
    pub fn is_about_role(&self) -> bool {
        let message = self.message.to_lowercase();
        self.kind == ErrorKind::Refused && WORDS.iter().any(|words| message.contains(words))
    }

    /// The error to try again with, about `roles` as people name them.
    pub fn role_unseen(self, roles: &str) -> PhaseError {
        let Self {
            operation,
            code,
            message,
            ..
        } = self;
        let message = message.trim_end_matches('.');
        PhaseError::Transient {
            operation: operation.to_owned(),
            source_text: format!(
                "{roles} cannot be used: {code}: {message}; it was tried again for a while, because a role that was made a moment \
                 ago is not seen everywhere at once; does it exist, and does its trust policy name the service?"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{AwsError, ErrorKind};

    fn refused(code: &str, message: &str) -> AwsError {
        AwsError {
            operation: "ecs:RegisterTaskDefinition",
            kind: ErrorKind::Refused,
            code: code.into(),
            message: message.into(),
        }
    }

    #[test]
    fn a_role_that_is_not_seen_yet_is_worth_another_try() {
        let lambda = "The role defined for the function cannot be assumed by Lambda.";
        for (code, message) in [
            ("InvalidParameterValueException", lambda),
            ("ClientException", "Role is not valid"),
            (
                "InvalidParameterException",
                "Unable to assume the service linked role. Please verify that the ECS service linked role exists.",
            ),
        ] {
            assert!(refused(code, message).is_about_role(), "{message}");
        }
        assert!(!refused("ClientException", "Container web is not valid").is_about_role());
        let error = refused("ClientException", "Role is not valid").role_unseen("role arn:x");
        assert_eq!(error.name(), "Transient");
        let text = error.to_string();
        assert!(
            text.contains("role arn:x cannot be used: ClientException: Role is not valid; "),
            "{text}"
        );
    }

    #[test]
    fn an_account_that_is_denied_is_not_about_a_role() {
        let mut denied = refused(
            "AccessDeniedException",
            "not authorized to pass: role is not valid",
        );
        denied.kind = ErrorKind::AccessDenied;
        assert!(!denied.is_about_role());
    }
}
