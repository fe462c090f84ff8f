//! What the answers of S3 mean.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use lockstep::PhaseError;
use lockstep_aws::{AwsError, ErrorKind};

/// What a look came to: `None` when there is no such object, or its newest version is the mark of
/// its deletion. The answer to a HEAD has no body, so there is no code to go by.
#[expect(
    clippy::result_large_err,
    reason = "the SDK's error as it came, for `failed`"
)]
pub fn found<T, E>(
    sent: Result<T, SdkError<E, HttpResponse>>,
) -> Result<Option<T>, SdkError<E, HttpResponse>> {
    match sent {
        Ok(output) => Ok(Some(output)),
        Err(error) if matches!(status(&error), Some(404 | 405)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The phase error of a failed call about `resource`. Where access was denied it names the
/// permissions that the call takes: they have other names than the calls.
pub fn failed<E>(
    operation: &'static str,
    resource: impl Into<String>,
    error: &SdkError<E, HttpResponse>,
) -> PhaseError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let is_forbidden = status(error) == Some(403);
    let error = AwsError::new(operation, error);
    let denied = error.kind == ErrorKind::AccessDenied || (is_forbidden && error.code.is_empty());
    if !denied {
        return error.about(resource);
    }
    let said = match error.message.trim_end_matches('.') {
        said if error.code.is_empty() || said.is_empty() => String::new(),
        said => format!(" ({said})"),
    };
    PhaseError::Rejected {
        resource: resource.into(),
        reason: format!(
            "S3 denied {operation}{said}; the phase's role needs {}, in template.yaml, and neither the bucket's policy nor \
             its key may forbid it",
            permissions(operation)
        ),
    }
}

fn permissions(operation: &'static str) -> &'static str {
    match operation {
        "s3:HeadObject" | "s3:GetObject" => {
            "s3:GetObject, and s3:GetObjectVersion where a version is named"
        }
        "s3:CopyObject" => {
            "s3:GetObject and s3:GetObjectVersion on what is copied, and s3:PutObject on where it is copied to"
        }
        other => other,
    }
}

fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|answer| answer.status().as_u16())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use aws_sdk_s3::Client;
    use aws_sdk_s3::config::http::HttpResponse;
    use aws_smithy_mocks::{MockResponse, RuleMode, mock, mock_client};
    use aws_smithy_types::body::SdkBody;

    use super::{failed, found};

    fn answer(status: u16, body: &'static str) -> HttpResponse {
        HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body))
    }

    async fn head(status: u16) -> Result<Option<()>, String> {
        let head = mock!(Client::head_object)
            .then_compute_response(move |_| MockResponse::Http(answer(status, "")));
        let client = mock_client!(aws_sdk_s3, RuleMode::MatchAny, [&head]);
        let sent = client.head_object().bucket("b").key("k").send().await;
        match found(sent) {
            Ok(output) => Ok(output.map(drop)),
            Err(error) => Err(failed("s3:HeadObject", "s3://b/k", &error).to_string()),
        }
    }

    #[tokio::test]
    async fn what_is_missing_or_deleted_is_no_error() {
        assert_eq!(head(404).await, Ok(None));
        assert_eq!(head(405).await, Ok(None));
    }

    #[tokio::test]
    async fn a_denied_look_names_the_permission_that_it_takes() {
        assert_eq!(
            head(403).await.unwrap_err(),
            "s3://b/k: S3 denied s3:HeadObject; the phase's role needs s3:GetObject, and s3:GetObjectVersion where a \
             version is named, in template.yaml, and neither the bucket's policy nor its key may forbid it"
        );
    }

    #[tokio::test]
    async fn a_denied_copy_names_what_it_takes_on_both_sides() {
        const DENIED: &str = "<Error><Code>AccessDenied</Code><Message>User: lockstep-publish-live is not authorized to \
                              perform: s3:GetObjectVersion</Message></Error>";
        let copy = mock!(Client::copy_object)
            .then_compute_response(|_| MockResponse::Http(answer(403, DENIED)));
        let client = mock_client!(aws_sdk_s3, RuleMode::MatchAny, [&copy]);
        let copy = client.copy_object().bucket("b").key("k").copy_source("b/s");
        let error = copy.send().await.unwrap_err();
        let error = failed("s3:CopyObject", "s3://b/k from s3://b/s", &error);
        assert_eq!(
            (error.name(), error.to_string()),
            (
                "Rejected",
                "s3://b/k from s3://b/s: S3 denied s3:CopyObject (User: lockstep-publish-live is not authorized to perform: \
                 s3:GetObjectVersion); the phase's role needs s3:GetObject and s3:GetObjectVersion on what is copied, and \
                 s3:PutObject on where it is copied to, in template.yaml, and neither the bucket's policy nor its key may \
                 forbid it"
                    .to_owned()
            )
        );
    }
}
