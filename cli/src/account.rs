//! The account as the commands look at it, with the caller's own credentials: nothing here
//! changes anything.

use aws_sdk_cloudwatch::types::AlarmType;
use aws_sdk_ecr::primitives::DateTime;
use aws_sdk_ecr::types::ImageIdentifier;
use aws_types::SdkConfig;
use lockstep::PhaseError;
use lockstep::ecs::short_name;
use lockstep_aws::AwsError;
use lockstep_cloudformation::CloudFormation;
use lockstep_ecs::Ecs;
use lockstep_lambda::Lambda;
use lockstep_parameters::Parameters;
use lockstep_site::{Bucket, CloudFront};

use crate::repair::Candidate;

/// How ECR says that it has no such image.
const NO_IMAGE: [&str; 2] = ["ImageNotFoundException", "RepositoryNotFoundException"];

/// Handles on everything that an application consists of.
#[derive(Debug, Clone)]
pub struct Account {
    /// Distributions.
    pub cloudfront: CloudFront,
    /// Stacks.
    pub cloudformation: CloudFormation,
    /// Services and task definitions.
    pub ecs: Ecs,
    /// Functions, within a budget of calls.
    pub lambda: Lambda,
    /// Parameters of SSM.
    pub parameters: Parameters,
    cloudwatch: aws_sdk_cloudwatch::Client,
    ecr: aws_sdk_ecr::Client,
    iam: aws_sdk_iam::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
    s3: aws_sdk_s3::Client,
    sns: aws_sdk_sns::Client,
}

/// A role, as those who need it see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleLook {
    /// There is none.
    Missing,
    /// Who needs it may not assume it.
    NotAssumable,
    /// Who needs it may assume it.
    Good,
}

impl Account {
    /// The account that `config` leads to.
    pub fn new(config: &SdkConfig) -> Self {
        let endpoint = config.endpoint_url().map(str::to_owned);
        // The local engine has no host names for buckets.
        let s3 = aws_sdk_s3::config::Builder::from(config).force_path_style(endpoint.is_some());
        Self {
            cloudfront: CloudFront::new(config),
            cloudformation: CloudFormation::new(aws_sdk_cloudformation::Client::new(config)),
            ecs: Ecs::new(aws_sdk_ecs::Client::new(config)),
            lambda: Lambda::new(aws_sdk_lambda::Client::new(config), endpoint),
            parameters: Parameters::new(config),
            cloudwatch: aws_sdk_cloudwatch::Client::new(config),
            ecr: aws_sdk_ecr::Client::new(config),
            iam: aws_sdk_iam::Client::new(config),
            logs: aws_sdk_cloudwatchlogs::Client::new(config),
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
            sns: aws_sdk_sns::Client::new(config),
        }
    }

    /// Whether ECR has a repository.
    pub async fn has_repository(&self, name: &str) -> Result<bool, PhaseError> {
        let sent = self.ecr.describe_repositories().repository_names(name);
        let sent = sent.send().await.map(drop);
        let error = sent.map_err(|error| AwsError::new("ecr:DescribeRepositories", &error));
        absent(error, &["RepositoryNotFoundException"], || {
            format!("repository {name}")
        })
    }

    /// Whether ECR has an image, by tag or digest.
    pub async fn has_image(&self, repository: &str, name: &str) -> Result<bool, PhaseError> {
        let id = ImageIdentifier::builder();
        let id = if name.starts_with("sha256:") {
            id.image_digest(name)
        } else {
            id.image_tag(name)
        };
        let call = self.ecr.describe_images().repository_name(repository);
        let sent = call.image_ids(id.build()).send().await;
        match sent.map_err(|error| AwsError::new("ecr:DescribeImages", &error)) {
            Ok(answer) => Ok(!answer.image_details().is_empty()),
            Err(error) if NO_IMAGE.contains(&error.code.as_str()) => Ok(false),
            Err(error) => Err(error.about(format!("image {repository} {name}"))),
        }
    }

    /// The images of a repository; none where there is no such repository.
    pub async fn images(&self, repository: &str) -> Result<Vec<Candidate>, PhaseError> {
        let mut images = Vec::new();
        let mut token = None;
        loop {
            let call = self.ecr.describe_images().repository_name(repository);
            let sent = call.set_next_token(token).send().await;
            let page = match sent.map_err(|error| AwsError::new("ecr:DescribeImages", &error)) {
                Ok(page) => page,
                Err(error) if NO_IMAGE.contains(&error.code.as_str()) => return Ok(Vec::new()),
                Err(error) => return Err(error.about(format!("repository {repository}"))),
            };
            images.extend(page.image_details().iter().map(|image| Candidate {
                digest: image.image_digest().unwrap_or_default().to_owned(),
                tags: image.image_tags().to_vec(),
                pushed_at: image.image_pushed_at().map_or(0, DateTime::as_nanos),
            }));
            token = page.next_token().map(str::to_owned);
            if token.is_none() {
                return Ok(images);
            }
        }
    }

    /// Whether CloudWatch Logs has a log group. The group itself sorts before all others that
    /// begin like it.
    pub async fn has_log_group(&self, name: &str) -> Result<bool, PhaseError> {
        let call = self.logs.describe_log_groups().log_group_name_prefix(name);
        let sent = call.limit(1).send().await;
        let found = sent.map_err(|error| {
            AwsError::new("logs:DescribeLogGroups", &error).about(format!("log group {name}"))
        })?;
        let mut names = found.log_groups().iter().map(|it| it.log_group_name());
        Ok(names.any(|found| found == Some(name)))
    }

    /// The role that something names, for a service of AWS to assume, such as
    /// `ecs-tasks.amazonaws.com`.
    pub async fn role(&self, role: &str, service: &str) -> Result<RoleLook, PhaseError> {
        // A role's path is part of its ARN, and not of the name that IAM asks for.
        let sent = self.iam.get_role().role_name(short_name(role)).send().await;
        match sent.map_err(|error| AwsError::new("iam:GetRole", &error)) {
            Ok(answer) => {
                let policy = answer
                    .role
                    .and_then(|role| role.assume_role_policy_document);
                let good = policy.is_none_or(|it| it.contains(service) || it.contains('*'));
                Ok(if good {
                    RoleLook::Good
                } else {
                    RoleLook::NotAssumable
                })
            }
            Err(error) if error.code.starts_with("NoSuchEntity") => Ok(RoleLook::Missing),
            Err(error) => Err(error.about(format!("role {role}"))),
        }
    }

    /// The state of an alarm, by name or ARN, such as `OK`; `None` when there is none.
    pub async fn alarm(&self, alarm: &str) -> Result<Option<String>, PhaseError> {
        let name = alarm_name(alarm);
        let call = self.cloudwatch.describe_alarms().alarm_names(name);
        let call = call
            .alarm_types(AlarmType::MetricAlarm)
            .alarm_types(AlarmType::CompositeAlarm);
        let found = call.send().await.map_err(|error| {
            AwsError::new("cloudwatch:DescribeAlarms", &error).about(format!("alarm {name}"))
        })?;
        let metric = found.metric_alarms().iter().map(|it| it.state_value());
        let composite = found.composite_alarms().iter().map(|it| it.state_value());
        let state = metric.chain(composite).next();
        Ok(state.map(|it| it.map_or("", |it| it.as_str()).to_owned()))
    }

    /// Whether there is a bucket, and it may be looked at.
    pub async fn has_bucket(&self, bucket: &str) -> Result<bool, PhaseError> {
        let sent = self.s3.head_bucket().bucket(bucket).send().await.map(drop);
        let error = sent.map_err(|error| AwsError::new("s3:ListBucket", &error));
        absent(error, &["NotFound", "NoSuchBucket"], || {
            format!("bucket {bucket}")
        })
    }

    /// A site's bucket.
    pub fn bucket(&self, name: &str) -> Bucket {
        Bucket::with_client(self.s3.clone(), name)
    }

    /// Whether a bucket has an object.
    pub async fn has_object(&self, bucket: &str, key: &str) -> Result<bool, PhaseError> {
        let sent = self.s3.head_object().bucket(bucket).key(key).send().await;
        let error = sent
            .map(drop)
            .map_err(|error| AwsError::new("s3:GetObject", &error));
        absent(error, &["NotFound", "NoSuchKey", "NoSuchBucket"], || {
            format!("s3://{bucket}/{key}")
        })
    }

    /// Whether there is a topic.
    pub async fn has_topic(&self, arn: &str) -> Result<bool, PhaseError> {
        let sent = self.sns.get_topic_attributes().topic_arn(arn).send().await;
        let error = sent
            .map(drop)
            .map_err(|error| AwsError::new("sns:GetTopicAttributes", &error));
        absent(error, &["NotFound", "NotFoundException"], || {
            format!("topic {arn}")
        })
    }
}

/// The name in an alarm's ARN, which may hold colons of its own; a name stays what it is.
pub fn alarm_name(alarm: &str) -> &str {
    let in_arn = alarm
        .starts_with("arn:")
        .then(|| alarm.split_once(":alarm:"));
    in_arn.flatten().map_or(alarm, |(_, name)| name)
}

/// Whether something is there, from a call that fails with one of `codes` where it is not.
fn absent(
    answer: Result<(), AwsError>,
    codes: &[&str],
    resource: impl FnOnce() -> String,
) -> Result<bool, PhaseError> {
    match answer {
        Ok(()) => Ok(true),
        Err(error) if codes.contains(&error.code.as_str()) => Ok(false),
        Err(error) => Err(error.about(resource())),
    }
}

#[cfg(test)]
mod tests {
    use super::alarm_name;

    #[test]
    fn an_alarm_is_known_by_its_name_and_by_its_arn() {
        assert_eq!(alarm_name("shop-errors"), "shop-errors");
        let arn = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:shop: too many errors";
        assert_eq!(alarm_name(arn), "shop: too many errors");
    }
}
