//! Whether the log groups of a task are there. Without its group a task cannot start.

use aws_sdk_cloudwatchlogs::Client;
use lockstep::PhaseError;
use lockstep::ecs::{Check, needed_log_groups};
use lockstep_aws::AwsError;
use serde_json::Value;

use crate::answer::or_check;

/// Checks log groups.
#[derive(Debug)]
pub(crate) struct LogGroups {
    client: Client,
}

impl LogGroups {
    pub(crate) const fn new(client: Client) -> Self {
        Self { client }
    }

    /// The failed checks of the log groups that a task definition writes to. Groups of
    /// other regions are not looked at.
    pub(crate) async fn check(&self, definition: &Value) -> Result<Vec<Check>, PhaseError> {
        let here = self.client.config().region().map(ToString::to_string);
        let mut failed = Vec::new();
        for log in needed_log_groups(definition) {
            if log.region.is_some() && log.region != here {
                continue;
            }
            match or_check(self.exists(&log.group).await)? {
                Ok(true) => {}
                Ok(false) => failed.push(missing(&log.group)),
                Err(refused) => failed.push(refused),
            }
        }
        Ok(failed)
    }

    /// The group itself sorts before all others that begin like it.
    async fn exists(&self, group: &str) -> Result<bool, PhaseError> {
        let sent = self
            .client
            .describe_log_groups()
            .log_group_name_prefix(group)
            .limit(1)
            .send()
            .await;
        let found = sent.map_err(|error| {
            AwsError::new("logs:DescribeLogGroups", &error).about(format!("log group {group}"))
        })?;
        Ok(found
            .log_groups()
            .iter()
            .any(|found| found.log_group_name() == Some(group)))
    }
}

fn missing(group: &str) -> Check {
    Check {
        what: "log group".into(),
        resource: format!("log group {group}"),
        found: "none".into(),
        expected: "the log group that the task definition writes to".into(),
        todo: "create it, or set awslogs-create-group in the task definition; without it no task can start".into(),
        curable: true,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudwatchlogs::Client;
    use aws_sdk_cloudwatchlogs::operation::describe_log_groups::DescribeLogGroupsOutput;
    use aws_sdk_cloudwatchlogs::types::LogGroup;
    use aws_smithy_mocks::{RuleMode, mock, mock_client};
    use serde_json::{Value, json};

    use super::LogGroups;

    fn definition(group: &str, region: Option<&str>) -> Value {
        let mut options = json!({"awslogs-group": group});
        if let Some(region) = region {
            options["awslogs-region"] = region.into();
        }
        json!({"containerDefinitions": [{"name": "web", "logConfiguration": {"logDriver": "awslogs", "options": options}}]})
    }

    #[tokio::test]
    async fn a_group_that_only_begins_alike_is_not_it() {
        let rule = mock!(Client::describe_log_groups).then_output(|| {
            let group = LogGroup::builder().log_group_name("/quiz/web2").build();
            DescribeLogGroupsOutput::builder().log_groups(group).build()
        });
        let checker = LogGroups::new(mock_client!(
            aws_sdk_cloudwatchlogs,
            RuleMode::MatchAny,
            [&rule]
        ));
        assert_eq!(
            checker
                .check(&definition("/quiz/web", None))
                .await
                .unwrap()
                .len(),
            1
        );
        assert_eq!(
            checker
                .check(&definition("/quiz/web2", None))
                .await
                .unwrap(),
            []
        );
    }

    #[tokio::test]
    async fn groups_of_other_regions_are_not_looked_at() {
        let rule = mock!(Client::describe_log_groups)
            .then_output(|| DescribeLogGroupsOutput::builder().build());
        let checker = LogGroups::new(mock_client!(
            aws_sdk_cloudwatchlogs,
            RuleMode::MatchAny,
            [&rule]
        ));
        assert_eq!(
            checker
                .check(&definition("/quiz/web", Some("mars-north-1")))
                .await
                .unwrap(),
            []
        );
        assert_eq!(rule.num_calls(), 0);
    }
}
