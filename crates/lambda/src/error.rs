//! What a refusal by Lambda means, and what to do about it.

use lockstep::PhaseError;
use lockstep_aws::{AwsError, ErrorKind};

/// Whether a refusal only says that the function is not what it was, or is being worked on:
/// whoever gets it looks again.
pub(crate) fn is_contended(error: &AwsError) -> bool {
    matches!(
        error.code.as_str(),
        "ResourceConflictException" | "PreconditionFailedException"
    )
}

/// Whether there is no such function, version or alias.
pub(crate) fn is_missing(error: &AwsError) -> bool {
    error.code == "ResourceNotFoundException"
}

/// Whether Lambda was asked too often.
pub(crate) fn is_throttled(error: &AwsError) -> bool {
    error.kind == ErrorKind::Transient
        && (error.code.starts_with("TooManyRequests") || error.code.contains("Throttl"))
}

/// The phase error for a failed call about `resource`, with what a person should do.
pub(crate) fn explain(error: AwsError, resource: &str) -> PhaseError {
    if error.is_about_role() {
        return error.role_unseen(&format!("the role of {resource}"));
    }
    let advice = match error.kind {
        ErrorKind::Transient | ErrorKind::AccessDenied => None,
        ErrorKind::Refused => advice(&error.code, &error.message.to_lowercase()),
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
        "KMSAccessDeniedException"
        | "KMSDisabledException"
        | "KMSInvalidStateException"
        | "KMSNotFoundException" => {
            Some("Lambda cannot use the key of the function's environment variables")
        }
        "ResourceNotFoundException" => Some(
            "somebody deleted it; create it again, or take it out of lockstep.yaml and apply it",
        ),
        "CodeStorageExceededException" => Some(
            "the account's storage for code is full; delete versions that nobody needs, or have the quota raised",
        ),
        "CodeVerificationFailedException" | "InvalidCodeSignatureException" => Some(
            "the function only takes code that is signed; sign the artifact in the build, before it is uploaded",
        ),
        "RequestTooLargeException" => {
            Some("the previous code is too large to be sent directly; put it back from its release")
        }
        "InvalidParameterValueException" if message.contains("could not unzip") => {
            Some("the artifact is not a zip file that Lambda can read; build and release it again")
        }
        "InvalidParameterValueException" if message.contains("unzipped size") => {
            Some("the unpacked code and its layers are too large; make the artifact smaller")
        }
        "InvalidParameterValueException" if message.contains("s3") => Some(
            "Lambda cannot read the artifact; is it still in the releases bucket, and may the role read it?",
        ),
        "InvalidParameterValueException" if message.contains("source image") => Some(
            "Lambda cannot read the image; the repository's policy must allow lambda.amazonaws.com, and the image must fit the function's architecture",
        ),
        "InvalidParameterValueException" => Some(
            "correct the function's configuration in lockstep.yaml and apply it, then deploy again",
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
            operation: "lambda:UpdateFunctionCode",
            kind: ErrorKind::Refused,
            code: code.into(),
            message: message.into(),
        };
        explain(error, "function shop-api")
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let unzip =
            "Could not unzip uploaded file. Please check your file, then try to upload again.";
        assert_eq!(
            refused("InvalidParameterValueException", unzip).to_string(),
            "function shop-api: lambda:UpdateFunctionCode refused: InvalidParameterValueException: Could not unzip uploaded file. \
             Please check your file, then try to upload again; \
             the artifact is not a zip file that Lambda can read; build and release it again"
        );
        for (code, message, words) in [
            (
                "ResourceNotFoundException",
                "Function not found: f",
                "somebody deleted it",
            ),
            (
                "CodeStorageExceededException",
                "x",
                "storage for code is full",
            ),
            ("CodeVerificationFailedException", "x", "signed"),
            ("InvalidCodeSignatureException", "x", "signed"),
            ("RequestTooLargeException", "x", "too large"),
            (
                "InvalidParameterValueException",
                "Unzipped size must be smaller than 262144000 bytes",
                "make the artifact smaller",
            ),
            (
                "InvalidParameterValueException",
                "Error occurred while GetObject. S3 Error Code: NoSuchKey.",
                "releases bucket",
            ),
            (
                "InvalidParameterValueException",
                "Source image 1.dkr.ecr does not exist. Provide a valid source image.",
                "cannot read the image",
            ),
            (
                "InvalidParameterValueException",
                "MemorySize",
                "lockstep.yaml",
            ),
        ] {
            let text = refused(code, message).to_string();
            assert!(text.contains(words), "{code}: {text}");
        }
    }

    #[test]
    fn an_unknown_refusal_is_still_rejected() {
        assert_eq!(refused("NewException", "no").name(), "Rejected");
    }
}
