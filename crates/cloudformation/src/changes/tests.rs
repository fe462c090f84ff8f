#![allow(clippy::unwrap_used)]

use lockstep::stack::ChangeSetStatus;

use crate::testing::{asked, cloudformation, error, ok};

const HEAD: &str = "<Status>CREATE_COMPLETE</Status><ExecutionStatus>AVAILABLE</ExecutionStatus>";

fn change(fields: &str) -> String {
    format!("<member><Type>Resource</Type><ResourceChange>{fields}</ResourceChange></member>")
}

fn answer(head: &str, changes: &str) -> (u16, String) {
    ok(
        "DescribeChangeSet",
        &format!("{head}<Changes>{changes}</Changes>"),
    )
}

#[tokio::test]
async fn a_change_is_read_with_its_values() {
    let detail = |more: &str| {
        format!(
            "<member><Target><Attribute>Properties</Attribute><Name>KeySchema</Name><Path>/Properties/KeySchema</Path>\
             {more}</Target></member>"
        )
    };
    let table = change(&format!(
        "<Action>Modify</Action><LogicalResourceId>Orders</LogicalResourceId><PhysicalResourceId>orders</PhysicalResourceId>\
         <ResourceType>AWS::DynamoDB::Table</ResourceType><Replacement>True</Replacement><PolicyAction>ReplaceAndDelete</PolicyAction>\
         <Details>{}{}</Details>",
        detail("<RequiresRecreation>Conditionally</RequiresRecreation>"),
        detail(
            "<RequiresRecreation>Always</RequiresRecreation><BeforeValue>id</BeforeValue><AfterValue>orderId</AfterValue>"
        )
    ));
    let page = answer(&format!("{HEAD}<NextToken>n</NextToken>"), &table);
    let added = change("<Action>Add</Action><LogicalResourceId>Added</LogicalResourceId>");
    let (cloudformation, http) = cloudformation(&[page, answer(HEAD, &added)]);
    let whole = cloudformation
        .change_set("quiz", "lockstep-1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(whole.status, ChangeSetStatus::Ready);
    let paths: Vec<_> = whole.changes.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(paths, ["Added", "Orders"]);
    let orders = &whole.changes[1];
    assert_eq!(
        (
            orders.replacement.as_deref(),
            orders.policy_action.as_deref()
        ),
        (Some("True"), Some("ReplaceAndDelete"))
    );
    assert_eq!(
        orders.properties.len(),
        1,
        "a cause is not a change of its own"
    );
    let key = &orders.properties[0];
    assert_eq!(key.path, "/Properties/KeySchema");
    assert_eq!(
        (key.before.as_deref(), key.after.as_deref()),
        (Some("id"), Some("orderId"))
    );
    assert_eq!(key.requires_recreation, "Always");
    assert_eq!(
        asked(&http),
        [
            "DescribeChangeSet ChangeSetName=lockstep-1 StackName=quiz IncludePropertyValues=true",
            "DescribeChangeSet ChangeSetName=lockstep-1 StackName=quiz NextToken=n IncludePropertyValues=true",
        ]
    );
}

#[tokio::test]
async fn nested_change_sets_are_followed() {
    let nested = change(
        "<Action>Modify</Action><LogicalResourceId>Data</LogicalResourceId>\
         <ResourceType>AWS::CloudFormation::Stack</ResourceType><ChangeSetId>arn:nested</ChangeSetId>",
    );
    let table = change(
        "<Action>Remove</Action><LogicalResourceId>Table</LogicalResourceId><ResourceType>AWS::DynamoDB::Table</ResourceType>",
    );
    let (cloudformation, http) = cloudformation(&[answer(HEAD, &nested), answer(HEAD, &table)]);
    let whole = cloudformation
        .change_set("quiz", "c")
        .await
        .unwrap()
        .unwrap();
    let paths: Vec<_> = whole.changes.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(paths, ["Data", "Data/Table"]);
    assert_eq!(
        asked(&http)[1],
        "DescribeChangeSet ChangeSetName=arn:nested IncludePropertyValues=true"
    );
}

#[tokio::test]
async fn all_that_goes_with_a_nested_stack_is_removed() {
    let nested = change(
        "<PolicyAction>Delete</PolicyAction><Action>Remove</Action><LogicalResourceId>Data</LogicalResourceId>\
         <PhysicalResourceId>arn:aws:cloudformation:eu-west-1:1:stack/quiz-Data/7</PhysicalResourceId>\
         <ResourceType>AWS::CloudFormation::Stack</ResourceType>",
    );
    let resources = "<StackResources><member><LogicalResourceId>Table</LogicalResourceId>\
         <PhysicalResourceId>t</PhysicalResourceId><ResourceType>AWS::DynamoDB::Table</ResourceType>\
         <ResourceStatus>CREATE_COMPLETE</ResourceStatus></member></StackResources>";
    let answers = [
        answer(HEAD, &nested),
        ok("DescribeStackResources", resources),
    ];
    let (cloudformation, _http) = cloudformation(&answers);
    let whole = cloudformation
        .change_set("quiz", "c")
        .await
        .unwrap()
        .unwrap();
    let table = &whole.changes[1];
    assert_eq!(
        (
            table.path.as_str(),
            table.action.as_str(),
            table.policy_action.as_deref()
        ),
        ("Data/Table", "Remove", Some("Delete"))
    );
}

#[tokio::test]
async fn both_texts_say_that_there_are_no_changes() {
    for text in [
        "The submitted information didn't contain changes. Submit different information to create a change set.",
        "No updates are to be performed.",
    ] {
        let head = format!(
            "<Status>FAILED</Status><ExecutionStatus>UNAVAILABLE</ExecutionStatus><StatusReason>{text}</StatusReason>"
        );
        let (cloudformation, _http) = cloudformation(&[answer(&head, "")]);
        let whole = cloudformation
            .change_set("quiz", "c")
            .await
            .unwrap()
            .unwrap();
        assert_eq!(whole.status, ChangeSetStatus::Empty);
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_an_error() {
    let answers = [
        error(404, "ChangeSetNotFound", "ChangeSet [c] does not exist"),
        error(400, "ValidationError", "Stack [quiz] does not exist"),
    ];
    let (cloudformation, _http) = cloudformation(&answers);
    for _ in 0..2 {
        assert_eq!(cloudformation.change_set("quiz", "c").await.unwrap(), None);
    }
}
