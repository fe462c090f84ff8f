#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use crate::Sent;
use crate::testing::{asked, cloudformation, error, ok};

fn none() -> BTreeSet<String> {
    BTreeSet::new()
}

#[tokio::test]
async fn every_operation_carries_its_token() {
    let answers = [
        ok("DeleteStack", ""),
        ok("CancelUpdateStack", ""),
        ok("ContinueUpdateRollback", ""),
        ok("RollbackStack", "<StackId>x</StackId>"),
        ok("UpdateTerminationProtection", "<StackId>x</StackId>"),
    ];
    let (cloudformation, http) = cloudformation(&answers);
    let sent = [
        cloudformation
            .delete("quiz", "t-undo", Some("arn:role"), &none())
            .await,
        cloudformation.cancel_update("quiz", "t-cancel").await,
        cloudformation
            .continue_rollback(
                "quiz",
                "t-heal",
                Some("arn:role"),
                &["Table".to_owned()].into(),
            )
            .await,
        cloudformation.roll_back("quiz", "t-heal", None).await,
        cloudformation.protect("quiz", false).await,
    ];
    for sent in sent {
        assert_eq!(sent.unwrap(), Sent::Accepted);
    }
    assert_eq!(
        asked(&http),
        [
            "DeleteStack StackName=quiz RoleARN=arn:role ClientRequestToken=t-undo",
            "CancelUpdateStack StackName=quiz ClientRequestToken=t-cancel",
            "ContinueUpdateRollback StackName=quiz RoleARN=arn:role ResourcesToSkip.member.1=Table ClientRequestToken=t-heal",
            "RollbackStack StackName=quiz ClientRequestToken=t-heal",
            "UpdateTerminationProtection EnableTerminationProtection=false StackName=quiz",
        ]
    );
}

#[tokio::test]
async fn resources_of_nested_stacks_are_skipped_by_the_nested_stacks_name() {
    let resource = |logical: &str, physical: &str, kind: &str| {
        format!(
            "<member><LogicalResourceId>{logical}</LogicalResourceId><PhysicalResourceId>{physical}</PhysicalResourceId>\
             <ResourceType>{kind}</ResourceType><ResourceStatus>UPDATE_COMPLETE</ResourceStatus></member>"
        )
    };
    let nested = "arn:aws:cloudformation:eu-west-1:1:stack/quiz-Data-1X/7";
    let list = |inner: &str| {
        ok(
            "DescribeStackResources",
            &format!("<StackResources>{inner}</StackResources>"),
        )
    };
    let answers = [
        list(&resource("Data", nested, "AWS::CloudFormation::Stack")),
        list(&resource("Table", "t1", "AWS::DynamoDB::Table")),
        ok("ContinueUpdateRollback", ""),
    ];
    let (cloudformation, http) = cloudformation(&answers);
    let skip = ["Data/Table".to_owned()].into();
    cloudformation
        .continue_rollback("quiz", "t", None, &skip)
        .await
        .unwrap();
    let asked = asked(&http);
    assert_eq!(
        asked[1],
        format!("DescribeStackResources StackName={nested}")
    );
    assert!(
        asked[2].contains("ResourcesToSkip.member.1=quiz-Data-1X.Table"),
        "{asked:?}"
    );
}

#[tokio::test]
async fn a_deletion_may_keep_what_could_not_be_deleted() {
    let (cloudformation, http) = cloudformation(&[ok("DeleteStack", "")]);
    let retain = ["Bucket".to_owned()].into();
    cloudformation
        .delete("quiz", "t", None, &retain)
        .await
        .unwrap();
    assert_eq!(
        asked(&http),
        ["DeleteStack StackName=quiz RetainResources.member.1=Bucket ClientRequestToken=t"]
    );
}

#[tokio::test]
async fn a_token_that_was_taken_already_is_looked_at_again() {
    let answers = [
        error(
            400,
            "TokenAlreadyExistsException",
            "A client request token already exists.",
        ),
        error(
            400,
            "ValidationError",
            "CancelUpdateStack cannot be called from current stack status",
        ),
    ];
    let (cloudformation, _http) = cloudformation(&answers);
    for sent in [
        cloudformation
            .delete("quiz", "t", None, &none())
            .await
            .unwrap(),
        cloudformation.cancel_update("quiz", "t").await.unwrap(),
    ] {
        assert!(matches!(sent, Sent::LookAgain(_)), "{sent:?}");
    }
}
