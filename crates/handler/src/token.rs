//! Answers to Step Functions by task token.

use aws_sdk_sfn::Client;
use aws_sdk_sfn::error::SdkError;
use lockstep::PhaseError;
use lockstep_aws::AwsError;
use serde_json::Value;

use crate::error::cause;

/// Answers task tokens.
#[derive(Debug, Clone)]
pub struct Tokens {
    client: Client,
}

/// The name on which the state machine asks again. It is no error: nothing failed.
const CONTINUE: &str = "Continue";

/// An answer to a token that nobody waits for any more: the attempt timed out and a
/// newer one is under way, or the execution ended. Harmless either way.
const DEAD_TOKEN: [&str; 3] = ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"];

impl Tokens {
    /// Answers through `client`.
    pub const fn new(client: Client) -> Self {
        Self { client }
    }

    /// Ends the waiting state with `output`.
    ///
    /// # Errors
    /// [`PhaseError::Transient`] when Step Functions could not be reached.
    pub async fn succeed(&self, token: &str, output: &Value) -> Result<(), PhaseError> {
        let sent = self
            .client
            .send_task_success()
            .task_token(token)
            .output(output.to_string())
            .send()
            .await;
        sent.map(drop)
            .or_else(|error| unless_dead("states:SendTaskSuccess", &error))
    }

    /// Ends the attempt, so that the state's retry on `Continue` asks again at once: the
    /// phase is not done, and no event would wake it.
    ///
    /// # Errors
    /// [`PhaseError::Transient`] when Step Functions could not be reached.
    pub async fn go_on(&self, token: &str, note: &str) -> Result<(), PhaseError> {
        let sent = self
            .client
            .send_task_failure()
            .task_token(token)
            .error(CONTINUE)
            .cause(note)
            .send()
            .await;
        sent.map(drop)
            .or_else(|error| unless_dead("states:SendTaskFailure", &error))
    }

    /// Fails the waiting state with the error's stable name and its text.
    ///
    /// # Errors
    /// [`PhaseError::Transient`] when Step Functions could not be reached.
    pub async fn fail(&self, token: &str, error: &PhaseError) -> Result<(), PhaseError> {
        let sent = self
            .client
            .send_task_failure()
            .task_token(token)
            .error(error.name())
            .cause(cause(error))
            .send()
            .await;
        sent.map(drop)
            .or_else(|error| unless_dead("states:SendTaskFailure", &error))
    }
}

fn unless_dead<E>(
    operation: &'static str,
    error: &SdkError<E, aws_sdk_sfn::config::http::HttpResponse>,
) -> Result<(), PhaseError>
where
    E: aws_sdk_sfn::error::ProvideErrorMetadata + std::error::Error + 'static,
{
    let error = AwsError::new(operation, error);
    if DEAD_TOKEN.contains(&error.code.as_str()) {
        tracing::info!(
            code = error.code,
            "nobody waits for this answer any more; a newer attempt gives it"
        );
        return Ok(());
    }
    Err(error.about("the task token"))
}
