//! SDK clients of the harness.

use aws_types::SdkConfig;
use lockstep_ledger::Ledger;

/// Clients that call the emulator directly, as the account's root user: none of their calls is in the gateway's log,
/// and no fault hits them.
#[derive(Debug, Clone)]
pub struct Clients {
    /// CloudFormation.
    pub cloudformation: aws_sdk_cloudformation::Client,
    /// CodeBuild.
    pub codebuild: aws_sdk_codebuild::Client,
    /// Amazon ECS.
    pub ecs: aws_sdk_ecs::Client,
    /// IAM.
    pub iam: aws_sdk_iam::Client,
    /// Lambda.
    pub lambda: aws_sdk_lambda::Client,
    /// CloudWatch.
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    /// CloudWatch Logs.
    pub logs: aws_sdk_cloudwatchlogs::Client,
    /// Amazon S3.
    pub s3: aws_sdk_s3::Client,
    /// Step Functions.
    pub sfn: aws_sdk_sfn::Client,
    /// SNS.
    pub sns: aws_sdk_sns::Client,
    /// Systems Manager.
    pub ssm: aws_sdk_ssm::Client,
    /// DynamoDB, for what the ledger's own API does not show.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// The ledger of the deployed controller.
    pub ledger: Ledger,
}

impl Clients {
    /// Clients for one endpoint.
    pub fn new(config: &SdkConfig, table: &str) -> Self {
        let dynamodb = aws_sdk_dynamodb::Client::new(config);
        // The emulator has no host names for buckets.
        let s3 = aws_sdk_s3::config::Builder::from(config).force_path_style(true);
        Self {
            cloudformation: aws_sdk_cloudformation::Client::new(config),
            codebuild: aws_sdk_codebuild::Client::new(config),
            cloudwatch: aws_sdk_cloudwatch::Client::new(config),
            ecs: aws_sdk_ecs::Client::new(config),
            iam: aws_sdk_iam::Client::new(config),
            lambda: aws_sdk_lambda::Client::new(config),
            logs: aws_sdk_cloudwatchlogs::Client::new(config),
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
            sfn: aws_sdk_sfn::Client::new(config),
            sns: aws_sdk_sns::Client::new(config),
            ssm: aws_sdk_ssm::Client::new(config),
            ledger: Ledger::new(dynamodb.clone(), table),
            dynamodb,
        }
    }
}
