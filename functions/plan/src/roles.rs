//! Whether the roles of a task are there and can be assumed by tasks.

use aws_sdk_iam::Client;
use lockstep::PhaseError;
use lockstep::ecs::{Check, short_name};
use lockstep_aws::AwsError;
use serde_json::Value;

use crate::answer::or_check;

/// Who assumes the roles of ECS tasks.
const TASKS: &str = "ecs-tasks.amazonaws.com";

/// Checks roles.
#[derive(Debug)]
pub(crate) struct Roles {
    client: Client,
}

impl Roles {
    pub(crate) const fn new(client: Client) -> Self {
        Self { client }
    }

    /// The failed checks of the roles that a task definition names.
    pub(crate) async fn check(&self, definition: &Value) -> Result<Vec<Check>, PhaseError> {
        let mut failed = Vec::new();
        let mut seen = Vec::new();
        for field in ["executionRoleArn", "taskRoleArn"] {
            let role = definition
                .get(field)
                .and_then(Value::as_str)
                .unwrap_or_default();
            if role.is_empty() || seen.contains(&role) {
                continue;
            }
            seen.push(role);
            match or_check(self.problem(field, role).await)? {
                Ok(problem) => failed.extend(problem),
                Err(refused) => failed.push(refused),
            }
        }
        Ok(failed)
    }

    async fn problem(&self, field: &str, role: &str) -> Result<Option<Check>, PhaseError> {
        // A role's path is part of its ARN, and not of the name that IAM asks for.
        let sent = self
            .client
            .get_role()
            .role_name(short_name(role))
            .send()
            .await;
        let found = match sent.map_err(|error| AwsError::new("iam:GetRole", &error)) {
            Ok(output) => output
                .role
                .and_then(|role| role.assume_role_policy_document),
            Err(error) if error.code.starts_with("NoSuchEntity") => {
                return Ok(Some(missing(field, role)));
            }
            Err(error) => return Err(error.about(format!("role {role}"))),
        };
        let assumable = found.is_none_or(|policy| policy.contains(TASKS) || policy.contains('*'));
        Ok((!assumable).then(|| not_assumable(field, role)))
    }
}

fn missing(field: &str, role: &str) -> Check {
    Check {
        what: field.into(),
        resource: format!("role {role}"),
        found: "none".into(),
        expected: "the role that the task definition names".into(),
        todo: "create the role, or correct the task definition".into(),
        curable: true,
    }
}

fn not_assumable(field: &str, role: &str) -> Check {
    Check {
        what: field.into(),
        resource: format!("role {role}"),
        found: "a trust policy without ECS tasks".into(),
        expected: format!("a trust policy that names {TASKS}"),
        todo: "let ECS tasks assume the role, or correct the task definition".into(),
        curable: false,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_iam::Client;
    use aws_sdk_iam::error::ErrorMetadata;
    use aws_sdk_iam::operation::get_role::{GetRoleError, GetRoleOutput};
    use aws_sdk_iam::primitives::DateTime;
    use aws_sdk_iam::types::Role;
    use aws_sdk_iam::types::error::NoSuchEntityException;
    use aws_smithy_mocks::{RuleMode, mock, mock_client};
    use serde_json::json;

    use super::Roles;

    fn role(policy: &str) -> GetRoleOutput {
        let role = Role::builder()
            .path("/")
            .role_name("r")
            .role_id("id")
            .arn("arn")
            .create_date(DateTime::from_secs(0));
        GetRoleOutput::builder()
            .role(role.assume_role_policy_document(policy).build().unwrap())
            .build()
    }

    #[tokio::test]
    async fn asks_by_name_and_tells_what_is_missing() {
        let execution = mock!(Client::get_role)
            .match_requests(|request| request.role_name() == Some("execution"))
            .then_error(|| {
                GetRoleError::NoSuchEntityException(
                    NoSuchEntityException::builder()
                        .meta(ErrorMetadata::builder().code("NoSuchEntity").build())
                        .build(),
                )
            });
        let task = mock!(Client::get_role)
            .match_requests(|request| request.role_name() == Some("task"))
            .then_output(|| role("%7B%22Service%22%3A%22lambda.amazonaws.com%22%7D"));
        let client = mock_client!(aws_sdk_iam, RuleMode::MatchAny, [&execution, &task]);
        let definition = json!({"executionRoleArn": "arn:aws:iam::1:role/team/execution", "taskRoleArn": "task"});
        let failed = Roles::new(client).check(&definition).await.unwrap();
        let listed: Vec<_> = failed.iter().map(ToString::to_string).collect();
        assert_eq!(
            listed,
            [
                "role arn:aws:iam::1:role/team/execution: executionRoleArn: found none, expected the role that the task definition names; \
                 create the role, or correct the task definition",
                "role task: taskRoleArn: found a trust policy without ECS tasks, expected a trust policy that names ecs-tasks.amazonaws.com; \
                 let ECS tasks assume the role, or correct the task definition",
            ]
        );
    }

    #[tokio::test]
    async fn one_role_for_both_is_asked_for_once() {
        let rule = mock!(Client::get_role).then_output(|| role("%22ecs-tasks.amazonaws.com%22"));
        let client = mock_client!(aws_sdk_iam, [&rule]);
        let definition = json!({"executionRoleArn": "r", "taskRoleArn": "r"});
        assert_eq!(Roles::new(client).check(&definition).await.unwrap(), []);
        assert_eq!(rule.num_calls(), 1);
    }
}
