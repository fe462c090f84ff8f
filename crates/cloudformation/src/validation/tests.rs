#![allow(clippy::unwrap_used)]

use lockstep::stack::ChangeSetStatus;

use crate::testing::{Answer, asked, cloudformation, error, ok};

const STACK: &str = "arn:aws:cloudformation:eu-west-1:1:stack/quiz/6";
const REASON: &str =
    "Validation failed with 1 error(s). Call DescribeEvents to retrieve the full list.";

fn problems() -> Answer {
    let problem = |operation: &str, logical: &str| {
        format!(
            "<member><EventId>{logical}</EventId><OperationId>{operation}</OperationId><EventType>VALIDATION_ERROR</EventType>\
             <LogicalResourceId>{logical}</LogicalResourceId><ResourceType>AWS::S3::Bucket</ResourceType>\
             <ValidationStatusReason>It exists already.</ValidationStatusReason>\
             <ValidationPath>/Resources/{logical}/Properties/BucketName</ValidationPath></member>"
        )
    };
    let other = "<member><EventId>x</EventId><OperationId>new</OperationId><EventType>STACK_EVENT</EventType></member>";
    ok(
        "DescribeEvents",
        &format!(
            "<OperationEvents>{other}{}{}</OperationEvents>",
            problem("new", "Uploads"),
            problem("old", "Former")
        ),
    )
}

fn failed_stack() -> Answer {
    ok(
        "DescribeStackEvents",
        &format!(
            "<StackEvents><member><StackId>{STACK}</StackId><EventId>e1</EventId><LogicalResourceId>quiz</LogicalResourceId>\
             <PhysicalResourceId>{STACK}</PhysicalResourceId><ResourceType>AWS::CloudFormation::Stack</ResourceType>\
             <ResourceStatus>CREATE_FAILED</ResourceStatus><ResourceStatusReason>{REASON}</ResourceStatusReason>\
             <Timestamp>2026-11-21T08:00:00Z</Timestamp><ClientRequestToken>t</ClientRequestToken></member></StackEvents>"
        ),
    )
}

#[tokio::test]
async fn a_stack_that_was_invalid_tells_which_resource_is() {
    let (cloudformation, http) = cloudformation(&[failed_stack(), problems()]);
    let events = cloudformation.events(STACK, None).await.unwrap();
    let told = &events[1];
    assert_eq!(
        events.len(),
        2,
        "what an earlier operation told is not news"
    );
    assert_eq!(
        (
            told.logical.as_str(),
            told.status.as_str(),
            told.token.as_deref()
        ),
        ("Uploads", "VALIDATION_FAILED", Some("t"))
    );
    assert_eq!(
        told.reason,
        "It exists already (at /Resources/Uploads/Properties/BucketName)"
    );
    assert!(!told.is_of_stack());
    assert_eq!(
        asked(&http)[1],
        format!("DescribeEvents StackName={STACK} Filters.FailedEvents=true")
    );
}

#[tokio::test]
async fn so_does_a_change_set() {
    let failed = ok(
        "DescribeChangeSet",
        &format!(
            "<Status>FAILED</Status><ExecutionStatus>UNAVAILABLE</ExecutionStatus><StatusReason>{REASON}</StatusReason>"
        ),
    );
    let (cloudformation, _http) = cloudformation(&[failed, problems()]);
    let whole = cloudformation
        .change_set("quiz", "c")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(whole.status, ChangeSetStatus::Failed);
    assert_eq!(
        whole.reason,
        "Uploads (AWS::S3::Bucket): It exists already (at /Resources/Uploads/Properties/BucketName)"
    );
}

#[tokio::test]
async fn what_may_not_be_read_is_left_to_the_console() {
    let denied = error(403, "AccessDenied", "no");
    let (cloudformation, _http) = cloudformation(&[failed_stack(), denied]);
    let events = cloudformation.events(STACK, None).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].reason, REASON);
}
