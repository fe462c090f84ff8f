#![allow(clippy::unwrap_used)]

use crate::Sent;
use crate::testing::{asked, cloudformation, error, ok};

const STACK: &str = "arn:aws:cloudformation:eu-west-1:1:stack/quiz/6c4d";

fn described(status: &str) -> String {
    format!(
        "<Stacks><member><StackId>{STACK}</StackId><StackName>quiz</StackName><StackStatus>{status}</StackStatus>\
         <StackStatusReason>why</StackStatusReason><CreationTime>2026-11-21T08:00:00Z</CreationTime>\
         <Parameters><member><ParameterKey>Cidr</ParameterKey><ParameterValue>10.0.0.0/16</ParameterValue></member>\
         <member><ParameterKey>Password</ParameterKey><ParameterValue>****</ParameterValue></member></Parameters>\
         <Tags><member><Key>team</Key><Value>quiz</Value></member></Tags>\
         <Outputs><member><OutputKey>VpcId</OutputKey><OutputValue>vpc-1</OutputValue></member></Outputs>\
         <Capabilities><member>CAPABILITY_NAMED_IAM</member></Capabilities><RoleARN>arn:role</RoleARN>\
         <RollbackConfiguration><RollbackTriggers><member><Arn>arn:alarm</Arn><Type>AWS::CloudWatch::Alarm</Type></member>\
         </RollbackTriggers><MonitoringTimeInMinutes>5</MonitoringTimeInMinutes></RollbackConfiguration>\
         <EnableTerminationProtection>true</EnableTerminationProtection></member></Stacks>"
    )
}

#[tokio::test]
async fn a_stack_is_read_whole() {
    let (cloudformation, http) =
        cloudformation(&[ok("DescribeStacks", &described("UPDATE_COMPLETE"))]);
    let live = cloudformation.stack("quiz").await.unwrap().unwrap();
    assert_eq!((live.id.as_str(), live.name.as_str()), (STACK, "quiz"));
    assert_eq!(
        (live.status.as_str(), live.reason.as_str()),
        ("UPDATE_COMPLETE", "why")
    );
    assert_eq!(live.parameters["Cidr"], "10.0.0.0/16");
    assert_eq!(live.parameters["Password"], "****");
    assert_eq!(live.tags["team"], "quiz");
    assert_eq!(live.outputs["VpcId"], "vpc-1");
    assert_eq!(live.capabilities, ["CAPABILITY_NAMED_IAM"]);
    assert_eq!(live.role.as_deref(), Some("arn:role"));
    assert_eq!(
        (live.alarms, live.monitoring_minutes),
        (vec!["arn:alarm".to_owned()], 5)
    );
    assert!(live.termination_protection && live.last_operation.is_none());
    assert_eq!(asked(&http), ["DescribeStacks StackName=quiz"]);
}

#[tokio::test]
async fn a_stack_that_is_not_there_is_not_an_error() {
    let missing = error(400, "ValidationError", "Stack with id quiz does not exist");
    let (cloudformation, _http) = cloudformation(&[missing.clone(), missing]);
    assert_eq!(cloudformation.stack("quiz").await.unwrap(), None);
    assert_eq!(
        cloudformation.stack_with_operation("quiz").await.unwrap(),
        None
    );
}

#[tokio::test]
async fn a_stack_is_read_with_what_it_did_last() {
    let events = format!(
        "<StackEvents><member><StackId>{STACK}</StackId><EventId>e1</EventId><StackName>quiz</StackName>\
         <LogicalResourceId>quiz</LogicalResourceId><PhysicalResourceId>{STACK}</PhysicalResourceId>\
         <ResourceType>AWS::CloudFormation::Stack</ResourceType><ResourceStatus>UPDATE_COMPLETE</ResourceStatus>\
         <Timestamp>2026-11-21T08:00:00.123Z</Timestamp><ClientRequestToken>t</ClientRequestToken></member></StackEvents>"
    );
    let answers = [
        ok("DescribeStacks", &described("UPDATE_COMPLETE")),
        ok("DescribeStackEvents", &events),
    ];
    let (cloudformation, http) = cloudformation(&answers);
    let live = cloudformation
        .stack_with_operation("quiz")
        .await
        .unwrap()
        .unwrap();
    let operation = live.last_operation.unwrap();
    assert_eq!(
        (operation.token.as_deref(), operation.event.as_str()),
        (Some("t"), "e1")
    );
    assert_eq!(
        asked(&http)[1],
        format!("DescribeStackEvents StackName={STACK}")
    );
}

#[tokio::test(start_paused = true)]
async fn throttling_and_broken_service_are_transient() {
    for (status, code) in [
        (400, "Throttling"),
        (500, "InternalFailure"),
        (503, "ServiceUnavailable"),
    ] {
        let answers = vec![error(status, code, "Rate exceeded"); 3];
        let (cloudformation, _http) = cloudformation(&answers);
        let failed = cloudformation.stack("quiz").await.unwrap_err();
        assert!(failed.is_transient(), "{code}: {failed}");
    }
}

#[tokio::test]
async fn what_the_role_may_not_do_is_told_with_the_action() {
    let (cloudformation, _http) = cloudformation(&[error(403, "AccessDenied", "no")]);
    let failed = cloudformation.protect(STACK, true).await.unwrap_err();
    assert_eq!(
        failed.to_string(),
        "stack quiz: the phase's role may not call cloudformation:UpdateTerminationProtection: no; \
         allow it in template.yaml or in the resource's policy"
    );
}

#[tokio::test]
async fn a_change_that_comes_too_late_is_looked_at_again() {
    let gone = error(400, "ValidationError", "Stack [quiz] does not exist");
    let (cloudformation, _http) = cloudformation(&[gone]);
    assert_eq!(
        cloudformation.protect("quiz", true).await.unwrap(),
        Sent::LookAgain("Stack [quiz] does not exist".to_owned())
    );
}
